"""What travels between a reading room and those who speak with it.

SPDX-License-Identifier: Apache-2.0

Times are UTC, ISO 8601. Sizes and places are in pixels of the image as it is displayed, row 0 at
the top.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cxrlens.vocabulary import NOT_A_DEVICE, Level

Role = Literal["reader", "lead", "admin"]
"""What a person may do: `reader` reads; `lead` also sets the level and sees what came of it;
`admin` also keeps people and erases patients."""

ROLES: tuple[Role, ...] = ("reader", "lead", "admin")
"""In ascending order: each may do what those before it may."""

Reveal = Literal["after-commit", "never"]
"""When a reader in shadow sees what the machine said."""

Purpose = Literal["phantom", "retrospective", "live"]
"""What the room's images are: drawn, of patients long treated, or of patients who wait."""

CaseState = Literal["received", "ready", "refused", "quarantined", "duplicate", "erased"]
"""Where an image stands: waiting for the file check; readable; refused by it; held back since
another image has the same SOP Instance UID; the same image as an earlier one; deleted with its
patient."""

Action = Literal["claim", "first-answer", "commit", "amend", "recall"]
"""What a reader may do with a case; `recall` takes it back from the machine that decided it."""

Side = Literal["negative", "positive"]
"""What a rule decides alone: `negative` below its threshold, `positive` above."""

DecisionKind = Literal["decided", "referred", "would-decide", "would-refer"]
"""What the machine did with a case, or would have done where it may not decide."""

ReferralReason = Literal[
    "not-confident", "out-of-distribution", "view", "quality", "policy"
]  # fmt: skip
"""Why a case went to a reader: its score is on the wrong side of every certified threshold; it is
unlike the training images, or nobody measured that; a DICOM file that does not say its view; the
file check had reservations; or another rule, which the sentence beside it says."""

RecallReason = Literal["new-information", "looks-wrong", "promise-broken", "other"]
"""Why a decided case is taken back."""

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A line of text without control characters."""

FreeText = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
"""Text of a reader; tabs and new lines are allowed."""


def take_whole(value: object) -> object:
    """Take 3.0 for 3: JSON does not part the two, and JSON schema calls both integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(take_whole)
"""Of a whole number; behind its bounds, which would else be lost to JSON schema."""


class Asked(BaseModel):
    """Base of what is sent to the room: unknown fields and other types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Told(BaseModel):
    """Base of what the room sends."""

    model_config = ConfigDict(frozen=True)


class SignIn(Asked):
    """A person shows their token."""

    token: Annotated[str, Field(min_length=8, max_length=200, pattern=r"^[\x21-\x7e]+$")]
    """As it was shown once when it was made."""


class PatientErasure(Asked):
    """An admin erases whoever has an ID."""

    patient_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """As a file or a sender said it."""


class LevelChange(Asked):
    """A lead sets the level of the room."""

    level: Level
    """The new one; `partial` and `full` only where their gate stands open (`LevelGate`)."""

    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """Why; stands on the trail."""

    protocol: Name | None = None
    """Number of the protocol under which the machine may decide in a room of living patients;
    without it such a room records what it would have decided, and a person reads every case."""


class RoomSettings(Asked):
    """How a room goes about its levels."""

    reveal: Reveal
    """When a reader in shadow sees what the machine said."""

    asks_first: bool
    """Whether in assistance a reader answers before the machine is shown, and then again."""

    readers_per_case: Annotated[int, Field(ge=1, le=9), WHOLE]
    """How many people read each case."""

    spot_check_percent: Annotated[int, Field(ge=1, le=100), WHOLE] = 5
    """Share of the cases at an automated level that a reader gets whatever the machine decided,
    drawn by lot before it decides. It cannot be 0: the error must stay observable."""


class Recall(Asked):
    """A reader takes a case back from the machine."""

    reason: RecallReason
    """Why."""


class FindingAnswer(Asked):
    """What a person says of one class."""

    class_name: Annotated[str, Field(max_length=200)]
    """One of the room's classes."""

    present: bool
    """Whether it is there."""

    sureness: Annotated[int, Field(ge=1, le=5), WHOLE]
    """1: a guess, 5: certain."""


