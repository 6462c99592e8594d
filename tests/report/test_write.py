import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cxrlens.report import Report, write_report
from cxrlens.report.facts import gather_facts
from cxrlens.vocabulary import OutputError


def test_two_files_and_nothing_else(full: Report, tmp_path: Path) -> None:
    page, metrics = write_report(tmp_path / "deep" / "run", full)
    assert sorted(p.name for p in page.parent.iterdir()) == ["metrics.json", "report.html"]
    assert json.loads(metrics.read_text()) == gather_facts(full)
    assert page.read_text().lstrip().startswith("<!doctype html>")


def test_writing_again_gives_the_same_bytes(full: Report, tmp_path: Path) -> None:
    first = [p.read_bytes() for p in write_report(tmp_path, full)]
    assert [p.read_bytes() for p in write_report(tmp_path, full)] == first


def test_a_new_report_replaces_the_old(
    full: Report, retitle: Callable[[str], Report], tmp_path: Path
) -> None:
    write_report(tmp_path, full)
    page, metrics = write_report(tmp_path, retitle("Second"))
    assert "<h1>Second</h1>" in page.read_text()
    assert json.loads(metrics.read_text())["title"] == "Second"


def test_a_file_in_the_way_is_named(bare: Report, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(OutputError, match="run"):
        write_report(tmp_path / "run", bare)
