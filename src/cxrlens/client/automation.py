"""What travels between a reading room and those who let its machine decide.

SPDX-License-Identifier: Apache-2.0

A certificate is a promise that was tested; what is behind the words stands in
`cxrlens.evaluation` and in docs/why/certificates.md.
"""

from typing import Annotated, Literal

from pydantic import Field

from cxrlens.client.messages import WHOLE, Asked, Purpose, Side, Told
from cxrlens.vocabulary import NOT_A_DEVICE, Level


class GateSettings(Asked):
    """What a level asks for before it may be set (`LevelGate`)."""

    assistance_cases: Annotated[int, Field(ge=0, le=10**6), WHOLE] = 0
    """For assistance: cases read without the machine that it answered too."""

    shadow_cases: Annotated[int, Field(ge=100, le=10**6), WHOLE] = 200
    """For partial: the same."""

    kappa: Annotated[float, Field(ge=0, le=1)] = 0.4
    """For partial: lower bound of Cohen's kappa between machine and reader."""

    sensitivity: Annotated[float, Field(ge=0, le=1)] = 0.8
    """For partial: lower bound of the machine's sensitivity against the reference."""

    out_of_distribution: Annotated[float, Field(ge=0, le=1)] = 0.05
    """For partial: the largest share of cases that may be unlike the training images."""

    risk: Annotated[float, Field(gt=0, le=1)] = 0.05
    """For partial and full: the largest promised share that a certificate counts with."""

    delta: Annotated[float, Field(gt=0, le=1)] = 0.05
    """The same of how often a promise may be broken."""

    days: Annotated[int, Field(ge=1, le=3660), WHOLE] = 366
    """The same of how long it may hold from the day of its test."""

    drift_window: Annotated[int, Field(ge=20, le=10**5), WHOLE] = 500
    """The same of the patients of each look for drift: nothing is seen before the first."""

    drift_looks: Annotated[int, Field(ge=1, le=10**4), WHOLE] = 104
    """The same of the number of looks: the more there are, the less each of them sees."""

    spot_check_days: Annotated[int, Field(ge=1, le=366), WHOLE] = 30
    """Days after which a spot check that nobody has read ends the certificates."""

    partial_cases: Annotated[int, Field(ge=0, le=10**6), WHOLE] = 200
    """For full: cases that were decided or referred at partial, by certificates that still hold."""

    spot_checks: Annotated[int, Field(ge=1, le=10**6), WHOLE] = 50
    """For full: spot checks among them that were read."""


class PromiseNew(Asked):
    """A lead promises something of the machine, before anybody looks at the cases to test it on.

    Only cases whose reference is entered after it count.
    """

    finding: Annotated[str, Field(max_length=200)]
    """One of the room's classes."""

    decides: Side
    """What is to be decided alone."""

    risk: Annotated[float, Field(gt=0, lt=1)]
    """The largest share of patients at stake that may be decided wrongly."""

    delta: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """How often such a promise may be broken."""

    looks: Annotated[
        tuple[Annotated[int, Field(ge=1, le=10**6), WHOLE], ...],
        Field(min_length=1, max_length=20, strict=False),
    ]
    """After how many patients at stake it is tested, ascending; one number fixes the size."""

    expires: Annotated[str, Field(max_length=40)]
    """When a certificate of it ends at the latest: ISO 8601 with a time zone."""

    drift_window: Annotated[int, Field(ge=20, le=10**5), WHOLE] = 100
    """Patients of each look for drift, once it is certified."""

    drift_looks: Annotated[int, Field(ge=1, le=10**4), WHOLE] = 52
    """Looks for drift, after which the certificate ends."""


class Voiding(Asked):
    """A lead ends a certificate or a promise."""

    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """Why; stands on the trail."""


class Share(Told):
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


class GateLine(Told):
    """One thing that a level asks for."""

    name: str
    """For people, such as `cases in shadow`."""

    asked: str
    """What is asked for, such as `at least 200`."""

    found: str
    """What there is, such as `134: 66 are missing`."""

    is_met: bool


class LevelGate(Told):
    """Whether a level may be set now."""

    level: Level
    is_open: bool
    lines: tuple[GateLine, ...]


class PromiseTold(Told):
    """A promise, and how far it is."""

    id: str
    finding: str
    decides: Side
    risk: float
    delta: float
    looks: tuple[int, ...]
    expires: str
    set_by: str
    set_at: str
    state: Literal["open", "certified", "spent", "withdrawn"]
    """`spent`: the last look was made, and did not pass."""

    n_at_stake: int
    """Patients at stake whose reference was entered since."""

    next_look: int | None
    """How many the next look is declared after; None where there is none."""

    n_missing: int
    """Until then."""

    left_out: dict[str, int]
    """Cases that do not count, by the reason in words."""

    tested: tuple[str, ...]
    """What came of the looks that were made, in words."""


