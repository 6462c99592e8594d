"""A certificate: a promise that was tested, for one bundle, until one day.

SPDX-License-Identifier: Apache-2.0
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from math import isclose

import numpy as np

from cxrlens.evaluation.fixed_sequence import find_decided, find_p_value
from cxrlens.evaluation.moment import read_moment
from cxrlens.evaluation.promise import Side
from cxrlens.vocabulary import (
    NOT_A_DEVICE,
    BundleError,
    Estimate,
    Flags,
    InputError,
    Scores,
)

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class CertifiedBundle:
    """The model that a certificate is about.

    Raises:
        InputError: if a digest is none.
    """

    bundle: str
    """The bundle's digest."""

    preprocessing: str
    """A digest of all that happens to an image before the bundle sees it, also what is no part of
    the bundle: how the site's files are decoded and windowed."""

    seen: frozenset[str] = field(default_factory=frozenset, repr=False)
    """SHA-256 of every image that the bundle was trained, calibrated or chosen on."""

    def __post_init__(self) -> None:
        """Check the digests."""
        for name in ("bundle", "preprocessing"):
            if not _DIGEST.fullmatch(getattr(self, name)):
                raise InputError(
                    f"a {name} is named by its SHA-256; got {getattr(self, name)!r}: give 64 digits"
                )


@dataclass(frozen=True)
class Certificate:
    """What was promised of one bundle, tested on cases with a reference, and found to hold.

    The promise is about patients like those it was tested on, one by one as they come. It ends
    with its date, with any other bundle or preprocessing, and with the first alarm of drift.

    Raises:
        InputError: if the numbers contradict each other: then nobody tested this.
    """

    finding: str
    """The class that is decided about."""

    decides: Side
    """What the machine decides alone: `negative` below the threshold, `positive` above."""

    threshold: float
    """In [0, 1]; at the threshold itself a case is referred."""

    risk: float
    """The largest share of patients at stake that may be decided wrongly: of those with the
    finding (decides negative: misses) or without it (decides positive: false alarms)."""

    delta: float
    """How often such a promise may be broken; its confidence is 1 - delta."""

    delta_spent: float
    """The part of `delta` that belonged to the look at which it was tested."""

    look: int
    """Which of the declared looks that was, from 1."""

    n_tested: int
    """Patients at stake that it was tested on: with the finding (decides negative) or without."""

    n_wrong: int
    """Of them decided wrongly: a patient with several images by the worst of them."""

    p_value: float
    """Of the exact binomial test that the true share is above `risk`; at most `delta_spent`."""

    automation: Estimate
    """Share of images that the machine would decide alone, by this rule."""

    automation_over: str
    """Of which images that is the share."""

    reference: str
    """Where the reference of the tested cases is from."""

    bundle: str
    """Digest of the only bundle that it is valid for."""

    preprocessing: str
    """Digest of the only preprocessing that it is valid with."""

    data: str
    """Fingerprint of the cases that it was tested on."""

    made_at: str
    """When: UTC, ISO 8601."""

    expires: str
    """Until when, at the latest, it is valid: ISO 8601 with a time zone."""

    notice: str = NOT_A_DEVICE
    """What this is not."""

    def __post_init__(self) -> None:
        """Check that the numbers can be those of a test that was passed."""
        if not 0 <= self.threshold <= 1:
            raise InputError(
                f"a certificate has the threshold {self.threshold:g}, and scores lie in [0, 1]; "
                "certify anew"
            )
        if not (0 <= self.n_wrong <= self.n_tested and 0 < self.risk < 1 and self.look >= 1):
            raise InputError(
                f"a certificate of {self.n_wrong} wrong among {self.n_tested}, for a share of "
                f"{self.risk:g} at look {self.look}, cannot be; certify anew"
            )
        p_value = float(find_p_value(np.array([self.n_wrong]), self.n_tested, self.risk)[0])
        if not isclose(p_value, self.p_value, rel_tol=1e-6):
            raise InputError(
                f"a certificate says p = {self.p_value:.4g}, and {self.n_wrong} wrong among "
                f"{self.n_tested} give {p_value:.4g} for a share of {self.risk:g}; certify anew"
            )
        if not p_value <= self.delta_spent <= self.delta < 1:
            raise InputError(
                f"a certificate needs p <= delta of its look <= delta < 1; got p = {p_value:.4g}, "
                f"{self.delta_spent:g} and {self.delta:g}; certify anew"
            )
        if read_moment(self.made_at) >= read_moment(self.expires):
            raise InputError(
                f"a certificate made at {self.made_at} cannot end at {self.expires}; give a later "
                "date"
            )

    def __str__(self) -> str:
        """The promise as people read it."""
        with_or_without = "with" if self.decides == "negative" else "without"
        return (
            f"at most {100 * self.risk:g} % of the patients {with_or_without} {self.finding} are "
            f"decided {self.decides} by the machine, with {100 * (1 - self.delta):g} % confidence "
            f"({self.n_wrong} of {self.n_tested} tested, p = {self.p_value:.2g}); it would decide "
            f"{self.automation} of {self.automation_over}"
        )

    def find_decided(self, scores: Scores) -> Flags:
        """Find the cases that the machine may decide alone, by the score alone.

        Whatever else is a reason to refer a case (quality, view, out of distribution, policy) may
        be added: it can only lower the share of patients decided wrongly.

        Args:
            scores: probabilities of the finding, as the bundle of the certificate gives them.

        Raises:
            InputError: if a score is no number.
        """
        return find_decided(scores, self.threshold, self.decides)

    def check(self, bundle: CertifiedBundle, at: datetime) -> None:
        """Refuse to decide by a certificate that does not hold here and now.

        Args:
            bundle: that is to decide.
            at: the moment, with its time zone.

        Raises:
            BundleError: if the certificate is of another bundle or another preprocessing.
            InputError: if it has ended, or is not yet made (a clock that was set back).
        """
        if bundle.bundle != self.bundle:
            raise BundleError(
                f"the certificate is of bundle {self.bundle[:12]}, and {bundle.bundle[:12]} is to "
                "decide; certify the new bundle on cases of its own"
            )
        if bundle.preprocessing != self.preprocessing:
            raise BundleError(
                f"the certificate is of preprocessing {self.preprocessing[:12]}, and images come "
                f"by {bundle.preprocessing[:12]}; certify anew"
            )
        if at.tzinfo is None:
            raise InputError(f"the moment {at.isoformat()} has no time zone; give it in UTC")
        if at >= read_moment(self.expires):
            raise InputError(
                f"the certificate ended at {self.expires}, and it is {at.isoformat()}; certify anew"
            )
        if at < read_moment(self.made_at):
            raise InputError(
                f"the certificate was made at {self.made_at}, and the clock says "
                f"{at.isoformat()}; set the clock right"
            )