class ReadingAnswer(Asked):
    """What a person says of one case: exactly one finding a class."""

    findings: Annotated[tuple[FindingAnswer, ...], Field(max_length=100, strict=False)]
    """One a class of the room, in any order."""

    text: FreeText = ""
    """In the reader's own words."""


class Amendment(Asked):
    """A committed reading is corrected; what was committed stays."""

    answer: ReadingAnswer
    """The whole reading as it should be."""

    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """Why."""


class ReferenceAnswer(Asked):
    """What is true of a case, by something better than a reading of it."""

    findings: dict[Annotated[str, Field(max_length=200)], bool]
    """Class → whether it is there; a class may be left out where it is not known."""

    source: Name
    """What it rests on, such as `CT the same day` or `two radiologists`."""


class MapOrder(Asked):
    """A map by another method is asked for."""

    method: Annotated[str, Field(max_length=64)]
    """One of the room's methods."""

    class_name: Annotated[str, Field(max_length=200)]
    """The class that the evidence is asked for."""


class PersonNew(Asked):
    """A person who may use the room."""

    name: Name
    """Unlike all others."""

    role: Role
    """What they may do."""


class TokenNew(Asked):
    """A token to sign in with."""

    label: Name
    """What it is for, such as `workstation 2`."""

    days: Annotated[int, Field(ge=1, le=366), WHOLE] = 90
    """How long it is good for."""


class Person(Told):
    """A person who may use the room."""

    id: str
    name: str
    role: Role
    is_disabled: bool


class Token(Told):
    """A token without its secret."""

    id: str
    label: str
    expires_at: str
    is_revoked: bool


class TokenShown(Told):
    """A token with its secret, which is shown this once."""

    token: Token
    secret: str


class Me(Told):
    """Who is asking."""

    person: Person
    notice: str = NOT_A_DEVICE


class ClassOfRoom(Told):
    """An output of the model, and a line of the reading form."""

    name: str
    threshold: float | None
    """The operating point on the deciding probability; None where the likeliest class decides."""


class BundleOfRoom(Told):
    """The model that answers."""

    digest: str
    is_phantom: bool
    """Whether it was trained on drawn radiographs and says nothing about patients."""

    is_calibrated: bool


class Room(Told):
    """What everybody in the room may know of it."""

    name: str
    purpose: Purpose
    level: Level
    settings: RoomSettings
    classes: tuple[ClassOfRoom, ...]
    is_multilabel: bool
    """Whether an image may have several classes, or none; else exactly one."""

    bundle: BundleOfRoom
    methods: tuple[str, ...]
    """Maps that may be asked for, the default first."""

    notices: tuple[str, ...]
    """What must stand on every page."""


class Warned(Told):
    """A reservation of the file check."""

    reason: str
    message: str


class RegionTold(Told):
    """A box around gathered evidence."""

    class_name: str
    score: float
    top: int
    left: int
    height: int
    width: int
    place: str | None = None


class MapTold(Told):
    """A heat-map that can be drawn over the image."""

    id: str
    method: str
    class_name: str
    is_usable: bool
    """Whether it says anything: False where it is nowhere positive, or the same everywhere."""


class ClassAnswer(Told):
    """What the machine says of one class."""

    name: str
    probability: float
    """The one that decides: calibrated where the model is calibrated."""

    is_calibrated: bool
    threshold: float | None
    is_decided: bool


class MachineAnswer(Told):
    """What the machine says of one case."""

    bundle: str
    engine: str
    decision: str
    """In words, such as `pneumonia`."""

    classes: tuple[ClassAnswer, ...]
    regions: tuple[RegionTold, ...]
    maps: tuple[MapTold, ...]
    """By method; of each, that of the class decided for first, then by probability."""

    ordered: tuple[str, ...]
    """Maps that are being made, as `method/class`."""

    warnings: tuple[Warned, ...]
    out_of_distribution: float | None = None
    """The p-value of the image: how often one like the model's validation images lies at least as
    far from its training images, in (0, 1]. None: this model carries no statistics of its
    features."""

    out_of_distribution_limit: float | None = None
    """The p-value from which on down the answer must not be relied on."""

    notice: str = NOT_A_DEVICE


