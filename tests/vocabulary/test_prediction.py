"""An answer, an answer with reservations, and none.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Any

import numpy as np
import pytest

from cxrlens.vocabulary import ARGMAX, Geometry, Heatmap, ImageWarning, Prediction, Refusal

ODD = (ImageWarning("odd", "Odd."),)

WHOLE = Geometry((8, 8), (8, 8), 0.0, 0.0, 8.0, 8.0)
MAPS = tuple(Heatmap(np.eye(2, dtype=np.float32), WHOLE, name, "cam") for name in "ab")


def _make(**fields: Any) -> Prediction:  # noqa: ANN401
    return Prediction("x.png", "0" * 64, ("a", "b"), ARGMAX, **fields)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"decision": "a"}, "predicted"),
        ({"decision": "a", "warnings": ODD}, "predicted with warnings"),
        ({"refusal": Refusal("x.png", "empty", "…")}, "refused"),
        (
            {"refusal": Refusal("x.png", "empty", "…"), "warnings": ODD},
            "refused",
        ),
    ],
)
def test_status(fields: dict[str, Any], status: str) -> None:
    assert _make(**fields).status == status


def test_the_map_is_that_of_the_decision() -> None:
    assert _make(decision="b", heatmaps=MAPS).heatmap is MAPS[1]
    assert _make(refusal=Refusal("x.png", "empty", "…")).heatmap is None


def test_of_several_classes_none_may_be_decided_for() -> None:
    none = _make(is_multilabel=True, probabilities=(0.2, 0.4), heatmaps=MAPS)
    assert (none.verdict, none.leading, none.status) == ("none of them", "b", "predicted")
    assert none.heatmap is MAPS[1]
    both = _make(
        is_multilabel=True,
        probabilities=(0.9, 0.6),
        decision="a",
        decisions=("a", "b"),
        heatmaps=MAPS,
    )
    assert (both.verdict, both.leading) == ("a; b", "a")
    assert both.heatmap is MAPS[0]
    refused = _make(is_multilabel=True, refusal=Refusal("x.png", "empty", "…"))
    assert (refused.verdict, refused.leading, refused.heatmap) == ("", None, None)
