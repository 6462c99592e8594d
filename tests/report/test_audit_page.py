"""The page of an audit says what its facts say, and needs nothing else."""

import json
import re
from pathlib import Path

import pytest

from cxrlens.report import gather_audit_facts, write_audit
from cxrlens.vocabulary import (
    NEAR,
    Audit,
    Estimate,
    Gate,
    Kinship,
    LeakCost,
    ModelCheck,
    OddCount,
    RepeatGroup,
    Shortcut,
    Suspect,
)


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.05, 40, "some way")


@pytest.fixture
def audit() -> Audit:
    return Audit(
        title="audit of <data>",
        command="cxrlens audit data",
        n_images=40,
        n_patients=30,
        n_unknown_patients=2,
        is_phantom=True,
        counts={"part": {"train": {"a": 20, "b": 20}}},
        gates=(
            Gate("shortcuts", False, "bytes 0.871", "store all alike"),
            Gate("labels of repeats", True, "none", ""),
            Gate("patients on both sides", None, "no split", ""),
        ),
        repeats=(
            RepeatGroup(("a/x.png", "b/y.png"), NEAR, 0.823, ("a", "b"), ("train", "test"),
                        ("p", None), is_conflicting=True),
        ),
        shared=(),
        shortcuts=(Shortcut("file bytes", estimate(0.871), 0.004975, True, 0.912),),
        baselines=(Shortcut("32-pixel thumbnail", estimate(0.777), None, False, 0.612),),
        untested=("source: not tested",),
        model=ModelCheck(33, estimate(0.901), estimate(0.654), 1),
        suspects=(Suspect("a/<script>.png", "a", "b", 0.731),),
        features="plain pixel features",
        odd=(OddCount("rotated", 3, ("'z.png' looks rotated",)),),
        lineage=(Kinship("A", "subset of", "B", "v1", "someone", "https://x.org", "2026-11-28"),),
        cost=LeakCost(estimate(0.701), estimate(0.812), estimate(0.111), 10),
        fingerprint="f" * 64,
    )  # fmt: skip


def test_every_figure_on_the_page_stands_in_the_facts(audit: Audit, tmp_path: Path) -> None:
    page, facts = write_audit(tmp_path / "out", audit, None)
    plain = json.loads(facts.read_text())
    text = page.read_text()
    figures = re.findall(r'data-figure="([^"]+)">([^<]*)<', text)
    assert len(figures) > 15
    for path, told in figures:
        value = plain
        for key in path.split("."):
            value = value[int(key)] if isinstance(value, list) else value[key]
        assert float(told) == pytest.approx(value, abs=5e-4)


def test_what_is_not_passed_stands_in_red_on_top_with_its_remedy(
    audit: Audit, tmp_path: Path
) -> None:
    text = write_audit(tmp_path, audit, None)[0].read_text()
    alarms = re.findall(r'<p class="alarm">(.*?)</p>', text)
    assert len(alarms) == 1
    assert "shortcuts" in alarms[0]
    assert "store all alike" in alarms[0]
    assert text.index('class="alarm"') < text.index('id="gates"')


def test_the_page_needs_nothing_and_runs_nothing(audit: Audit, tmp_path: Path) -> None:
    text = write_audit(tmp_path, audit, None)[0].read_text()
    assert "<script" not in text
    assert "<img" not in text
    assert not re.search(r'(?:src|href)="(?!#|data:)', text)
    assert "not a verdict" in text


def test_pictures_are_left_out_where_a_file_is_gone(audit: Audit, tmp_path: Path) -> None:
    assert "<img" not in write_audit(tmp_path, audit, str(tmp_path))[0].read_text()


def test_facts_tell_what_a_group_crosses(audit: Audit) -> None:
    facts = gather_audit_facts(audit)
    assert facts["is_passed"] is False
    (group,) = facts["repeats"]  # type: ignore[misc]
    assert group["crosses_parts"] is True
    assert group["crosses_patients"] is True
