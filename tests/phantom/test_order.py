"""Checks what is ordered: patients, findings, traps.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from dataclasses import fields

import pytest

from cxrlens.phantom import FINDINGS, NO_TRAPS, Order, Traps, order_nth
from cxrlens.vocabulary import InputError


def order_all(n: int, traps: Traps = NO_TRAPS, seed: int = 5) -> list[Order]:
    return [order_nth(number, seed, traps=traps) for number in range(n)]


def test_patients_have_two_images_and_one_in_turn() -> None:
    orders = order_all(240)
    counts = list(Counter(order.patient_id for order in orders).values())
    assert counts == [2, 1] * 80
    assert len({order.image_key for order in orders}) == 240


@pytest.mark.parametrize("findings", [FINDINGS, ("normal", "covid"), ("pneumothorax",)])
def test_findings_have_equal_shares(findings: tuple[str, ...]) -> None:
    n = 30 * len(findings)
    orders = [order_nth(number, 2, findings) for number in range(n)]
    assert Counter(order.finding for order in orders) == dict.fromkeys(findings, 30)
    by_patient = {(order.patient_id, order.finding) for order in orders}
    assert len(by_patient) == len({order.patient_id for order in orders})


def test_the_order_of_findings_depends_on_the_seed() -> None:
    first, second = ([order.finding for order in order_all(60, seed=s)] for s in (0, 1))
    assert first != second
    assert not {o.patient_id for o in order_all(60, seed=0)} & {
        o.patient_id for o in order_all(60, seed=1)
    }


def test_traps_are_off_by_default() -> None:
    assert Traps() == NO_TRAPS
    for order in order_all(120):
        assert order.label == order.finding
        assert order.hospital == "A"
        assert not order.has_marker
        assert order.duplicate_of is None


def test_marker_follows_the_finding_with_the_given_fidelity() -> None:
    perfect = order_all(120, Traps(marker_on=("covid", "normal")))
    assert all(order.has_marker == (order.finding in ("covid", "normal")) for order in perfect)
    loose = order_all(900, Traps(marker_on=("covid",), marker_fidelity=0.8))
    agree = sum(order.has_marker == (order.finding == "covid") for order in loose)
    assert agree / 900 == pytest.approx(0.8, abs=0.05)


def test_second_hospital_holds_its_share_of_patients() -> None:
    orders = order_all(900, Traps(second_hospital=0.3))
    assert sum(o.hospital == "B" for o in orders) / 900 == pytest.approx(0.3, abs=0.06)
    assert len({(o.patient_id, o.hospital) for o in orders}) == 600
    only = order_all(120, Traps(second_hospital=1.0, second_hospital_on=("covid",)))
    assert all((o.hospital == "B") == (o.finding == "covid") for o in only)


def test_duplicates_are_earlier_patients_under_another_id() -> None:
    orders = order_all(900, Traps(duplicates=0.2))
    copies = [order for order in orders if order.duplicate_of is not None]
    assert len(copies) / 900 == pytest.approx(0.2, abs=0.05)
    names = [order.patient_id for order in orders]
    images = Counter(names)
    for copy in copies:
        assert copy.duplicate_of is not None
        assert names.index(copy.duplicate_of) < names.index(copy.patient_id)
        assert images[copy.duplicate_of] == images[copy.patient_id]
        originals = [order for order in orders if order.patient_id == copy.duplicate_of]
        assert copy.image_key in {order.image_key for order in originals}
        assert originals[0].duplicate_of is None


def test_mislabels_change_the_label_alone() -> None:
    plain, planted = order_all(900), order_all(900, Traps(mislabels=0.25))
    changed = 0
    for before, after in zip(plain, planted, strict=True):
        differ = [
            f.name for f in fields(Order) if getattr(before, f.name) != getattr(after, f.name)
        ]
        assert differ in ([], ["label"])
        changed += len(differ)
        assert after.label in FINDINGS
    assert changed / 900 == pytest.approx(0.25, abs=0.05)


def test_a_single_finding_cannot_be_mislabelled() -> None:
    order = order_nth(0, 0, ("covid",), Traps(mislabels=1.0))
    assert order.label == "covid"


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("name", ["marker_fidelity", "second_hospital", "duplicates", "mislabels"])
def test_shares_outside_zero_to_one_are_refused(name: str, share: float) -> None:
    with pytest.raises(InputError, match=rf"{name}.*{share}"):
        Traps(**{name: share})  # type: ignore[arg-type]


def test_unknown_findings_are_refused() -> None:
    with pytest.raises(InputError, match=r"'pneumonya'.*did you mean 'pneumonia'"):
        order_nth(0, 0, ("normal", "pneumonya"))
    with pytest.raises(InputError, match="'flu'"):
        Traps(marker_on=("flu",))


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="-1"):
        order_nth(-1, 0)
    with pytest.raises(InputError, match=r"findings \(\)"):
        order_nth(0, 0, ())
