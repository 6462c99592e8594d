"""One cut out of two certificates: what it decides wrongly, one of them would have, too."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from cxrlens.evaluation import (
    Certificate,
    CertifiedBundle,
    Promise,
    ReferenceCases,
    certify,
    join_certificates,
)
from cxrlens.evaluation.promise import Side
from cxrlens.vocabulary import InputError, digest

BUNDLE = CertifiedBundle(digest(b"bundle"), digest(b"preprocessing"))

N = 300


def draw(rng: np.random.Generator, distance: float) -> ReferenceCases:
    is_present = rng.permutation(np.arange(2 * N) < N)
    scores = expit(rng.normal(distance * (is_present - 0.5)))
    names = tuple(digest(str(i).encode()) for i in range(2 * N))
    return ReferenceCases(scores, is_present, np.arange(2 * N), names, "CT")


def certify_side(cases: ReferenceCases, decides: Side, risk: float = 0.1) -> Certificate:
    promise = Promise("pneumonia", risk, 0.05, (N,), "9999-01-01T00:00:00+00:00", decides)
    return certify(cases, promise, BUNDLE)


CASES = draw(np.random.default_rng(0), 4.0)

NEGATIVE, POSITIVE = certify_side(CASES, "negative"), certify_side(CASES, "positive")


@pytest.mark.parametrize("distance", [2.0, 3.0, 6.0])
def test_the_cut_decides_no_more_wrongly_than_the_certificates(distance: float) -> None:
    rng, n_joined = np.random.default_rng([3, int(distance)]), 0
    for _ in range(20):
        cases = draw(rng, distance)
        negative, positive = certify_side(cases, "negative"), certify_side(cases, "positive")
        try:
            cut = join_certificates(negative, positive)
        except InputError:
            assert positive.threshold >= negative.threshold
            continue
        n_joined += 1
        new = draw(rng, distance)
        own = np.concatenate([new.scores, [cut, negative.threshold, positive.threshold]])
        assert not ((own < cut) & ~negative.find_decided(own)).any()
        assert not ((own >= cut) & ~positive.find_decided(own)).any()
        missed = new.is_present & (new.scores < cut)
        alarmed = ~new.is_present & (new.scores >= cut)
        assert missed.sum() <= (new.is_present & negative.find_decided(new.scores)).sum()
        assert alarmed.sum() <= (~new.is_present & positive.find_decided(new.scores)).sum()
    assert n_joined == {2.0: 0, 3.0: n_joined, 6.0: 20}[distance]


thresholds = st.floats(0, 1) | st.sampled_from([0.0, 0.5, np.nextafter(0.5, 1), 1.0])


@given(low=thresholds, high=thresholds)
def test_the_cut_lies_between(low: float, high: float) -> None:
    pair = replace(NEGATIVE, threshold=high), replace(POSITIVE, threshold=low)
    if high <= low:
        with pytest.raises(InputError, match="are decided by neither certificate"):
            join_certificates(*pair)
    else:
        assert low < join_certificates(*pair) <= high


def test_halfway_on_the_logit_scale() -> None:
    cut = join_certificates(NEGATIVE, POSITIVE)
    middle = (logit(NEGATIVE.threshold) + logit(POSITIVE.threshold)) / 2
    assert logit(cut) == pytest.approx(middle)


def test_what_is_left_between_is_named() -> None:
    """At one and the same threshold both refer, so that its very score is decided by neither."""
    apart = replace(NEGATIVE, threshold=0.25), replace(POSITIVE, threshold=0.75)
    with pytest.raises(InputError, match=r"scores from 0\.25 to 0\.75 are decided by neither"):
        join_certificates(*apart)
    with pytest.raises(InputError, match=r"scores from 0\.75 to 0\.75 are decided by neither"):
        join_certificates(replace(NEGATIVE, threshold=0.75), apart[1])


def test_certificates_that_do_not_belong_together() -> None:
    with pytest.raises(InputError, match="got positive and negative: certify the other side"):
        join_certificates(POSITIVE, NEGATIVE)
    with pytest.raises(InputError, match="got negative and negative"):
        join_certificates(NEGATIVE, NEGATIVE)
    for name, other in (
        ("finding", "effusion"),
        ("bundle", digest(b"other")),
        ("preprocessing", digest(b"other")),
    ):
        with pytest.raises(InputError, match=f"only for the same {name}"):
            join_certificates(NEGATIVE, replace(POSITIVE, **{name: other}))  # type: ignore[arg-type]
