"""What the pages must know of a model, without the model: this process never holds a network.

SPDX-License-Identifier: Apache-2.0
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from cxrlens.client.messages import BundleOfRoom, ClassOfRoom
from cxrlens.serving.room import ClassSet
from cxrlens.vocabulary import CxrlensError, InputError

METHODS = ("cam", "gradcam", "gradcam++", "layercam", "occlusion", "lime")
"""Maps that may be asked for; the first comes with every answer."""

_NORMAL_NAMES = frozenset(
    {"normal", "no finding", "no_finding", "negative", "healthy", "none", "no pneumothorax"}
)
"""Names, in small letters, of a class that stands for nothing to see."""


@dataclass(frozen=True)
class BundleFacts:
    """What the pages must know of a model."""

    bundle: BundleOfRoom
    """Which it is."""

    classes: tuple[ClassOfRoom, ...]
    """In the order of its outputs."""

    is_multilabel: bool
    """Whether an image may have several classes, or none."""

    normal: str | None
    """The class that stands for nothing to see; None where it has none."""

    @property
    def class_set(self) -> ClassSet:
        """What it tells apart."""
        return ClassSet(tuple(one.name for one in self.classes), self.is_multilabel)


def name_normal(classes: tuple[str, ...], *, is_multilabel: bool) -> str | None:
    """Find the class that stands for nothing to see.

    Example:
        >>> name_normal(("covid", "normal", "pneumonia"), is_multilabel=False)
        'normal'
    """
    named = [name for name in classes if name.casefold() in _NORMAL_NAMES]
    if len(named) == 1:
        return named[0]
    # Of two classes that exclude each other the second is the finding (`OperatingPoint.decide`).
    return classes[0] if len(classes) == 2 and not is_multilabel else None


def describe_bundle(folder: Path) -> BundleFacts:
    """Ask another process what a bundle is; that process loads it whole, and checks it.

    Args:
        folder: the bundle.

    Raises:
        InputError: if it cannot be loaded: damaged, newer, weights that are not finite.
    """
    found = subprocess.run(  # noqa: S603 - our own module, with a path as its one argument
        [sys.executable, "-m", "cxrlens.serving.predict_worker", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode == InputError.exit_code:
        raise InputError(found.stderr.strip().splitlines()[-1].removeprefix("error: "))
    if found.returncode != 0:
        raise CxrlensError(f"the model in '{folder}' could not be loaded: {found.stderr[-500:]}")
    return TypeAdapter(BundleFacts).validate_python(
        json.loads(found.stdout.splitlines()[-1]), strict=False
    )
