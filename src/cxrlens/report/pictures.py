"""A report's pictures become files.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from cxrlens.report.case_grid import draw_cases, draw_one_per_class
from cxrlens.report.confusion_matrix import draw_confusion
from cxrlens.report.curves import draw_history
from cxrlens.report.figure import PHANTOM_IMAGES, save_figure
from cxrlens.report.records import Report
from cxrlens.report.roc_curve import draw_roc
from cxrlens.report.write import make_folder


def write_pictures(folder: Path, report: Report) -> tuple[Path, ...]:
    """Write what can be drawn of a report, each picture signed and fit to stand alone.

    Args:
        folder: where to; made where it is missing.
        report: the records.

    Returns:
        The files: `roc.png` and `confusion.png`; where images may be shown, `cases.png` and
        `one-per-class.png` where there are cases, and `mistakes.png` where there are any;
        `learning-curves.png` where epochs were recorded.

    Raises:
        OutputError: if the folder cannot be written.
    """
    make_folder(folder)
    written = []
    for name, figure in draw_pictures(report):
        written.append(folder / f"{name}.png")
        save_figure(written[-1], figure)
    return tuple(written)


def draw_pictures(report: Report) -> Iterator[tuple[str, Figure]]:
    """Draw what can be drawn of a report, one picture after the other.

    Args:
        report: the records.

    Yields:
        The name that `write_pictures` gives it, and the picture.
    """
    notes = (PHANTOM_IMAGES,) if report.is_phantom else ()
    title = report.title
    yield "roc", draw_roc(report.evaluation, title=title, notes=notes)
    yield "confusion", draw_confusion(report.evaluation, title=title, notes=notes)
    if report.cases and report.shows_images:
        sample = f"{title}: cases evenly spaced through each class"
        yield "cases", draw_cases(report.cases, title=sample, notes=notes)
    if report.shows_images and any(case.truths for case in report.cases):
        one = f"{title}: one case of each class"
        yield "one-per-class", draw_one_per_class(report.cases, title=one, notes=notes)
    if report.mistakes and report.shows_images:
        worst = f"{title}: the most confident mistakes"
        yield "mistakes", draw_cases(report.mistakes, title=worst, notes=notes)
    if any(history.epochs for history in report.histories):
        yield "learning-curves", draw_history(report.histories, title=title, notes=notes)
