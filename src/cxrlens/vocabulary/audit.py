"""What an audit finds in a collection, and in a model that is judged on it.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, field

from cxrlens.vocabulary.estimate import Estimate
from cxrlens.vocabulary.plain import Plain
from cxrlens.vocabulary.provenance import Provenance
from cxrlens.vocabulary.refusal import Refusal

SAME_BYTES, SAME_PIXELS, NEAR = "same bytes", "same pixels", "near"
"""How alike the images of a group of repeats are: the same file, the same picture in another
file, or the same exposure after resizing, cropping, compression or a change of brightness."""

CONTROL_MARGIN = 0.05
"""A control whose AUROC comes this near to the model's makes the model's figure doubtful."""


@dataclass(frozen=True)
class RepeatGroup:
    """Images that show one and the same exposure; all tuples have one entry an image."""

    images: tuple[str, ...]
    """As the user named them, from the collection's root."""

    kind: str
    """The loosest link that holds the group together: `same bytes`, `same pixels` or `near`."""

    correlation: float
    """The weakest link: the correlation of two aligned images, once what all images of the
    collection share is taken off, in [-1, 1]; 1 where pixels are equal."""

    labels: tuple[str, ...]
    """What the table says of each, in words."""

    parts: tuple[str | None, ...]
    """train, val, test or None."""

    patients: tuple[str | None, ...]
    """None where unknown."""

    is_conflicting: bool
    """Whether the table says of the same picture that it has a class and that it has not."""

    @property
    def crosses_parts(self) -> bool:
        """Whether the same picture stands in several parts of the split."""
        return len({part for part in self.parts if part is not None}) > 1

    @property
    def crosses_patients(self) -> bool:
        """Whether the same picture goes by several patients, or by unknown ones."""
        return None in self.patients or len(set(self.patients)) > 1


@dataclass(frozen=True)
class SharedPatients:
    """Patients who stand in two parts of a split."""

    parts: tuple[str, str]
    """The two parts."""

    n_patients: int
    """How many stand in both."""

    n_images: int
    """Their images in the two parts."""


@dataclass(frozen=True)
class Shortcut:
    """How well something that is not the lungs tells the classes apart."""

    name: str
    """What was looked at."""

    auroc: Estimate
    """Macro AUROC of a classifier that sees nothing else, learnt from other patients."""

    p_value: float | None
    """Of chance, over the whole family of controls; None where it is not one of the family."""

    is_alarming: bool
    """Whether a gate is not passed because of it."""

    reach: float | None = None
    """Share of the model's distance from 0.5 that it reaches; None without a model."""


@dataclass(frozen=True)
class ModelCheck:
    """What is left of a model's figure without the lungs."""

    n_images: int
    """Images that it was not trained on: those that the figures rest on."""

    auroc: Estimate
    """Macro AUROC of the images as they are."""

    blacked_out: Estimate
    """Macro AUROC with both lungs, and a margin around them, painted black."""

    n_seen_in_test: int
    """Images of the test part, or of data without parts, that the model was trained on."""


@dataclass(frozen=True)
class Suspect:
    """An image whose label a classifier that never saw its patient finds unlikely."""

    image: str
    """As the user named it, from the collection's root."""

    label: str
    """What the table says."""

    likelier: str
    """The class that the classifier finds likeliest."""

    doubt: float
    """Probability that the label is wrong, in [0, 1]: at least 0.5."""


@dataclass(frozen=True)
class OddCount:
    """How many images a quality check remarked on, or refused."""

    reason: str
    """As in `ImageWarning` or `Refusal`."""

    n_images: int
    """Images that it is true of."""

    examples: tuple[str, ...]
    """What is said of the first of them."""


@dataclass(frozen=True)
class Kinship:
    """What is known of where images or weights come from."""

    subject: str
    """A collection or weights."""

    relation: str
    """`subset of`, `contains part of`, `derived from` or `trained on`."""

    object: str
    """A collection."""

    version: str
    """Which version of the subject this is said of."""

    source: str
    """Who says so."""

    url: str
    """Where."""

    date: str
    """When this was looked up, ISO 8601."""

    is_from_memory: bool = False
    """Whether nobody has checked it against the source yet."""


@dataclass(frozen=True)
class LeakCost:
    """What it is worth, in AUROC, that images of one patient stand on both sides."""

    grouped: Estimate
    """Macro AUROC where all images of a patient, and all repeats, are on one side."""

    ungrouped: Estimate
    """Macro AUROC where images are dealt out one by one."""

    difference: Estimate
    """Ungrouped less grouped. A lower bound: a network that is trained remembers more."""

    n_repetitions: int
    """Cross-validations behind each figure."""


@dataclass(frozen=True)
class Gate:
    """One condition that a collection should meet before anything is learnt from it."""

    name: str
    """Short, such as `patients on both sides`."""

    is_passed: bool | None
    """None where it could not be tested."""

    told: str
    """What was found, one sentence."""

    remedy: str
    """What to do about it; empty where there is nothing to do."""


@dataclass(frozen=True, eq=False)
class Audit:
    """Is this data set, is this model, fooling you?"""

    title: str
    """The page's heading."""

    command: str
    """What was run to get it; empty where it was not a command."""

    n_images: int
    """Images that could be read."""

    n_patients: int
    """Known patients."""

    n_unknown_patients: int
    """Images whose patient is not known."""

    is_phantom: bool
    """Whether drawn images are among them."""

    counts: Plain
    """Images by class, and by what they are counted by: part, source, view."""

    gates: tuple[Gate, ...]
    """In the order in which they matter."""

    repeats: tuple[RepeatGroup, ...]
    """The worst first."""

    shared: tuple[SharedPatients, ...]
    """One entry a pair of parts that share patients."""

    shortcuts: tuple[Shortcut, ...]
    """The family of controls, the strongest first."""

    baselines: tuple[Shortcut, ...]
    """Beside the family: what may show disease as well, such as a thumbnail."""

    untested: tuple[str, ...]
    """What could not be tested, and why; one sentence each."""

    model: ModelCheck | None
    """None without a model."""

    suspects: tuple[Suspect, ...]
    """The least likely label first."""

    features: str
    """What the suspects, and the cost, were found by."""

    odd: tuple[OddCount, ...]
    """The most frequent first."""

    lineage: tuple[Kinship, ...]
    """What is known of the collections and weights that were recognised or named."""

    cost: LeakCost | None
    """None where it was not asked for."""

    fingerprint: str
    """SHA-256 of the images and labels."""

    notes: tuple[str, ...] = ()
    """What a reader must know, one sentence each."""

    refusals: tuple[Refusal, ...] = ()
    """Files that were left out, and why."""

    provenance: Provenance = field(default_factory=Provenance)
    """What made it, and when."""

    @property
    def is_passed(self) -> bool:
        """Whether no gate is failed."""
        return all(gate.is_passed is not False for gate in self.gates)
