"""What is sent twice is done once, and of two tabs one wins.

SPDX-License-Identifier: Apache-2.0
"""

import threading

import pytest

from cxrlens.client.messages import ReadingAnswer
from cxrlens.serving import tables
from cxrlens.serving.people import SignedIn
from cxrlens.serving.policy import NotAllowed
from cxrlens.serving.readings import Said, list_readings, record
from cxrlens.serving.repeating import do_once

from .room_by_hand import RoomByHand


def send(
    hand: RoomByHand, reader: SignedIn, key: str, case_id: str, answer: ReadingAnswer
) -> object:
    with hand.room.database.write() as connection:

        def do() -> None:
            record(connection, Said(reader, case_id, "commit", answer), hand.classes)

        return do_once(connection, reader, key, (f"commit {case_id}", answer), do)


def count_readings(hand: RoomByHand, case_id: str) -> int:
    with hand.room.database.read() as connection:
        return len(list_readings(connection, case_id))


def test_a_repeated_request_is_answered_as_it_was_then(hand: RoomByHand) -> None:
    reader = hand.add_person("Reader")
    one = hand.add_case(reader)
    for _ in range(3):
        send(hand, reader, "key-0001", one, hand.answer("covid", "seen"))
    assert count_readings(hand, one) == 1


def test_a_key_for_another_request_is_refused(hand: RoomByHand) -> None:
    reader, other = hand.add_person("Reader"), hand.add_person("Other")
    one, two = hand.add_case(reader), hand.add_case(reader)
    send(hand, reader, "key-0001", one, hand.answer("covid"))
    for case_id, answer in ((one, hand.answer("normal")), (two, hand.answer("covid"))):
        with pytest.raises(NotAllowed) as refused:
            send(hand, reader, "key-0001", case_id, answer)
        assert refused.value.reason == "key-reused"
    send(hand, other, "key-0001", two, hand.answer("normal"))  # keys are everyone's own
    assert (count_readings(hand, one), count_readings(hand, two)) == (1, 1)


def test_what_was_refused_is_not_remembered(hand: RoomByHand) -> None:
    hand.set_up(asks_first=True)
    reader = hand.add_person("Reader")
    one = hand.add_case(reader)
    for _ in range(2):
        with pytest.raises(NotAllowed) as refused:
            send(hand, reader, "key-0001", one, hand.answer("covid"))
        assert refused.value.reason == "first-answer-missing"
    hand.say(reader, one, "first-answer")
    send(hand, reader, "key-0001", one, hand.answer("covid"))
    assert hand.count(tables.remembered) == 1


@pytest.mark.parametrize("keys", [("", ""), ("key-0001", "key-0002"), ("key-0001", "key-0001")])
def test_of_two_tabs_one_wins(hand: RoomByHand, keys: tuple[str, str]) -> None:
    reader = hand.add_person("Reader")
    for _ in range(5):
        one = hand.add_case(reader)
        barrier, refused = threading.Barrier(2), []

        def commit(
            key: str, one: str = one, barrier: threading.Barrier = barrier,
            refused: list[str] = refused,
        ) -> None:  # fmt: skip
            barrier.wait()
            try:
                send(hand, reader, key and f"{key}-{one}", one, hand.answer("covid"))
            except NotAllowed as error:
                refused.append(error.reason)

        tabs = [threading.Thread(target=commit, args=(key,)) for key in keys]
        for tab in tabs:
            tab.start()
        for tab in tabs:
            tab.join()
        assert count_readings(hand, one) == 1
        assert refused == ([] if keys[0] and keys[0] == keys[1] else ["already-committed"])


def test_of_two_readers_as_many_are_taken_as_are_wanted(hand: RoomByHand) -> None:
    readers = [hand.add_person(f"Reader {number}") for number in range(4)]
    hand.set_up(readers=2)
    one = hand.add_case(readers[0])
    refused = []

    def commit(reader: SignedIn) -> None:
        try:
            send(hand, reader, "", one, hand.answer("covid"))
        except NotAllowed as error:
            refused.append(error.reason)

    threads = [threading.Thread(target=commit, args=(reader,)) for reader in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["already-read"] * 2
    assert count_readings(hand, one) == hand.find(one).n_read == 2
