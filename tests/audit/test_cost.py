"""What a leak is worth."""

import numpy as np

from cxrlens.audit.cost import measure_cost


def draw(per_patient: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """60 patients of three images, whose features tell the patient and nothing of the class."""
    generator = np.random.default_rng(0)
    patients = np.repeat(np.arange(60), 3)
    own = generator.normal(size=(60, 80))
    features = per_patient * own[patients] + generator.normal(size=(180, 80))
    return features, np.eye(2)[generator.integers(2, size=60)[patients]], patients


def test_remembering_patients_is_worth_something() -> None:
    cost = measure_cost(*draw(per_patient=2), ("a", "b"), seed=0)
    assert cost.ungrouped.value is not None
    assert cost.ungrouped.value > 0.8
    assert cost.grouped.value is not None
    assert abs(cost.grouped.value - 0.5) < 0.15
    assert cost.difference.low is not None
    assert cost.difference.low > 0.1


def test_where_images_say_nothing_of_their_patient_it_is_worth_nothing() -> None:
    cost = measure_cost(*draw(per_patient=0), ("a", "b"), seed=0)
    assert cost.difference.low is not None
    assert cost.difference.high is not None
    assert cost.difference.low <= 0.03
    assert abs(cost.difference.value or 0) < 0.08
