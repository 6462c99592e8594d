"""A way of making heat-maps, under its name, with the settings that it takes.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Float32
from pydantic import TypeAdapter, ValidationError

from cxrlens.explanation.question import Question
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import InputError, suggest

Maps = Float32[np.ndarray, "n rows cols"]
"""One map an image; the cells tile the network's input evenly, row 0 at the top."""

MAX_SEED = 2**32 - 1
"""The largest seed that every generator of random numbers takes."""


@dataclass(frozen=True)
class NoSettings:
    """Of a method that takes none."""


@dataclass(frozen=True)
class Method:
    """One way of making heat-maps."""

    name: str
    """As in `--method`."""

    make: Callable[[TorchEngine, Question, Any], Maps]
    """Makes the maps of a batch: an engine, the question and the settings give one map an image.

    The network is left as it was found: in eval mode, without hooks, gradients or changed flags.
    """

    words: str
    """What it shows, in half a sentence."""

    source: str
    """The paper that it is from; empty for a baseline of ours."""

    settings: type = NoSettings
    """A frozen dataclass whose defaults are the method's."""

    is_signed: bool = False
    """Whether a negative value speaks against the class; else no value is negative."""

    is_baseline: bool = False
    """Whether it does not look at the network at all."""

    @property
    def setting_names(self) -> tuple[str, ...]:
        """The names of its settings."""
        return tuple(field.name for field in fields(self.settings))

    def read_settings(self, options: Mapping[str, object]) -> object:
        """Make the method's settings of named values.

        Args:
            options: values of the settings' fields, as numbers or as words that stand for them.

        Returns:
            An instance of `settings`.

        Raises:
            InputError: if the method takes no such setting, or not that value.
        """
        known = self.setting_names
        for name in options:
            if name not in known:
                hint = suggest(name, known) if known else "it takes none"
                raise InputError(f"method {self.name!r} has no setting {name!r}; {hint}")
        try:
            return TypeAdapter(self.settings).validate_python(dict(options))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(
                f"setting {where}={first['input']!r} of method {self.name!r}: {first['msg']}"
            ) from error
