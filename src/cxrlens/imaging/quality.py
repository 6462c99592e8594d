"""Is this a chest radiograph that a model may judge, and what must be known about it?

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from dataclasses import replace

from cxrlens.imaging.chest_likeness import ChestLikeness, measure_likeness
from cxrlens.imaging.completeness import measure_completeness
from cxrlens.imaging.exposure import measure_saturation
from cxrlens.imaging.framing import SmallImage, cut_frame, measure_contrast, shrink
from cxrlens.imaging.page import count_marks
from cxrlens.imaging.scan import Scan
from cxrlens.imaging.signs import measure_signs
from cxrlens.vocabulary import GreyImage, ImageRefused, ImageWarning

# Each limit stands beside what the project's 2,734 real radiographs measure; `quality_figures.py`
# in `benchmarks` prints what becomes of them and of planted faults.

MIN_CONTRAST = 0.03
"""Less between the 1st and 99th percentile of grey is `blank`. Real ones: 0.27 or more."""

MIN_ROUGHNESS = 0.03
"""Less fine detail is `blank`: a gradient, a blur. Real ones: 0.043 or more; 0.02 a gradient."""

MAX_MARKS = 8
"""More marks on a light, even ground are a page or a plot. Real ones, as they are or inverted: 5
at most, and next to none has such a ground; figures and windows have 13 or more."""

MIN_CHEST = 6.0
"""Images that are less like a chest are refused. Real ones: 5 below, 99 % above 8.3; noise has 1,
photographs 1 to 10."""

MAX_COLOURFULNESS = 0.25
"""More colour needs more likeness. Real ones, tinted scans among them: 0.23 at most."""

MIN_CHEST_IN_COLOUR = 11.5
"""What a colourful image must reach: a chest with coloured drawings on it may, 19 of 20
photographs stay below 10."""

MIN_INVERTED = 4.0
"""Log odds from which a grey scale is turned back, that is 55:1. Real ones: 1.6 at most."""

MIN_TURNED = 3.0
"""Log odds from which a turn is warned about, that is 20:1. Real ones: 2.7 at most, but for one
(twice in the set) that is upside down indeed."""

MIN_CUT = 2.5
"""Log odds from which lungs are called cut. Real ones: 1.2 % above."""

MAX_SATURATED = 0.2
"""Larger black or white shares are warned about. Real ones: 1 of 2,734 above."""

MAX_SIGNS = 0.006
"""Larger shares of signs are warned about. A side marker takes 0.002 to 0.006; one real one
in eight has more: several markers, electrodes, captions, arrows."""


def check_quality(name: str, scan: Scan) -> Scan:
    """Refuse what is no usable chest radiograph, and warn of what is remarkable.

    Nearly everything is judged on the image shrunk to 128 x 128. Known limits: some grey
    photographs pass for a chest; a mirrored chest, a lateral one without a header that says so, and
    a figure on a black ground are not told apart from what they should be.

    Args:
        name: the image as messages call it.
        scan: as decoded.

    Returns:
        The scan with warnings added: `inverted` (turned back, unless the file states its polarity
        or the lungs are cut), `rotated`, `cropped`, `saturated`, `coloured`, `burned-in-text`.

    Raises:
        ImageRefused: with the figure that was measured, for the reason `blank` (nothing is to be
            seen) or `not-chest` (a photograph, a page, a plot, noise, another part of the body).
    """
    small = shrink(scan.pixels, reduction=scan.reduction)
    contrast = measure_contrast(small)
    field = cut_frame(small, contrast)
    likeness = measure_likeness(field)
    _refuse_blank(name, contrast, likeness)
    _refuse_other(name, scan, small, likeness)
    cut = measure_completeness(likeness).cut
    is_inverted = likeness.inverted >= MIN_INVERTED
    is_turned_back = is_inverted and cut < MIN_CUT and not scan.is_polarity_stated
    found = (
        *_warn_inverted(name, scan, likeness, cut),
        *_warn_rotated(name, likeness, cut),
        *_warn_cropped(name, cut),
        *_warn_saturated(name, 1 - field if is_inverted else field),
        *_warn_coloured(name, scan.colourfulness),
        *_warn_signs(name, measure_signs(scan.pixels, small, scan.reduction)),
    )
    known = scan.turn_back() if is_turned_back else scan
    return replace(known, warnings=(*scan.warnings, *found))


def _refuse_blank(name: str, contrast: tuple[float, float], likeness: ChestLikeness) -> None:
    black, white = contrast
    if white - black < MIN_CONTRAST:
        raise ImageRefused(
            "blank",
            f"{name} shows nothing: its greys span {white - black:.1%} of the scale, "
            f"less than {MIN_CONTRAST:.0%}: give the radiograph itself",
            white - black,
        )
    if likeness.roughness < MIN_ROUGHNESS:
        raise ImageRefused(
            "blank",
            f"{name} shows no detail: neighbouring points differ by {likeness.roughness:.3f} in "
            f"rank, less than {MIN_ROUGHNESS}: give the radiograph itself",
            likeness.roughness,
        )


def _refuse_other(name: str, scan: Scan, small: SmallImage, likeness: ChestLikeness) -> None:
    marks = count_marks(scan.pixels, small, scan.reduction)
    if marks > MAX_MARKS:
        raise ImageRefused(
            "not-chest",
            f"{name} is a page, a plot or a screenshot: {marks} marks stand on an even, light "
            "ground: give the image without axes or text around it",
            float(marks),
        )
    if scan.colourfulness > MAX_COLOURFULNESS and likeness.best < MIN_CHEST_IN_COLOUR:
        raise ImageRefused(
            "not-chest",
            f"{name} is no radiograph: its colours differ by {scan.colourfulness:.0%} of the "
            f"scale, more than {MAX_COLOURFULNESS:.0%}, and its likeness to a chest is "
            f"{likeness.best:.1f}: give a frontal chest radiograph in grey",
            scan.colourfulness,
        )
    if likeness.best < MIN_CHEST:
        raise ImageRefused(
            "not-chest",
            f"{name} does not look like a chest from the front: its likeness is "
            f"{likeness.best:.1f}, less than {MIN_CHEST}: give the whole chest, without a frame",
            likeness.best,
        )


def _warn_inverted(
    name: str, scan: Scan, likeness: ChestLikeness, cut: float
) -> Iterator[ImageWarning]:
    if likeness.inverted < MIN_INVERTED:
        return
    done = "the grey scale was turned back"
    if scan.is_polarity_stated:
        done = "left as it is, since the file states its polarity; check it"
    elif cut >= MIN_CUT:
        done = "left as it is, since too little of the chest is seen to be sure; check it"
    yield ImageWarning(
        "inverted",
        f"{name} looks inverted (log odds {likeness.inverted:.1f}): {done}",
        likeness.inverted,
    )


def _warn_rotated(name: str, likeness: ChestLikeness, cut: float) -> Iterator[ImageWarning]:
    # A part of a chest often looks like a whole one lying on its side.
    if likeness.turns and likeness.turned >= MIN_TURNED and cut < MIN_CUT:
        way = ("", "90° clockwise", "180°", "90° anticlockwise")[likeness.turns]
        yield ImageWarning(
            "rotated",
            f"{name} looks rotated by {way} (log odds {likeness.turned:.1f}): left as it is; "
            "give it upright",
            90.0 * likeness.turns,
        )


def _warn_cropped(name: str, cut: float) -> Iterator[ImageWarning]:
    if cut >= MIN_CUT:
        yield ImageWarning(
            "cropped",
            f"{name} seems to cut the lungs at its border (log odds {cut:.1f}): used as it is; "
            "give the whole chest",
            cut,
        )


def _warn_saturated(name: str, field: GreyImage) -> Iterator[ImageWarning]:
    share, colour = max(zip(measure_saturation(field), ("black", "white"), strict=True))
    if share > MAX_SATURATED:
        yield ImageWarning(
            "saturated",
            f"{name} is clipped: {share:.0%} of it is plain {colour}, more than "
            f"{MAX_SATURATED:.0%}: used as it is; export it with a wider window",
            share,
        )


def _warn_coloured(name: str, colourfulness: float) -> Iterator[ImageWarning]:
    if colourfulness > MAX_COLOURFULNESS:
        yield ImageWarning(
            "coloured",
            f"{name} has colours that differ by {colourfulness:.0%} of the scale: turned to grey; "
            "give it without coloured drawings",
            colourfulness,
        )


def _warn_signs(name: str, share: float) -> Iterator[ImageWarning]:
    if share > MAX_SIGNS:
        yield ImageWarning(
            "burned-in-text",
            f"{name} has letters, markers or arrows on {share:.1%} of its area, more than a side "
            f"marker's {MAX_SIGNS:.1%}: left as they are; a model may have learnt them",
            share,
        )
