"""A network cannot be described wrongly.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Any

import pytest

from cxrlens.network import NetworkSpec
from cxrlens.vocabulary import RecipeError


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"mean": ()}, "one finite number a channel"),
        ({"mean": (), "std": ()}, "one finite number a channel"),
        ({"mean": (0.5,)}, "one finite number a channel"),
        ({"std": (0.5, 0.5)}, "one finite number a channel"),
        ({"mean": (0.5, float("nan"), 0.5)}, "nan"),
        ({"std": (0.5, float("inf"), 0.5)}, "inf"),
        ({"std": (0.5, 0.0, 0.5)}, "above 0"),
        ({"std": (0.5, -0.1, 0.5)}, "-0.1"),
        ({"dropout": -0.01}, "-0.01"),
        ({"dropout": 1.0}, "1.0"),
        ({"dropout": float("nan")}, "nan"),
        ({"hidden": (256, 0)}, r"\(256, 0\)"),
        ({"options": {"pretrained": True}}, "network.options.pretrained"),
        ({"options": {"checkpoint_path": "evil.pth"}}, "evil.pth"),
        ({"options": {"num_classes": 3}}, "num_classes"),
        ({"options": {"features_only": True}}, "features_only"),
    ],
)
def test_bad_values_are_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        NetworkSpec(**fields)


@pytest.mark.parametrize("dropout", [0.0, 0.999])
def test_bounds_are_allowed(dropout: float) -> None:
    assert NetworkSpec(dropout=dropout, mean=(0.0,), std=(1e-6,)).dropout == dropout
