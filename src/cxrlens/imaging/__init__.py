"""A file becomes pixels, pixels become what a network or a person looks at.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.imaging.colour import COLOURS, DEFAULT_COLOURS, colourise
from cxrlens.imaging.file_bytes import read_head
from cxrlens.imaging.file_kind import FileKind, recognise
from cxrlens.imaging.files import write_whole
from cxrlens.imaging.mask import read_mask
from cxrlens.imaging.overlay import outline, overlay
from cxrlens.imaging.preprocessing import Fit, Preprocessing
from cxrlens.imaging.quality import check_quality
from cxrlens.imaging.radiograph import Radiograph
from cxrlens.imaging.reading import read_radiograph
from cxrlens.imaging.scan import Scan
from cxrlens.imaging.store import DecodedImages, decode
from cxrlens.imaging.streaming import ReadImage, stream, try_read

__all__ = [
    "COLOURS",
    "DEFAULT_COLOURS",
    "DecodedImages",
    "FileKind",
    "Fit",
    "Preprocessing",
    "Radiograph",
    "ReadImage",
    "Scan",
    "check_quality",
    "colourise",
    "decode",
    "outline",
    "overlay",
    "read_head",
    "read_mask",
    "read_radiograph",
    "recognise",
    "stream",
    "try_read",
    "write_whole",
]
