"""Reliability curves become positions on a drawing.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

from cxrlens.evaluation import CalibrationReport, ClassReliability
from cxrlens.report.chart import Chart, Line, draw_unit_square

MAX_CHARTS = 4
"""Classes whose curves are drawn; the figures of more stand in the table alone."""

_RAW, _CALIBRATED, _PERFECT = "#d55e00", "#0072b2", "#767676"


@dataclass(frozen=True)
class ReliabilityChart:
    """The curves of one class, and the band of the ones that count."""

    class_name: str
    """The class taken as positive."""

    chart: Chart
    """Raw and calibrated, beside the diagonal."""

    band: str
    """The 95 % interval of each bin of the calibrated curve, or of the raw one where there is none:
    `x,y x,y …` in SVG user units; empty where there are too few cases."""


def chart_reliability(report: CalibrationReport | None) -> tuple[ReliabilityChart, ...]:
    """Draw what share came true over the probability, for the first classes.

    Args:
        report: with its curves; None for none.

    Returns:
        One a class, of at most `MAX_CHARTS`.
    """
    shown = () if report is None else report.per_class[:MAX_CHARTS]
    return tuple(
        _chart(one.class_name, one.raw, one.calibrated) for one in shown if len(one.raw.curve) > 1
    )


def _chart(
    name: str, raw: ClassReliability, calibrated: ClassReliability | None
) -> ReliabilityChart:
    chart, join = draw_unit_square(
        f"Reliability of {name}: share that has it over its probability",
        "probability",
        "share that has it",
    )
    lines = [Line("perfect", _PERFECT, True, join([(0.0, 0.0), (1.0, 1.0)]))]
    lines.append(Line("raw", _RAW, calibrated is not None, join(_list_points(raw))))
    if calibrated is not None:
        lines.append(Line("calibrated", _CALIBRATED, False, join(_list_points(calibrated))))
    band = _list_band(calibrated or raw)
    return ReliabilityChart(name, chart(tuple(lines)), join(band) if band else "")


def _list_points(curve: ClassReliability) -> list[tuple[float, float]]:
    return [(one.probability, one.observed.value or 0.0) for one in curve.curve]


def _list_band(curve: ClassReliability) -> list[tuple[float, float]]:
    """Along the lower ends, and back along the upper ones."""
    below = [(b.probability, b.observed.low) for b in curve.curve if b.observed.low is not None]
    above = [(b.probability, b.observed.high) for b in curve.curve if b.observed.high is not None]
    return [*below, *above[::-1]]
