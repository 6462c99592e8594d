"""A comparison of two models becomes a file of figures and a page.

SPDX-License-Identifier: Apache-2.0
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from cxrlens.evaluation import Comparison
from cxrlens.imaging import write_whole
from cxrlens.report.page import find, open_environment
from cxrlens.report.verdict import tell_verdict
from cxrlens.report.write import make_folder
from cxrlens.vocabulary import NOT_A_DEVICE, Plain, Provenance, to_plain


@dataclass(frozen=True)
class ComparisonReport:
    """All that stands on the page of a comparison and in its file of figures."""

    comparison: Comparison
    """The figures."""

    first: str
    """What was given as A."""

    second: str
    """What was given as B."""

    data: str | None
    """What was given as DATA; None where the files say all."""

    command: str
    """What was run to get it."""

    notes: tuple[str, ...]
    """What a reader of the figures must know, one sentence each."""

    provenance: Provenance = field(default_factory=Provenance)
    """What made it, and when."""

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What the figures of all classes together say, one sentence or a few each."""
        smallest = self.comparison.smallest
        return tuple(tell_verdict(one, smallest) for one in self.comparison.overall)

    @property
    def adjustment(self) -> str:
        """What was done about looking at several classes."""
        if all(one.adjusted_p_value is None for one in self.comparison.told):
            return "p-values are not adjusted for looking at several figures"
        return (
            "p (Holm) is adjusted for looking at all classes, each kind of figure on its own; "
            "the other p-values are not adjusted"
        )


def gather_comparison(report: ComparisonReport) -> dict[str, Plain]:
    """Gather everything that is said of a comparison.

    Args:
        report: the records.

    Returns:
        What `comparison.json` holds.
    """
    about = {
        "A": report.first,
        "B": report.second,
        "data": report.data,
        "command": report.command,
        "verdicts": report.verdicts,
        "comparison": report.comparison,
        "adjustment": report.adjustment,
        "notes": report.notes,
        "provenance": report.provenance,
        "notice": NOT_A_DEVICE,
    }
    return {name: to_plain(value) for name, value in about.items()}


def write_comparison(folder: Path, report: ComparisonReport) -> tuple[Path, Path]:
    """Write `comparison.json`, and `comparison.html`, one page that needs nothing else.

    Args:
        folder: where to; made where it is missing.
        report: the records.

    Returns:
        The file of figures and the page.

    Raises:
        OutputError: if the folder cannot be written.
    """
    facts = gather_comparison(report)
    text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    page = _render(report, facts)
    make_folder(folder)
    paths = folder / "comparison.json", folder / "comparison.html"
    write_whole(paths[0], text.encode())
    write_whole(paths[1], page.encode())
    return paths


def _render(report: ComparisonReport, facts: dict[str, Plain]) -> str:
    """Write the page; every figure on it is read from `facts` and carries its place there."""
    environment = open_environment(facts)
    made = report.comparison
    told = {one.label for one in made.told}
    kinds = [("overall", made.overall), ("per_class", made.per_class)]
    places = [
        (f"comparison.{kind}.{place}", one.label)
        for kind, figures in kinds
        for place, one in enumerate(figures)
        if one.label in told
    ]
    template = environment.get_template("comparison.html")
    return template.render(
        facts=facts,
        rows=[(place, label, find(facts, place)) for place, label in places],
        methods=sorted({one.discordance.method for one in made.told if one.discordance}),
    )
