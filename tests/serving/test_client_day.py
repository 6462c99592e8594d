import io
import time

import numpy as np
import pytest
from PIL import Image

from cxrlens.client import ReadingRoom, RoomRefused, answer
from cxrlens.client.messages import RoomSettings


def wait_for(is_so, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_whole_day_over_the_client(start_room, phantoms, tmp_path) -> None:
    served = start_room("assistance")
    with ReadingRoom(served.url, served.token) as room:
        assert room.who_am_i().person.role == "admin"
        names = [one.name for one in room.get_room().classes]
        receipt = room.upload(phantoms[:2], patient_id="A17")
        assert [one.status for one in receipt.images] == ["accepted", "accepted"]
        assert [one.status for one in room.upload(phantoms[:2]).images] == ["known", "known"]
        ids = [str(one.id) for one in receipt.images]
        wait_for(lambda: all(room.get_case(one).machine for one in ids))

        first = room.get_next()
        assert first in ids
        room.claim(first)
        room.release(first)
        pixels = room.get_pixels(ids[0])
        with Image.open(phantoms[0]) as drawn:
            assert np.array_equal(pixels, np.asarray(drawn.convert("L")))
        case = room.get_case(ids[0])
        assert case.machine is not None
        with Image.open(io.BytesIO(room.get_map(ids[0], case.machine.maps[0].id))) as layer:
            assert layer.mode == "RGBA"
        room.order_map(ids[0], "occlusion", names[0])
        wait_for(lambda: not room.get_case(ids[0]).machine.ordered)
        assert "occlusion" in {one.method for one in room.get_case(ids[0]).machine.maps}

        done = room.commit(ids[0], answer(names, ["covid"], sureness=5, text="both bases"))
        assert [one.text for one in done.readings] == ["both bases"]
        with pytest.raises(RoomRefused, match="amend it") as refused:
            room.commit(ids[0], answer(names, ["normal"]))
        assert (refused.value.status, refused.value.code) == (409, "already-committed")
        amended = room.amend(ids[0], answer(names, ["normal"]), "wrong side")
        assert [one.kind for one in amended.readings] == ["final", "amendment"]
        room.set_reference(ids[0], {"covid": False, "normal": True}, "CT")

        (part,) = room.judge_outcomes().parts
        assert part.level == "assistance"
        assert b"both bases" not in room.export_readings("csv")
        assert room.export_readings("parquet")[:4] == b"PAR1"

        person = room.add_person("Ben", "reader")
        made = room.make_token(person.id, "desk")
        with ReadingRoom(served.url, made.secret) as other:
            with pytest.raises(RoomRefused, match="needs the role lead"):
                other.list_trail()
            assert other.stop().level == "human-only"
        settings = RoomSettings(reveal="never", asks_first=True, readers_per_case=2)
        assert room.set_settings(settings).settings == settings
        assert room.set_level("shadow", "we begin").level == "shadow"
        pages = list(room.list_cases("all", limit=1))
        assert [page.cases[0].id for page in pages] == ids[::-1]
        assert room.get_trail_head().seq >= room.list_trail(limit=1)[0].seq > 10
