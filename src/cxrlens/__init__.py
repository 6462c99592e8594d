"""Chest X-ray classifiers that are measured and that show where they look.

SPDX-License-Identifier: Apache-2.0
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cxrlens import (
        audit,
        benchmark,
        client,
        data,
        evaluation,
        explanation,
        export,
        imaging,
        inference,
    )
    from cxrlens import model, network, phantom, report, serving, training, vocabulary
    from cxrlens.data import StudyTable, read_table
    from cxrlens.imaging import Radiograph, read_radiograph
    from cxrlens.model import Model, evaluate, import_checkpoint, load, train
    from cxrlens.report import draw
    from cxrlens.vocabulary import CxrlensError, Prediction

_HOMES = {
    "data": ("StudyTable", "read_table"),
    "imaging": ("Radiograph", "read_radiograph"),
    "model": ("Model", "evaluate", "import_checkpoint", "load", "train"),
    "report": ("draw",),
    "vocabulary": ("CxrlensError", "Prediction"),
}
_PACKAGES = (
    *_HOMES, "audit", "benchmark", "client", "evaluation", "explanation", "export", "inference",
    "network", "phantom", "serving", "training",
)  # fmt: skip

__all__ = [
    "CxrlensError", "Model", "Prediction", "Radiograph", "StudyTable", "draw", "evaluate",
    "import_checkpoint", "load", "read_radiograph", "read_table", "train",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Import a package or a public name when it is first used, so that this import is light."""
    if name in _PACKAGES:
        return import_module(f"cxrlens.{name}")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"cxrlens.{home}"), name)
    raise AttributeError(f"module 'cxrlens' has no attribute {name!r}")
