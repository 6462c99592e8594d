"""What is read out of LIME's weights.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.vocabulary import UNSEEN, Geometry, InputError, LimeExplanation, LimeSettings

PIECES = np.array([[0, 0, 1, 1], [2, 2, 3, 4]])
WEIGHTS = np.array([[0.2, -0.5, 0.0, 0.1, 0.2], [0.0, 0.0, 0.0, 0.0, 0.0]])
WHOLE = Geometry((2, 4), (2, 4), 0.0, 0.0, 2.0, 4.0)

FOUND = LimeExplanation(
    segments=PIECES,
    geometry=WHOLE,
    classes=("covid", "normal"),
    weights=WEIGHTS,
    intercepts=np.array([0.3, 0.7]),
    probabilities=np.array([0.4, 0.6]),
    r2=np.array([0.8, np.nan]),
    stability=np.array([0.9, np.nan]),
    n_samples=300,
    settings=LimeSettings(),
)


def test_pieces_are_chosen_by_amount() -> None:
    assert FOUND.choose("covid", 3, positive_only=True) == (0, 4, 3)
    assert FOUND.choose("covid", 2, positive_only=True) == (0, 4)
    assert FOUND.choose("covid", 3, positive_only=False) == (1, 0, 4)
    assert FOUND.choose("covid", 9, positive_only=False) == (1, 0, 4, 3)  # none of weight 0
    assert FOUND.choose("normal", 3, positive_only=False) == ()


def test_the_map_is_the_weights_painted_on_the_pieces() -> None:
    heatmap = FOUND.make_heatmap("covid")
    expected = [[0.2, 0.2, -0.5, -0.5], [0.0, 0.0, 0.1, 0.2]]
    np.testing.assert_allclose(heatmap.grid, expected)
    assert (heatmap.class_name, heatmap.method, heatmap.geometry) == ("covid", "lime", WHOLE)
    assert heatmap.is_usable
    assert not FOUND.make_heatmap("normal").is_usable


def test_the_stand_in_answers_for_the_whole_image() -> None:
    np.testing.assert_allclose(FOUND.local_predictions, [0.3 + 0.0, 0.7])


@pytest.mark.parametrize("verb", ["make_heatmap", "find"])
def test_a_class_that_was_not_explained_is_named(verb: str) -> None:
    with pytest.raises(InputError, match="did not explain 'covit'; did you mean 'covid'"):
        getattr(FOUND, verb)("covit")


def test_pieces_lie_on_the_source_where_the_network_saw_them() -> None:
    np.testing.assert_array_equal(FOUND.segments_on_source(), PIECES)
    doubled = Geometry((4, 10), (2, 4), 0.0, 1.0, 4.0, 8.0)  # a crop: a column cut off each side
    found = replace(FOUND, geometry=doubled).segments_on_source()
    np.testing.assert_array_equal(found[:, 1:-1], PIECES.repeat(2, axis=0).repeat(2, axis=1))
    assert (found[:, [0, -1]] == UNSEEN).all()


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    st.tuples(st.floats(1, 9), st.floats(1, 9)),
)
def test_against_a_loop_over_source_pixels(
    size: tuple[int, int], corner: tuple[float, float], extent: tuple[float, float]
) -> None:
    geometry = Geometry(size, (2, 4), *corner, *extent)
    found = replace(FOUND, geometry=geometry).segments_on_source()
    for row in range(size[0]):
        for col in range(size[1]):
            r, c = geometry.to_network(np.array([[row, col]], dtype=float))[0]
            r, c = int(np.floor(r + 0.5)), int(np.floor(c + 0.5))
            is_seen = 0 <= r < 2 and 0 <= c < 4
            assert found[row, col] == (PIECES[r, c] if is_seen else UNSEEN)
