"""What a phantom is, once drawn.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

from cxrlens.vocabulary import GreyBytes, PixelMask

FINDINGS = ("normal", "pneumonia", "covid", "pneumothorax")
"""What can be drawn; `normal` has no lesion."""

VERSION = 1
"""Version of the drawing; the same version gives the same pixels for ever."""

FROZEN_SEED, FROZEN_COUNT = 0, 24
"""The set whose pixels freeze the version: the first 24 phantoms of seed 0."""

FROZEN_DIGEST = "253564c1f8dac53c7569f0b77d32a185ee229456735e8780637c1be01520446b"
"""SHA-256 of the 8-bit pixels of that set (`digest_pixels`), the same on every instruction set."""


@dataclass(frozen=True, eq=False)
class Phantom:
    """A drawn frontal chest radiograph with everything that is known about it."""

    pixels: GreyBytes
    """256 x 256 pixels, 0 is air (black); the patient's left is on the viewer's right."""

    lesion: PixelMask
    """256 x 256, True where the disease was drawn; nowhere for `normal`."""

    lungs: PixelMask
    """256 x 256, True where lung shows beside the heart and above the diaphragm."""

    finding: str
    """What was drawn: one of `FINDINGS`."""

    label: str
    """What the table says: another one of the findings where a mislabel was planted."""

    patient_id: str
    """Images with the same id show the same anatomy."""

    hospital: str
    """`A`, or `B` where a second hospital was planted."""

    has_marker: bool
    """Whether a marker was planted in the corner."""

    duplicate_of: str | None
    """The patient whose images this patient's are a copy of; None for nearly all."""
