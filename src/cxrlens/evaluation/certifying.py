"""Cases with a reference become a certificate, or a refusal that says what is missing.

SPDX-License-Identifier: Apache-2.0
"""

from datetime import UTC, datetime

from cxrlens.evaluation.certainty import count_positives_to_certify
from cxrlens.evaluation.certificate import Certificate, CertifiedBundle
from cxrlens.evaluation.fixed_sequence import find_decided, find_threshold
from cxrlens.evaluation.moment import write_moment
from cxrlens.evaluation.promise import Promise, Side
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.reference_cases import ReferenceCases, Workload
from cxrlens.vocabulary import Estimate, InputError

IN_SAMPLE = "in-sample (these cases chose the threshold)"
"""Said of a share of automation where there is no workload."""


def certify(
    cases: ReferenceCases,
    promise: Promise,
    bundle: CertifiedBundle,
    workload: Workload | None = None,
    at: datetime | None = None,
) -> Certificate:
    """Certify the boldest threshold that keeps a promise.

    The guarantee: before the cases were seen, the probability that this returns a certificate
    whose true share of wrong decisions is above the promised one was at most `promise.delta`, over
    all of its looks. It asks that the tested patients are exchangeable with those to come (drawn
    from the same clinic in the same way, none picked by score or by answer) and that the reference
    is right. Whoever sets the promise after a look at the cases has none.

    Args:
        cases: of one bundle, up to a declared look.
        promise: set beforehand.
        bundle: that gave the scores.
        workload: cases as they come, for the share of automation; without it that is of `cases`,
            and is only that of the daily work if they have as many patients with the finding.
        at: now, with its time zone; None takes the clock.

    Returns:
        The certificate.

    Raises:
        InputError: if there are fewer patients at stake than the promise needs (it says how many
            are missing) or not as many as declared for a look, the bundle was trained on one of
            the images, or not even the safest threshold keeps the promise.

    Source:
        Angelopoulos et al., Ann Appl Stat 2025;19:1641-1662 (Learn then Test).
    """
    _refuse_seen(cases, bundle)
    worst = cases.find_worst(promise.decides)
    look = _find_look(promise, worst.size)
    spent = promise.find_spending()[look]
    found = find_threshold(worst, promise.risk, spent, promise.grid, promise.decides)
    if found is None:
        safest = promise.grid[0 if promise.decides == "negative" else -1]
        n_wrong = int(find_decided(worst, safest, promise.decides).sum())
        raise InputError(
            f"no threshold keeps the promise of at most {promise.risk:g}: at the safest, "
            f"{safest:.3g}, already {n_wrong} of {worst.size} patients {promise.at_stake} are "
            "decided wrongly; promise less, or train a better model"
        )
    automation, over = measure_automation(cases, workload, found.threshold, promise.decides)
    return Certificate(
        finding=promise.finding,
        decides=promise.decides,
        threshold=found.threshold,
        risk=promise.risk,
        delta=promise.delta,
        delta_spent=spent,
        look=look + 1,
        n_tested=found.n_tested,
        n_wrong=found.n_wrong,
        p_value=found.p_value,
        automation=automation,
        automation_over=over,
        reference=cases.reference,
        bundle=bundle.bundle,
        preprocessing=bundle.preprocessing,
        data=cases.fingerprint,
        made_at=write_moment(datetime.now(UTC) if at is None else at),
        expires=promise.expires,
    )


def measure_automation(
    cases: ReferenceCases, workload: Workload | None, threshold: float, decides: Side
) -> tuple[Estimate, str]:
    """Measure the share of images that a rule decides alone.

    Args:
        cases: that chose the threshold.
        workload: cases as they come; None takes `cases`.
        threshold: of the rule.
        decides: what is decided alone.

    Returns:
        The share with its interval by patient, and of which images.
    """
    if workload is not None:
        decided = find_decided(workload.scores, threshold, decides)
        share = measure_proportion(decided, workload.clusters).to_estimate()
        return share, workload.over
    decided = find_decided(cases.scores, threshold, decides)
    share = measure_proportion(decided, cases.clusters).to_estimate()
    told = Estimate(share.value, share.low, share.high, share.n, f"{IN_SAMPLE}: {share.method}")
    n_present = int(cases.is_present.sum())
    return told, f"the {share.n} images of the test ({n_present} of them with the finding)"


def _refuse_seen(cases: ReferenceCases, bundle: CertifiedBundle) -> None:
    n_seen = sum(one in bundle.seen for one in cases.images)
    if n_seen:
        raise InputError(
            f"bundle {bundle.bundle[:12]} was trained, calibrated or chosen on {n_seen} of the "
            f"{len(cases.images)} images, and knows their answers; leave out their patients"
        )


def _find_look(promise: Promise, n_tested: int) -> int:
    """Which of the declared looks it is, from 0."""
    if n_tested in promise.looks:
        return promise.looks.index(n_tested)
    later = [one for one in promise.looks if one > n_tested]
    if not later:
        raise InputError(
            f"the last look was declared after {promise.looks[-1]} patients {promise.at_stake}, "
            f"and {n_tested} were handed in; take the first {promise.looks[-1]} (take_first), or "
            "declare a new promise for cases to come"
        )
    needed = count_positives_to_certify(promise.risk, promise.find_spending()[0])
    if n_tested < needed:
        raise InputError(
            f"that at most {promise.risk:g} are decided wrongly takes at least {needed} patients "
            f"{promise.at_stake}, and {n_tested} are there: {needed - n_tested} are missing, and "
            f"{later[0] - n_tested} up to the look that was declared after {later[0]}; wait for "
            "them"
        )
    raise InputError(
        f"{n_tested} patients {promise.at_stake} are none of the looks that were declared, after "
        f"{', '.join(map(str, promise.looks))}: {later[0] - n_tested} are missing for the next; "
        "wait for them, or take the first of an earlier look (take_first)"
    )
