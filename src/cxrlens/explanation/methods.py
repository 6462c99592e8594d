"""All methods, by name.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.explanation.cam import CAM
from cxrlens.explanation.lime import LIME
from cxrlens.explanation.method import Method
from cxrlens.vocabulary import InputError, suggest

METHODS: dict[str, Method] = {method.name: method for method in (CAM, LIME)}
"""In the order in which tables list them."""


def find_method(name: str) -> Method:
    """Find a method by its name.

    Raises:
        InputError: if there is none of that name.
    """
    if name not in METHODS:
        raise InputError(f"unknown method {name!r}; {suggest(name, METHODS)}")
    return METHODS[name]
