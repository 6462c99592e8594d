"""An evaluation's ROC curves become a picture.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

from matplotlib.figure import Figure

from cxrlens.evaluation import Evaluation
from cxrlens.report.chart import COLOURS
from cxrlens.report.figure import fit, open_figure, show_legend, write_notice

_MOST_INSIDE = 6
"""With more curves their names stand beside the plot, so that none is hidden."""

_STYLES = ("-", "--", "-.", ":")

_NAME_WIDTH, _TITLE_WIDTH = 1.9, 5.4
"""Room for a class in the legend and for a line above the plot, in inches."""


def draw_roc(evaluation: Evaluation, *, title: str = "", notes: Sequence[str] = ()) -> Figure:
    """Draw sensitivity against false alarms, with the AUROC and its 95 % interval.

    Args:
        evaluation: with its curves; for two classes that exclude each other that of the second is
            drawn alone, since the first one's is its mirror image.
        title: stands above the figures; empty for none.
        notes: what else stands under the picture.

    Returns:
        A figure on an Agg canvas, outside of pyplot's global state; it says so where there is no
        curve, since only one class has images.
    """
    is_mirrored = len(evaluation.classes) == 2 and not evaluation.is_multilabel
    curves = evaluation.roc[-1:] if is_mirrored else evaluation.roc
    auroc = {report.class_name: report.auroc for report in evaluation.per_class}
    is_crowded = len(curves) > _MOST_INSIDE
    figure = open_figure(10.4 if is_crowded else 6.2, 6.4)
    axes = figure.subplots()
    lines = axes.plot([0, 1], [0, 1], color="#767676", linewidth=1.0, linestyle=(0, (2, 3)))
    names = ["guessing: AUROC 0.5"]
    for number, curve in enumerate(curves):
        lines += axes.plot(
            curve.false_positive_rate,
            curve.true_positive_rate,
            color=COLOURS[number % len(COLOURS)],
            linestyle=_STYLES[number // len(COLOURS) % len(_STYLES)],
            linewidth=1.8,
        )
        name = fit(curve.class_name, 8.0, _NAME_WIDTH)
        names.append(f"{name}: {auroc[curve.class_name]}")
    axes.set_aspect("equal")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("false alarms (1 − specificity)")
    axes.set_ylabel("found (sensitivity)")
    axes.grid(visible=True, color="#e3e6ea", linewidth=0.6)
    heading = [fit(title, 10.0, _TITLE_WIDTH)] if title else []
    heading.append(f"macro AUROC {evaluation.macro_auroc}")
    heading.append(
        f"{evaluation.n_images} images, {evaluation.n_patients} patients; 95 % intervals"
    )
    axes.set_title("\n".join(heading), fontsize=10.0, loc="left", parse_math=False)
    if curves:
        show_legend(axes, lines, names, "beside" if is_crowded else "lower right")
    else:
        axes.text(0.5, 0.4, "no curve: only one class has images", ha="center")
    write_notice(figure, notes)
    return figure
