"""A file becomes pixels, pixels become what a network or a person looks at.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.imaging.burned_in import find_burned_in
from cxrlens.imaging.colour import COLOURS, DEFAULT_COLOURS, colourise
from cxrlens.imaging.dicom.decoding import render_dicom
from cxrlens.imaging.dicom.header import DicomHeader, read_dicom_header
from cxrlens.imaging.file_bytes import read_head
from cxrlens.imaging.file_facts import FileFacts, read_file_facts
from cxrlens.imaging.file_kind import FileKind, recognise
from cxrlens.imaging.files import open_whole, write_whole
from cxrlens.imaging.hdf5_file import Hdf5Dataset, read_hdf5_array, read_hdf5_header
from cxrlens.imaging.hdf5_item import split_reference
from cxrlens.imaging.lung_field import LungField, find_lung_field
from cxrlens.imaging.mask import RUNS_MARK, read_mask
from cxrlens.imaging.overlay import layer, outline, overlay
from cxrlens.imaging.pixel_store import DEFAULT_LIMIT_GB, PIXEL_PATH, PixelStore
from cxrlens.imaging.preprocessing import Decoding, Fit, Preprocessing
from cxrlens.imaging.quality import check_quality
from cxrlens.imaging.radiograph import Radiograph
from cxrlens.imaging.read_image import ReadImage, read_image, read_source
from cxrlens.imaging.reading import read_radiograph
from cxrlens.imaging.remove_text import remove_text
from cxrlens.imaging.scan import Scan
from cxrlens.imaging.store import DecodedImages, decode
from cxrlens.imaging.streaming import (
    count_cores,
    map_ordered,
    stream,
    try_read,
    try_read_image,
    try_read_source,
)

__all__ = [
    "COLOURS",
    "DEFAULT_COLOURS",
    "DEFAULT_LIMIT_GB",
    "PIXEL_PATH",
    "RUNS_MARK",
    "DecodedImages",
    "Decoding",
    "DicomHeader",
    "FileFacts",
    "FileKind",
    "Fit",
    "Hdf5Dataset",
    "LungField",
    "PixelStore",
    "Preprocessing",
    "Radiograph",
    "ReadImage",
    "Scan",
    "check_quality",
    "colourise",
    "count_cores",
    "decode",
    "find_burned_in",
    "find_lung_field",
    "layer",
    "map_ordered",
    "open_whole",
    "outline",
    "overlay",
    "read_dicom_header",
    "read_file_facts",
    "read_hdf5_array",
    "read_hdf5_header",
    "read_head",
    "read_image",
    "read_mask",
    "read_radiograph",
    "read_source",
    "recognise",
    "remove_text",
    "render_dicom",
    "split_reference",
    "stream",
    "try_read",
    "try_read_image",
    "try_read_source",
    "write_whole",
]
