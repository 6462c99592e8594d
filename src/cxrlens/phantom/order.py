"""What is to be drawn as the nth phantom of a set.

SPDX-License-Identifier: Apache-2.0

An order follows from the set's seed and its number alone, so several processes can share a set,
and a longer set begins with the shorter one. Patients have two images and one image in turn; a
block of 2k patients holds each of the k findings once with two images and once with one.
"""

from dataclasses import dataclass

from cxrlens.phantom.plane import open_stream
from cxrlens.phantom.record import FINDINGS
from cxrlens.vocabulary import InputError, digest, suggest


def check_findings(findings: tuple[str, ...]) -> None:
    """Refuse findings that cannot be drawn.

    Raises:
        InputError: naming the first one that is not known.
    """
    for finding in findings:
        if finding not in FINDINGS:
            hint = suggest(finding, FINDINGS)
            raise InputError(f"a finding must be one that can be drawn; got {finding!r}: {hint}")


@dataclass(frozen=True)
class Traps:
    """Faults planted on purpose, for a data audit to find; all off by default.

    Raises:
        InputError: for a share outside [0, 1] or an unknown finding.
    """

    marker_on: tuple[str, ...] = ()
    """Findings whose images carry a bright marker in the corner."""

    marker_fidelity: float = 1.0
    """Share of the images that follow `marker_on`; in the others it is the other way round."""

    second_hospital: float = 0.0
    """Share of patients from hospital B, which has a softer contrast."""

    second_hospital_on: tuple[str, ...] = FINDINGS
    """Findings that can come from hospital B."""

    duplicates: float = 0.0
    """Share of patients that are an earlier patient once more, under another id."""

    mislabels: float = 0.0
    """Share of images whose label is another finding than the one drawn."""

    def __post_init__(self) -> None:
        """Check the shares and findings."""
        for name in ("marker_fidelity", "second_hospital", "duplicates", "mislabels"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise InputError(f"`{name}` must be a share in [0, 1]; got {share!r} in Traps.")
        check_findings((*self.marker_on, *self.second_hospital_on))


NO_TRAPS = Traps()
"""Nothing planted."""


@dataclass(frozen=True)
class Order:
    """Everything that decides how one phantom looks."""

    finding: str
    """What to draw."""

    label: str
    """What the table is to say."""

    patient_id: str
    """Name of the patient in the table."""

    anatomy_key: str
    """Names the random stream of the patient's anatomy."""

    image_key: str
    """Names the random stream of the image: lesion, position, exposure, noise."""

    hospital: str
    """`A` or `B`."""

    has_marker: bool
    """Whether to put a marker into the corner."""

    duplicate_of: str | None
    """The patient that this one is a copy of."""


def order_nth(
    number: int, seed: int, findings: tuple[str, ...] = FINDINGS, traps: Traps = NO_TRAPS
) -> Order:
    """Say what the nth phantom of a set is.

    Args:
        number: place in the set, from 0.
        seed: the set's seed.
        findings: what the set holds, in equal shares.
        traps: faults to plant.

    Raises:
        InputError: for a negative number, no finding, or an unknown one.

    Example:
        >>> order_nth(0, 0).patient_id == order_nth(1, 0).patient_id
        True
        >>> order_nth(2, 0).patient_id == order_nth(1, 0).patient_id
        False
    """
    if number < 0 or not findings:
        raise InputError(
            f"a phantom's number must be 0 or more and the findings not empty; "
            f"got number {number} of findings {findings}."
        )
    check_findings(findings)
    patient, image = 2 * (number // 3) + number % 3 // 2, number % 3 % 2
    source = _find_source(patient, seed, traps)
    finding = _assign_finding(source, seed, findings)
    draws = open_stream(seed, "traps", number).random_sample(2)
    others = [other for other in findings if other != finding]
    is_mislabelled = bool(others) and draws[0] < traps.mislabels
    label = others[int(draws[1] * len(others))] if is_mislabelled else finding
    return Order(
        finding=finding,
        label=label,
        patient_id=_name_patient(patient, seed),
        anatomy_key=f"{seed}/{source}",
        image_key=f"{seed}/{source}/{image}",
        hospital=_assign_hospital(source, finding, seed, traps),
        has_marker=_has_marker(f"{seed}/{source}/{image}", finding, traps),
        duplicate_of=None if source == patient else _name_patient(source, seed),
    )


def _find_source(patient: int, seed: int, traps: Traps) -> int:
    """The patient whose images this patient has: an earlier one with as many, or itself."""
    draws = open_stream(seed, "duplicate", patient).random_sample(2)
    if patient < 2 or draws[0] >= traps.duplicates:
        return patient
    earlier = patient % 2 + 2 * int(draws[1] * (patient // 2))
    return _find_source(earlier, seed, traps)


def _assign_finding(patient: int, seed: int, findings: tuple[str, ...]) -> str:
    block, place = divmod(patient // 2, len(findings))
    shuffled = open_stream(seed, "findings", block, patient % 2).permutation(len(findings))
    return findings[int(shuffled[place])]


def _assign_hospital(patient: int, finding: str, seed: int, traps: Traps) -> str:
    if finding not in traps.second_hospital_on:
        return "A"
    draw = open_stream(seed, "hospital", patient).random_sample()
    return "B" if draw < traps.second_hospital else "A"


def _has_marker(image_key: str, finding: str, traps: Traps) -> bool:
    if not traps.marker_on:
        return False
    follows = open_stream(image_key, "marker").random_sample() < traps.marker_fidelity
    return (finding in traps.marker_on) == bool(follows)


def _name_patient(patient: int, seed: int) -> str:
    return "P" + digest(f"{seed}/patient/{patient}".encode())[:10]
