"""Facts and pictures become one page that needs nothing else.

SPDX-License-Identifier: Apache-2.0
"""

import json
import re
from functools import partial

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cxrlens.imaging import colourise
from cxrlens.report import chart
from cxrlens.report.evidence import LESION_RGB
from cxrlens.report.figure_names import name_figure
from cxrlens.report.records import Report
from cxrlens.report.reliability_chart import chart_reliability
from cxrlens.report.thumbnail import Panel, draw_panels
from cxrlens.vocabulary import Plain, show_name

_NUMBERS = re.compile(r"\s*\([^()]*\d[^()]*\)")
"""What a method says about one figure alone, such as `(design effect 1.09)`."""


def render_page(report: Report, facts: dict[str, Plain]) -> str:
    """Write a report as HTML.

    Every figure is read from `facts` and carries its place there (`data-figure`), so that the page
    cannot say anything else than the metrics file.

    Args:
        report: for its pictures and curves.
        facts: the content of the metrics file.

    Returns:
        One page without script, outside file or network.
    """
    return (
        open_environment(facts)
        .get_template("page.html")
        .render(
            facts=facts,
            recipe=_show_lines(json.dumps(facts["recipe"], indent=2, ensure_ascii=False)),
            panels=_draw_all(report),
            reliability=chart_reliability(report.calibration),
            roc=chart.chart_roc(report.evaluation),
            loss=chart.chart_loss(report.histories),
            auroc=chart.chart_auroc(report.histories),
            box=chart,
            heat_stops=_list_heat_stops(),
            lesion=_to_css(LESION_RGB),
        )
    )


def _draw_all(report: Report) -> dict[str, list[tuple[Panel, ...]]]:
    """The pictures of all cases; none of them where images may not be shown."""
    if not report.shows_images:
        return {"cases": [()] * len(report.cases), "mistakes": [()] * len(report.mistakes)}
    return {
        "cases": [draw_panels(case) for case in report.cases],
        "mistakes": [draw_panels(case, with_truth=True) for case in report.mistakes],
    }


def show_text(text: str) -> str:
    r"""Make any name one line of visible characters.

    Line breaks, control characters and marks that turn the writing direction (which can make a
    file name look like another one) are shown as escapes.

    Example:
        >>> show_text("a\nb") == "a" + chr(92) + "nb"
        True
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in show_name(text))


def open_environment(facts: dict[str, Plain]) -> Environment:
    """Open the templates, which can show nothing but what is among the facts.

    Args:
        facts: what the page is about.
    """
    environment = Environment(
        loader=PackageLoader("cxrlens.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalise,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    environment.globals["find"] = partial(find, facts)
    environment.globals["figure"] = partial(_show_figure, facts)
    environment.globals["shade"] = _shade
    environment.globals["name_figure"] = name_figure
    environment.globals["methods"] = lambda part: "; ".join(_list_methods(facts[part]))
    return environment


def _show_lines(text: str) -> Markup:
    return Markup("\n").join(show_text(line) for line in text.split("\n"))


def _finalise(value: object) -> object:
    """What every `{{ … }}` passes through; markup made here is left alone."""
    return show_text(value) if type(value) is str else value


def _show_figure(facts: dict[str, Plain], path: str) -> Markup:
    text = show_text(say(find(facts, path)))
    return Markup('<span data-figure="{}">{}</span>').format(path, text)


def _list_methods(facts: Plain) -> list[str]:
    """How the intervals below were made: each way once."""
    if isinstance(facts, dict):
        is_estimate = {"low", "high", "method"} <= facts.keys() and facts["value"] is not None
        own = [_NUMBERS.sub("", str(facts["method"]))] if is_estimate else []
        return list(dict.fromkeys([*own, *(m for f in facts.values() for m in _list_methods(f))]))
    if isinstance(facts, list):
        return list(dict.fromkeys(m for f in facts for m in _list_methods(f)))
    return []


def find(facts: Plain, path: str) -> Plain:
    """Find one value among nested facts.

    Args:
        facts: dictionaries and lists.
        path: keys and positions joined by dots.

    Returns:
        What stands there.

    Example:
        >>> find({"a": [{"b": 3}]}, "a.0.b")
        3
    """
    for key in path.split("."):
        if isinstance(facts, list):
            facts = facts[int(key)]
        elif isinstance(facts, dict):
            facts = facts[key]
    return facts


def say(value: Plain) -> str:
    """Write a figure as people read it: three decimals, or two digits for what is tiny.

    Args:
        value: a number, a text, or None where the figure is not defined.

    Returns:
        The text.

    Example:
        >>> say(0.5), say(12), say(None)
        ('0.500', '12', 'not defined')
    """
    if value is None:
        return "not defined"
    if isinstance(value, float):
        return f"{value:.2g}" if 0 < abs(value) < 0.001 else f"{value:.3f}"
    return str(value)


def _list_heat_stops() -> str:
    """The default colours of heat, from none to strongest, as CSS gradient stops."""
    colours = colourise(np.linspace(0, 1, 9)[None, :])[0].tolist()
    return ", ".join(_to_css((r, g, b)) for r, g, b in colours)


def _shade(share: float, is_hit: bool) -> str:
    """The colour of a cell of the confusion matrix: blue on the diagonal, orange beside it."""
    full, strength = ((0, 114, 178), 0.42) if is_hit else ((213, 94, 0), 0.55)
    red, green, blue = (round(255 + (one - 255) * share * strength) for one in full)
    return _to_css((red, green, blue))


def _to_css(rgb: tuple[int, int, int]) -> str:
    return f"rgb({rgb[0]} {rgb[1]} {rgb[2]})"
