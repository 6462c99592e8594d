"""What a DICOM header says about what was imaged, and from where.

SPDX-License-Identifier: Apache-2.0
"""

import re

from pydicom import Dataset

from cxrlens.imaging.dicom.dataset import read_items, read_text

_CHEST = re.compile(r"CHEST|THORAX|T[OÓ]RAX|LUNG|CXR|胸部")
_NOT_CHEST = re.compile(r"ABD|PELV|SPINE|BREAST")
_UNSPECIFIC = frozenset({"", "UNKNOWN", "OTHER", "NONE", "WHOLEBODY", "TRUNK"})
_OTHER_PART = re.compile(
    r"\b(HAND|WRIST|ELBOW|SHOULDER|FOOT|FEET|ANKLE|KNEE|HIP|PELVIS|SKULL|HEAD|SPINE|CSPINE|LSPINE|"
    r"TSPINE|ABDOMEN|KUB|FEMUR|TIBIA|HUMERUS|FOREARM|FINGER|TOE|LEG|ARM|BREAST|MAMMO|MAMMOGRAPHY|"
    r"DENTAL|TEETH|JAW|EXTREMITY)\b"
)

_LATERAL_CODES = frozenset(
    {"LL", "RL", "LLD", "RLD", "LLO", "RLO", "LAT", "LLAT", "RLAT", "OBL", "RAO", "LAO", "RPO",
     "LPO"}
)  # fmt: skip
"""View Position of lateral, decubitus and oblique images (DICOM PS3.3, C.8.7.1.1.1; the last four
are not among its terms, and usual)."""

_SIDEWAYS = re.compile(r"\b(LAT|LATERAL|OBLIQUE|DECUB\w*|SEITLICH)\b")
_PA = re.compile(r"\bP\.?A\b|POSTERO.?ANTERIOR")
_AP = re.compile(r"\bA\.?P\b|ANTERO.?POSTERIOR")


def read_view(name: str, dataset: Dataset) -> str:
    """Give the projection.

    View Position goes before View Code Sequence, and that before the descriptions of the series,
    which count only if they name one projection. Patient Orientation tells a lateral image too:
    its rows run towards the front or the back of the patient.

    Args:
        name: the file as messages call it.
        dataset: the header.

    Returns:
        `PA`, `AP`, `AP Supine`; `lateral`, which stands for all that is not frontal (lateral,
        oblique, decubitus); or `unknown`.

    Raises:
        ImageRefused: `undecodable`.

    Source:
        DICOM PS3.3, C.8.7.1.1.1 and C.8.11.5.1.1 (View Position), C.7.6.1.1.1 (Patient
        Orientation).
    """
    texts = [read_text(name, dataset, "ViewPosition")]
    texts += [read_text(name, one, "CodeMeaning") for one in _read_codes(name, dataset)]
    texts += [read_text(name, dataset, one) for one in ("SeriesDescription", "ProtocolName")]
    for text in texts:
        view = name_view(text)
        if view != "unknown":
            is_supine = view == "AP" and any("SUPINE" in one.upper() for one in texts)
            return "AP Supine" if is_supine else view
    is_sideways = read_text(name, dataset, "PatientOrientation")[:1] in ("A", "P")
    return "lateral" if is_sideways else "unknown"


def name_view(text: str) -> str:
    """Give the projection that a text names, if it names one only.

    Args:
        text: a code or a description.

    Returns:
        `PA`, `AP`, `lateral` or `unknown`.

    Example:
        >>> [name_view(text) for text in ("PA", "view: LATERAL", "CHEST PA AND LATERAL", "ll")]
        ['PA', 'lateral', 'unknown', 'lateral']
    """
    text = text.upper().strip().replace("_", " ")
    is_sideways = text in _LATERAL_CODES or bool(_SIDEWAYS.search(text))
    found = [
        view
        for view, is_named in (
            ("PA", _PA.search(text)),
            ("AP", _AP.search(text)),
            ("lateral", is_sideways),
        )
        if is_named
    ]
    if found == ["AP", "lateral"] and "DECUB" in text:
        return "lateral"
    return found[0] if len(found) == 1 else "unknown"


def find_other_part(name: str, dataset: Dataset) -> str | None:
    """Name the part of the body that was imaged, if it is another than the chest.

    Args:
        name: the file as messages call it.
        dataset: the header.

    Returns:
        The part, as the header calls it; None for the chest, and where the header does not say.
        Body Part Examined goes before the descriptions, which count only if they name another part
        and not the chest.

    Raises:
        ImageRefused: `undecodable`.
    """
    part = read_text(name, dataset, "BodyPartExamined")
    plain = part.upper().replace("_", " ").strip()
    if plain not in _UNSPECIFIC:
        is_chest = _CHEST.search(plain) and not _NOT_CHEST.search(
            plain.replace("CHESTABD", "CHEST")
        )
        return None if is_chest else part[:32]
    keywords = ("StudyDescription", "SeriesDescription", "ProtocolName")
    words = " ".join(read_text(name, dataset, one) for one in keywords).upper()
    found = _OTHER_PART.search(words.replace("_", " "))
    return found[0] if found and not _CHEST.search(words) else None


def _read_codes(name: str, dataset: Dataset) -> list[Dataset]:
    views = read_items(name, dataset, "ViewCodeSequence")
    modifiers = [
        one for view in views for one in read_items(name, view, "ViewModifierCodeSequence")
    ]
    return [*views, *modifiers]
