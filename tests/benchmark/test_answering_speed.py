"""A small model is measured, and the figures become files."""

import json
from pathlib import Path

import pytest
from PIL import Image

from cxrlens.benchmark import (
    REFERENCE,
    SpeedReport,
    describe_machine,
    list_precisions,
    list_speeds,
    measure_answering,
    open_random_model,
    write_sample,
    write_speed,
)
from cxrlens.inference import has_bfloat16
from cxrlens.vocabulary import NOT_A_DEVICE, InputError


def test_measured_and_written(tmp_path: Path) -> None:
    files = write_sample(tmp_path, 3, 0.9)
    asked: list[int] = []

    def count() -> int:
        asked.append(1)
        return 3

    model = open_random_model("mobilenetv2_035")
    speed = measure_answering(
        "small", model, files, "float32", repeats=3, beside={"another": count}
    )
    assert set(speed.rates) == {"predict", "limit", "engine", "decode", REFERENCE, "another"}
    assert len(asked) == 4
    assert all(rate.turns[0] > 0 and len(rate.turns) == 3 for rate in speed.rates.values())
    # a whole is no faster than its parts
    assert speed.rates["limit"].per_second[1] < speed.rates["engine"].per_second[1]
    assert speed.share_of_limit == speed.rates["predict"].over(speed.rates["limit"])

    report = SpeedReport(describe_machine(), "3 phantoms", 3, (speed,))
    paths = write_speed(tmp_path, report)
    facts = json.loads(paths[0].read_text())
    assert facts["notice"] == NOT_A_DEVICE
    assert facts["report"]["machine"]["versions"]["openvino"]
    assert facts["report"]["speeds"][0]["rates"]["predict"]["turns"] == list(
        speed.rates["predict"].turns
    )
    header, rows = list_speeds([speed])
    assert header[-1] == "times another"
    lines = paths[1].read_text().splitlines()
    assert lines[-1] == "| " + " | ".join(rows[0]) + " |"
    with Image.open(paths[2]) as picture:
        assert picture.width > 500


def test_precisions_are_the_processors() -> None:
    assert ("bfloat16" in list_precisions()) == has_bfloat16()


@pytest.mark.skipif(has_bfloat16(), reason="this processor has bfloat16")
def test_what_the_processor_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this processor does not have"):
        measure_answering("small", open_random_model("mobilenetv2_035"),
                          write_sample(tmp_path, 1, 0.1), "bfloat16")  # fmt: skip