class DriftLookTold(Told):
    """One look at one chart."""

    chart: str
    look: int
    case: int
    median: float
    reference_median: float
    psi: float
    psi_p_value: float
    distance: float
    distance_p_value: float
    limit: float
    is_alarm: bool


class AgreementTold(Told):
    """Whether reader and machine come to differ more often (CUSUM)."""

    usual: float
    worse: float
    limit: int
    sums: tuple[int, ...]
    """After each watched case."""

    n_differing: int
    alarm: str | None


class SpotChecks(Told):
    """What readers found in the cases that were drawn.

    Those that whoever asks may still read are left out.
    """

    n_drawn: int
    n_read: int
    n_at_stake: int
    """Patients among those read who could have been decided wrongly."""

    n_wrong: int
    wrong: Share | None
    """Share of those at stake; None where there are none."""

    e_value: float
    """Evidence that the promise is broken; 1 / delta ends the certificate."""

    sentence: str


class CertificateTold(Told):
    """A certificate, and whether it holds."""

    id: str
    promise: str
    sentence: str
    """The promise as people read it."""

    finding: str
    decides: Side
    threshold: float
    risk: float
    delta: float
    n_tested: int
    n_wrong: int
    automation: Share
    automation_over: str
    reference: str
    bundle: str
    made_by: str
    made_at: str
    expires: str
    standing: Literal["valid", "void"]
    why_void: str | None
    voided_at: str | None
    n_decided: int
    """Cases that were decided by it and not taken back."""

    spot_checks: SpotChecks
    drift: tuple[DriftLookTold, ...]
    n_watched: int
    """Patients since it was made, of which drift looks at one case each."""

    next_drift_look: int
    """Patients after which drift is looked at next."""

    agreement: AgreementTold | None
    agreement_note: str | None
    """Why agreement is not watched."""


class CurvePoint(Told):
    """One promise, and what it would let the machine decide."""

    risk: float
    n_missing: int
    """Patients at stake that are missing before any threshold could be certified."""

    threshold: float | None
    automation: Share | None
    over: str


class Curve(Told):
    """What share could be automated at which promise: for planning, no certificate."""

    finding: str
    decides: Side
    n_at_stake: int
    points: tuple[CurvePoint, ...]
    left_out: dict[str, int]
    notice: str = NOT_A_DEVICE


class WeekCounts(Told):
    """What the machine did in a week."""

    week: str
    """Its Monday, ISO 8601."""

    n_decided: int
    n_referred: int


class DecisionCounts(Told):
    """What the machine did since it was allowed to.

    Cases that whoever asks may still read are left out: else the counts would say of each that
    comes what the machine did with it.
    """

    n_decided: int
    n_would_decide: int
    n_referred: dict[str, int]
    """By reason; what would have been referred among it."""

    n_recalled: int
    automation: Share | None
    """Share decided, or that would have been, of all cases at an automated level; what whoever
    asks may still read counts as not decided."""

    by_week: tuple[WeekCounts, ...]


class WorkTimes(Told):
    """How long the work takes."""

    n_checks: int
    """File checks that wait."""

    n_answers: int
    """Answers that wait."""

    oldest_seconds: float | None
    """For which the longest of them has waited."""

    n_failed: int
    """Answers that failed, of cases that whoever asks may not read any more."""

    inference_median: float | None
    """Seconds an image, of the last 1,000 answers."""

    inference_p95: float | None
    turnaround_median: float | None
    """Seconds from arrival to answer, of the same."""

    turnaround_p95: float | None


class LevelStep(Told):
    """The level was set."""

    at: str
    by: str
    before: Level
    level: Level
    reason: str
    protocol: str | None


class Approval(Told):
    """A lead lets the machine decide about living patients, under a protocol."""

    protocol: str
    by: str
    at: str


class Automation(Told):
    """How far the machine decides, on what evidence, and whether that still stands."""

    level: Level
    purpose: Purpose
    decides: bool
    """Whether it decides at an automated level, or records what it would have decided."""

    approval: Approval | None
    spot_check_percent: int
    gate_settings: GateSettings
    gates: tuple[LevelGate, ...]
    promises: tuple[PromiseTold, ...]
    certificates: tuple[CertificateTold, ...]
    counts: DecisionCounts
    out_of_distribution: Share | None
    """Share of the model's cases that are unlike the training images; None: not measured."""

    times: WorkTimes
    levels: tuple[LevelStep, ...]
    """Newest first."""

    notice: str = NOT_A_DEVICE
