"""Small whole image files of every kind that is read, to be damaged by `fuzz_reader.py`.

SPDX-License-Identifier: Apache-2.0
"""

import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from cxrlens.phantom import draw_nth

_ORIENTATION = 0x0112


def make_seeds() -> tuple[dict[str, bytes], list[str]]:
    """Give whole files by `kind/variant`, and sentences about what could not be made.

    The pictures are drawn (`cxrlens.phantom`), 160 x 128 pixels, of nobody.
    """
    grey = Image.fromarray(draw_nth(3, seed=1).pixels).resize((160, 128))
    files = dict(_make_jpeg(grey)) | dict(_make_png(grey)) | dict(_make_tiff(grey))
    dicom, notes = _make_dicom(np.asarray(grey))
    return files | dicom, notes


def _encode(image: Image.Image, container: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, container, **options)
    return buffer.getvalue()


def _make_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif


def _make_jpeg(grey: Image.Image) -> Iterator[tuple[str, bytes]]:
    colour = grey.convert("RGB")
    yield "jpeg/grey", _encode(grey, "JPEG")
    yield "jpeg/grey progressive", _encode(grey, "JPEG", progressive=True)
    yield "jpeg/colour", _encode(colour, "JPEG")
    yield "jpeg/colour progressive", _encode(colour, "JPEG", progressive=True)
    yield "jpeg/colour restarts", _encode(colour, "JPEG", restart_marker_rows=1)
    yield "jpeg/cmyk", _encode(grey.convert("CMYK"), "JPEG")
    yield "jpeg/exif", _encode(grey, "JPEG", exif=_make_exif(6), comment=b"a comment")


def _make_png(grey: Image.Image) -> Iterator[tuple[str, bytes]]:
    colour, wide = grey.convert("RGB"), np.asarray(grey).astype(np.uint16) * 257
    for bits in (1, 2, 4):
        yield f"png/palette {bits}", _encode(grey.quantize(2**bits), "PNG", bits=bits)
    yield "png/1", _encode(grey.convert("1"), "PNG")
    yield "png/grey", _encode(grey, "PNG")
    yield "png/grey one clear", _encode(grey, "PNG", transparency=7)
    yield "png/16", _encode(Image.fromarray(wide), "PNG")
    yield "png/12 in 16", _encode(Image.fromarray(wide >> 4), "PNG")
    yield "png/colour", _encode(colour, "PNG", dpi=(72, 72))
    yield "png/palette", _encode(colour.quantize(64), "PNG", transparency=b"\x80" * 64)
    yield "png/grey alpha", _encode(grey.convert("LA"), "PNG")
    yield "png/colour alpha", _encode(grey.convert("RGBA"), "PNG", exif=_make_exif(8))
    frames = [grey, grey.rotate(90)]
    yield "png/animation", _encode(grey, "PNG", save_all=True, append_images=frames)


def _make_tiff(grey: Image.Image) -> Iterator[tuple[str, bytes]]:
    colour, wide = grey.convert("RGB"), np.asarray(grey).astype(np.uint16) * 257
    for packing in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield f"tiff/grey {packing}", _encode(grey, "TIFF", compression=packing)
        yield f"tiff/colour {packing}", _encode(colour, "TIFF", compression=packing)
    for packing in ("raw", "tiff_lzw"):
        image = Image.fromarray(wide)
        yield f"tiff/16 {packing}", _encode(image, "TIFF", compression=packing)
        image = Image.fromarray(np.asarray(grey) / np.float32(255))
        yield f"tiff/float {packing}", _encode(image, "TIFF", compression=packing)
    yield "tiff/1 group4", _encode(grey.convert("1"), "TIFF", compression="group4")
    yield "tiff/predictor", _encode(colour, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
    yield "tiff/white is zero", _encode(grey, "TIFF", tiffinfo={262: 0})
    yield "tiff/signed", _encode(Image.fromarray(wide.astype(np.int32) - 900), "TIFF")
    yield "tiff/palette", _encode(colour.quantize(64), "TIFF")
    yield "tiff/cmyk", _encode(grey.convert("CMYK"), "TIFF", compression="tiff_lzw")
    yield "tiff/alpha", _encode(grey.convert("RGBA"), "TIFF", exif=_make_exif(5))
    yield "tiff/big", _encode(grey, "TIFF", big_tiff=True, strip_size=2000)
    yield "tiff/pages", _encode(grey, "TIFF", save_all=True, append_images=[grey])


def _make_dicom(pixels: np.ndarray) -> tuple[dict[str, bytes], list[str]]:
    plain = _make_dataset(pixels.astype(np.uint16) << 4, 12)
    bytewise = _make_dataset(pixels, 8)
    files = {
        "dicom/implicit": _write(plain, ImplicitVRLittleEndian),
        "dicom/explicit": _write(plain, ExplicitVRLittleEndian),
        "dicom/explicit 8": _write(bytewise, ExplicitVRLittleEndian),
        "dicom/deflated": _write(plain, DeflatedExplicitVRLittleEndian),
    }
    swapped = _make_dataset((pixels.astype(np.uint16) << 4).byteswap(), 12)
    files["dicom/big endian"] = _write(swapped, ExplicitVRBigEndian)
    for name, syntax in (("rle", RLELossless), ("jpeg-ls", JPEGLSLossless)):
        packed = pydicom.dcmread(io.BytesIO(files["dicom/explicit"]))
        packed.compress(syntax)
        files[f"dicom/{name}"] = _write(packed, syntax)
    image = Image.fromarray(pixels)
    for name, syntax, data in (
        ("jpeg baseline", JPEGBaseline8Bit, _encode(image, "JPEG")),
        ("jpeg 2000", JPEG2000Lossless, _encode(image, "JPEG2000", no_jp2=True)),
    ):
        bytewise.PixelData = encapsulate([data])
        bytewise["PixelData"].is_undefined_length = True
        files[f"dicom/{name}"] = _write(bytewise, syntax)
    if shutil.which("dcmcjpeg") is None:
        return files, ["No JPEG lossless DICOM: dcmtk's dcmcjpeg is not installed."]
    files["dicom/jpeg lossless"] = _compress_lossless(files["dicom/explicit"])
    return files, []


def _make_dataset(pixels: np.ndarray, bits: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"  # computed radiography
    dataset.SOPInstanceUID = dataset.StudyInstanceUID = dataset.SeriesInstanceUID = "2.25.1"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "CR", "CHEST", "PA"
    dataset.PatientName, dataset.PatientID, dataset.PatientOrientation = "Drawn", "1", ["L", "F"]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored = 8 * pixels.itemsize, bits
    dataset.HighBit = bits - 1
    dataset.WindowCenter, dataset.WindowWidth = 2 ** (bits - 1), 2**bits
    dataset.RescaleIntercept, dataset.RescaleSlope = 0, 1
    dataset.ImagerPixelSpacing = [0.2, 0.2]
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW" if pixels.itemsize == 2 else "OB"
    return dataset


def _write(dataset: Dataset, syntax: str) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    dataset.save_as(
        buffer,
        enforce_file_format=True,
        little_endian=syntax != ExplicitVRBigEndian,
        implicit_vr=syntax == ImplicitVRLittleEndian,
    )
    return buffer.getvalue()


def _compress_lossless(data: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = Path(folder, "plain.dcm"), Path(folder, "packed.dcm")
        plain.write_bytes(data)
        subprocess.run(["dcmcjpeg", plain, packed], check=True)  # noqa: S603, S607
        return packed.read_bytes()