class DecisionTold(Told):
    """What the machine did with a case at an automated level."""

    kind: DecisionKind
    words: str
    """Such as `no pneumonia: 0.012 is below 0.034`, or why it was referred."""

    reason: ReferralReason | None
    """Of a referral."""

    findings: dict[str, bool] | None
    """Class → whether it was decided to be there; None where it was referred."""

    certificates: tuple[str, ...]
    """Ids of those that held then."""

    bundle: str
    at: str
    is_spot_check: bool
    """Whether it was drawn for a reader whatever was decided."""

    recalled_at: str | None
    recalled_by: str | None
    recall_reason: RecallReason | None


class Reading(Told):
    """What a person said of a case."""

    kind: Literal["first", "final", "amendment"]
    person: str
    findings: tuple[FindingAnswer, ...]
    text: str
    at: str
    seconds: float
    """From opening the case to this answer."""

    machine_was_shown: bool
    reason: str | None
    """Why it was amended."""


class CaseLine(Told):
    """A case as the worklist shows it.

    `priority` and `decision` are None unless the reader may know them.
    """

    id: str
    number: int
    """Order of arrival."""

    state: CaseState
    received_at: str
    patient: str
    """A name for people: the patient ID where the file has one, else `unknown`."""

    view: str
    level: Level
    n_warnings: int
    claimed_by: str | None
    is_mine: bool
    """Whether the person who asks has claimed it."""

    is_read: bool
    """Whether as many people have read it as the room asks for."""

    my_part: Literal["none", "opened", "first-answer", "committed"]
    reason: str | None
    """Why it was refused or held back."""

    priority: float | None
    decision: str | None

    decided: DecisionKind | None = None
    """What the machine did with it, where the reader may know."""

    decided_words: str | None = None
    """The same in words, such as `no pneumonia: 0.012 is below 0.034`."""


class Worklist(Told):
    """A page of the worklist."""

    cases: tuple[CaseLine, ...]
    order: Literal["arrival", "priority"]
    n_open: int
    n_read: int
    n_refused: int
    n_waiting: int
    """Images whose file check has not run yet, or which the machine may decide and has not yet."""

    n_decided: int
    """Cases that the machine decided and nobody is asked to read."""

    after: int | None
    """What to send as `after` for the next page; None on the last."""


class PixelFacts(Told):
    """The image at its full size."""

    width: int
    height: int
    bits: Literal[8, 16]
    spacing_mm: tuple[float, float] | None


class Case(Told):
    """A case as the person who asks may see it."""

    line: CaseLine
    message: str | None
    """Why it was refused or held back, as a sentence."""

    pixels: PixelFacts | None
    warnings: tuple[Warned, ...]
    earlier: tuple[CaseLine, ...]
    """Other images of the same patient, newest first."""

    may: tuple[Action, ...]
    machine: MachineAnswer | None
    """None unless this person may see it now."""

    machine_note: str | None
    """Why there is no machine's answer, where the person may know: `pending`, `failed: …`."""

    decision: DecisionTold | None
    """What the machine did with it; None unless this person may see it now."""

    readings: tuple[Reading, ...]
    """Of the person who asks; of everybody for a lead who has committed their own or cannot."""

    notice: str = NOT_A_DEVICE


class ReceiptLine(Told):
    """What became of one image that was handed in."""

    index: int
    """Place among the images handed in, from 0."""

    status: Literal["accepted", "known", "refused"]
    id: str | None
    """Of the case; None where it was refused at the door."""

    reason: str | None
    message: str | None


class Receipt(Told):
    """What became of what was handed in."""

    images: tuple[ReceiptLine, ...]
    notice: str = NOT_A_DEVICE


class NextCase(Told):
    """The case to read next."""

    id: str | None
    """None: nothing is left."""


class OutcomePart(Told):
    """What came of reading beside one model, at one level."""

    level: Level
    bundle: str | None
    """None where no model ran."""

    facts: dict[str, Any]
    """As `cxrlens.report.gather_reading_facts` gives them: figures, and sentences for people."""


class Outcomes(Told):
    """What came of it; models and levels are never pooled."""

    parts: tuple[OutcomePart, ...]
    notice: str = NOT_A_DEVICE


class TrailEvent(Told):
    """A line of the trail."""

    seq: int
    at: str
    actor: str
    action: str
    subject: str
    details: dict[str, str | int | float | bool | list[str] | None]
    hash: str


class TrailHead(Told):
    """The newest line of the trail: whoever keeps it elsewhere can tell a trail that was cut."""

    seq: int
    hash: str
