"""A record becomes plain JSON values.

SPDX-License-Identifier: Apache-2.0
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any, TypeAlias

import numpy as np

Plain: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None
"""What JSON can hold (not recursive by name, which run-time checks could not resolve)."""


def to_plain(value: object) -> Plain:
    r"""Turn records, arrays and paths into what JSON can hold.

    Args:
        value: a (nested) dataclass, mapping, sequence, numpy array or scalar, path, or plain value.

    Returns:
        Dictionaries, lists, strings, numbers and None; numbers that are not finite become None,
        since JSON has no word for them; bytes of file names that are no valid UTF-8 are shown
        as `\xNN`.

    Raises:
        TypeError: for anything else.

    Example:
        >>> from cxrlens.vocabulary import Refusal
        >>> to_plain(Refusal("a.png", "empty", "…"))["reason"]
        'empty'
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str | PurePath):
        return show_name(str(value))
    return _open_container(value)


def _open_container(value: object) -> Plain:
    if isinstance(value, np.generic | np.ndarray):
        return to_plain(value.tolist())
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {show_name(str(key)): to_plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [to_plain(item) for item in value]
    raise TypeError(f"cannot write a {type(value).__name__} as JSON: {value!r}")


def show_name(name: str) -> str:
    r"""Make a file name printable: bytes that are no valid UTF-8 become `\xNN`.

    Example:
        >>> show_name("a\udcff.png") == "a" + chr(92) + "xff.png"
        True
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
