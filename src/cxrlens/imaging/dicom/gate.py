"""Is a DICOM file a chest radiograph by what its header says?

SPDX-License-Identifier: Apache-2.0
"""

from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)

from cxrlens.imaging.dicom.dataset import read_text
from cxrlens.imaging.dicom.format import read_frames
from cxrlens.imaging.dicom.view import find_other_part, read_view
from cxrlens.vocabulary import ImageRefused, ImageWarning

_READ = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
)
_MODALITIES = frozenset({"CR", "DX", "RG"})
"""Computed radiography, digital radiography, film."""


def check_frames(name: str, dataset: Dataset) -> None:
    """Refuse a file of several images.

    Args:
        name: the file as messages call it.
        dataset: its header.

    Raises:
        ImageRefused: `several-frames`, or `inconsistent-header` if their number is none.
    """
    n_frames = read_frames(name, dataset)
    if n_frames > 1:
        modality = read_text(name, dataset, "Modality")[:16] or "unknown"
        raise ImageRefused(
            "several-frames",
            f"{name} holds {n_frames} frames (modality {modality}), and a radiograph is one: give "
            "a file of one frame",
            float(n_frames),
        )
    if n_frames < 1:
        raise ImageRefused(
            "inconsistent-header", f"{name} states {n_frames} frames", float(n_frames)
        )


def check_kind(name: str, dataset: Dataset) -> tuple[ImageWarning, ...]:
    """Refuse what is no radiograph of the chest, by class, modality and part of the body.

    A Secondary Capture is read if its modality says that it is a radiograph, with a warning: so
    are the files of public collections (RSNA pneumonia, SIIM-ACR pneumothorax). Where it says
    nothing of the kind (OT, as converters from JPEG write it), nobody knows what it shows.

    Args:
        name: the file as messages call it.
        dataset: its header.

    Returns:
        The warnings `secondary-capture` and `burned-in-text`, where they apply.

    Raises:
        ImageRefused: `for-processing`, `not-chest`, `secondary-capture` (of no modality that is a
            radiograph), or `inconsistent-header` (no class stated).

    Source:
        DICOM PS3.4, B.5 (storage classes); PS3.3, C.7.3.1.1.1 (modalities).
    """
    kind = _read_class(name, dataset)
    modality = read_text(name, dataset, "Modality").upper()[:16]
    intent = read_text(name, dataset, "PresentationIntentType").upper()
    if kind == DigitalXRayImageStorageForProcessing or intent == "FOR PROCESSING":
        raise ImageRefused(
            "for-processing",
            f"{name} is raw data of the detector (For Processing), not an image to be looked at: "
            "give the For Presentation image of the same exposure",
        )
    part = find_other_part(name, dataset)
    if kind not in _READ or part is not None:
        raise ImageRefused(
            "not-chest",
            f"{name} is no chest radiograph: it is {kind.name[:64]} of modality "
            f"{modality or 'unknown'} and body part {part or 'unknown'}",
        )
    is_capture = kind == SecondaryCaptureImageStorage
    if is_capture and modality not in _MODALITIES:
        raise ImageRefused(
            "secondary-capture",
            f"{name} is a Secondary Capture of modality {modality or 'unknown'}, which may show "
            "anything: if it is a radiograph, say so with `dcmodify -i Modality=CR`",
        )
    if modality and modality not in _MODALITIES:
        raise ImageRefused(
            "not-chest", f"{name} is no chest radiograph: its modality is {modality}"
        )
    return _warn(name, dataset, is_capture=is_capture)


def check_view(name: str, dataset: Dataset) -> tuple[str, tuple[ImageWarning, ...]]:
    """Refuse what is not frontal.

    Args:
        name: the file as messages call it.
        dataset: its header.

    Returns:
        The view, and the warning `view-unknown` where the header does not say.

    Raises:
        ImageRefused: `lateral`.
    """
    view = read_view(name, dataset)
    if view == "lateral":
        stated = read_text(name, dataset, "ViewPosition")[:16]
        raise ImageRefused(
            "lateral",
            f"{name} is not a frontal view (lateral, oblique or decubitus; view position "
            f"{stated or 'not stated'}): give a PA or AP image",
        )
    if view == "unknown":
        message = f"{name} does not state its view: it was taken as frontal"
        return view, (ImageWarning("view-unknown", message),)
    return view, ()


def _read_class(name: str, dataset: Dataset) -> UID:
    stated = read_text(name, dataset, "SOPClassUID") or read_text(
        name, dataset.file_meta, "MediaStorageSOPClassUID"
    )
    if not stated:
        raise ImageRefused(
            "inconsistent-header",
            f"{name} does not state its SOP class, so that nobody knows what it is: export it "
            "again",
        )
    return UID(stated, validation_mode=IGNORE)


def _warn(name: str, dataset: Dataset, *, is_capture: bool) -> tuple[ImageWarning, ...]:
    found = []
    if is_capture:
        message = (
            f"{name} is a Secondary Capture: it was converted by some program, and its grey scale "
            "may not be the detector's"
        )
        found.append(ImageWarning("secondary-capture", message))
    if read_text(name, dataset, "BurnedInAnnotation").upper() == "YES":
        message = (
            f"{name} states that text is burned into its pixels (Burned In Annotation): it may "
            "name the patient, and a model may read it"
        )
        found.append(ImageWarning("burned-in-text", message))
    return tuple(found)
