"""How LIME asks.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from typing import Literal, get_args

from cxrlens.vocabulary.errors import InputError, suggest

SegmentKind = Literal["slic", "quickshift", "grid"]
"""How an image is cut: into pieces of like size along the edges, along the edges alone, or into
rectangles that ask nothing of the image."""

HideColor = float | Literal["mean", "blur"]
"""What a hidden pixel shows: one grey in [0, 1], the mean of its piece, or the image out of
focus."""

FEWEST_SAMPLES = 10
"""Fewer cannot be split into halves of which each says something."""

_HIDE_WORDS = ("mean", "blur")


@dataclass(frozen=True)
class LimeSettings:
    """How LIME asks; names and values are the `lime` package's where it has them.

    Raises:
        InputError: if a value is none that can be worked with.
    """

    segments: SegmentKind = "slic"
    """How the image is cut into pieces."""

    n_segments: int = 50
    """About how many pieces are wanted; `quickshift` does not ask."""

    n_samples: int = 1000
    """How many images with hidden pieces the network answers for, at most."""

    top_labels: int = 3
    """Of how many classes the weights are given, the likeliest first."""

    hide_color: HideColor = 0.0
    """What a hidden pixel shows: one grey in [0, 1], `mean` of its piece, or `blur`. The answer
    depends on it."""

    kernel_width: float = 0.25
    """How fast a sample loses its say with its cosine distance to the whole image."""

    alpha: float = 1.0
    """Penalty of the ridge regression."""

    stop_at: float = 0.9
    """The stability at which no more samples are drawn, in [0, 1]; at 1 all are."""

    seed: int = 0
    """Which pieces are hidden in which sample."""

    def __post_init__(self) -> None:
        """Check the fields."""
        kinds = get_args(SegmentKind)
        if self.segments not in kinds:
            raise InputError(
                f"unknown segments {self.segments!r} of LIME; {suggest(str(self.segments), kinds)}"
            )
        for name, least in (
            ("n_segments", 2), ("n_samples", FEWEST_SAMPLES), ("top_labels", 1), ("seed", 0),
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise InputError(
                    f"{name} of LIME must be at least {least}; got {getattr(self, name)}"
                )
        self._check_shares()

    def _check_shares(self) -> None:
        hide = self.hide_color
        if hide not in _HIDE_WORDS if isinstance(hide, str) else not 0 <= hide <= 1:
            raise InputError(
                f"hide_color of LIME must be a grey in 0…1, 'mean' or 'blur'; got {hide!r}"
            )
        if not 0 <= self.stop_at <= 1:
            raise InputError(f"stop_at of LIME must lie in 0…1; got {self.stop_at}")
        for name in ("kernel_width", "alpha"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError(
                    f"{name} of LIME must be above 0 and finite; got {getattr(self, name)}"
                )
