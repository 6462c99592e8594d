"""The Python names that a pickle would import are listed, and nothing of it is run.

SPDX-License-Identifier: Apache-2.0
"""

import io
import pickletools
import struct
import warnings
import zipfile

_PLAIN_MODULES = frozenset({"torch", "torch._utils", "torch.serialization", "collections"})
"""What a state dict is made of: tensors, their storages and how they are rebuilt."""

_PLAIN_NAMES = frozenset({"set", "bytearray", "complex", "encode"})
_PLAIN_HOMES = frozenset({"builtins", "__builtin__", "_codecs"})
"""What torch itself takes for plain beside that."""

_MAX_PICKLES = 4
"""In torch's format from before the zip: magic number, protocol, system, content."""


def list_pickled_names(data: bytes) -> list[str]:
    """List what a torch file or a pickle would import beside what tensors are made of.

    Args:
        data: the file's bytes, possibly damaged.

    Returns:
        Names such as `torchvision.transforms.transforms.Compose`, sorted; what tensors are made of
        is listed only where there is nothing else.
    """
    found = _scan(_find_pickle(data))
    odd = {
        (module, name)
        for module, name in found
        if module not in _PLAIN_MODULES and not (module in _PLAIN_HOMES and name in _PLAIN_NAMES)
    }
    return sorted(f"{module}.{name}" for module, name in odd or found)


def _find_pickle(data: bytes) -> bytes:
    """Take the pickle out of a torch zip, which stores it uncompressed; else all is pickle."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                is_stored = entry.compress_type == zipfile.ZIP_STORED
                if entry.filename.endswith("/data.pkl") and is_stored:
                    return archive.read(entry)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        pass
    return data


def _scan(data: bytes) -> set[tuple[str, str]]:
    stream = io.BytesIO(data)
    found: set[tuple[str, str]] = set()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that are none, in damaged files
            for _ in range(_MAX_PICKLES):
                _scan_one(stream, found)
    except (ValueError, LookupError, struct.error, OverflowError):
        pass  # damaged, or at its end: what was found until there is what can be told
    return found


def _scan_one(stream: io.BytesIO, found: set[tuple[str, str]]) -> None:
    strings: list[str] = []
    memo: dict[int, str] = {}
    n_memoised = 0
    is_string = False
    for code, value, _ in pickletools.genops(stream):
        if code.name in ("GLOBAL", "INST"):
            module, _, name = str(value).partition(" ")
            found.add((module, name))
        elif code.name == "STACK_GLOBAL" and len(strings) > 1:
            found.add((strings[-2], strings[-1]))
        elif code.name in ("BINGET", "LONG_BINGET") and value in memo:
            strings.append(memo[value])
        elif code.name == "MEMOIZE":
            if is_string:
                memo[n_memoised] = strings[-1]
            n_memoised += 1
        is_string = "UNICODE" in code.name
        if is_string:
            strings.append(str(value))
