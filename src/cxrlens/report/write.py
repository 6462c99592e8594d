"""A report becomes two files: the page and its figures.

SPDX-License-Identifier: Apache-2.0
"""

import json
from pathlib import Path

from cxrlens.imaging import write_whole
from cxrlens.report.facts import gather_facts
from cxrlens.report.page import render_page
from cxrlens.report.records import Report
from cxrlens.vocabulary import OutputError, show_name


def write_report(folder: Path, report: Report) -> tuple[Path, Path]:
    """Write `report.html`, one page that needs nothing else, and `metrics.json`.

    Each file is written whole or not at all; both are made before either is written.

    Args:
        folder: where to; made where it is missing.
        report: the records.

    Returns:
        The page and the metrics file.

    Raises:
        OutputError: if the folder cannot be written.
    """
    facts = gather_facts(report)
    metrics = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    page = render_page(report, facts)
    make_folder(folder)
    page_path, metrics_path = folder / "report.html", folder / "metrics.json"
    write_whole(metrics_path, metrics.encode())
    write_whole(page_path, page.encode())
    return page_path, metrics_path


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        OutputError: if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder '{show_name(str(folder))}': {error.strerror}; choose another"
        ) from error
