"""The errors that cxrlens raises on purpose.

SPDX-License-Identifier: Apache-2.0

```
CxrlensError                 everything below; anything else is a fault of ours (exit code 1)
└── InputError               what was handed in cannot be used (exit code 2)
    ├── ImageRefused         one image: unreadable, too small, not a kind we read …
    ├── TableError           a collection of images: folders, labels, splits
    ├── RecipeError          a recipe or one of its `key=value` overrides
    ├── WeightsError         a pretrained or foreign weight file
    ├── BundleError          a saved model: damaged, of another schema, of other classes
    ├── OutputError          a place to write: in use, read-only, not empty
    └── MissingToolError     an optional package or program that is not installed
```

Every message is one sentence with the offending value and where it stands, and what to do;
never a patient's identifier.
"""

import shlex
from collections.abc import Iterable
from difflib import get_close_matches

from cxrlens.vocabulary.plain import show_name


class CxrlensError(Exception):
    """Any error that cxrlens raises on purpose."""

    exit_code = 1


class InputError(CxrlensError):
    """What was handed in cannot be used; the message says which value, where, and what to do."""

    exit_code = 2


class ImageRefused(InputError):
    """One image cannot or must not be read.

    Attributes:
        reason: a short machine-readable word, such as `truncated` or `too-small`; refusals are
            counted by it.
        figure: what was measured, in the unit that the message names; None where nothing was.
    """

    def __init__(self, reason: str, message: str, figure: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.figure = figure


class TableError(InputError):
    """A collection of images cannot become a table or a split."""


class RecipeError(InputError):
    """A recipe or an override of it is not valid."""


class WeightsError(InputError):
    """A weight file cannot be loaded into the network."""


class BundleError(InputError):
    """A saved model cannot be loaded, or does not fit what it is asked to do."""


class OutputError(InputError):
    """A folder or file cannot be written."""


class MissingToolError(InputError):
    """An optional package or program is not installed."""


def suggest(word: str, known: Iterable[str]) -> str:
    """Phrase a hint that names the known word nearest to a mistyped one.

    Args:
        word: what was given.
        known: what would have been understood.

    Returns:
        A clause to put behind an error's first sentence.

    Example:
        >>> suggest("epoch", ["epochs", "seed"])
        "did you mean 'epochs'?"
        >>> suggest("xyz", ["epochs", "seed"])
        'known are: epochs, seed'
    """
    names = sorted(known)
    near = get_close_matches(word, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(names)}"


def suggest_renaming(name: str, known: Iterable[str]) -> str:
    """Phrase how a class is renamed, and name a class only where it is the same word.

    Which class of one collection means the same as which of another is for a person to say:
    another word is never proposed.

    Args:
        name: of a class that is not among the known ones.
        known: the classes that would have been understood.

    Returns:
        A clause to put behind an error's first sentence.

    Example:
        >>> suggest_renaming("COVID", ["covid", "normal"])
        'rename it: --map COVID=covid'
        >>> suggest_renaming("lung opacity", ["covid", "normal"])
        "rename it, if one of them means the same: --map 'lung opacity=NAME'"
    """
    same = next((one for one in known if one.casefold() == name.casefold()), None)
    told = shlex.quote(f"{show_name(name)}={show_name(same) if same else 'NAME'}")
    return f"rename it{'' if same else ', if one of them means the same'}: --map {told}"
