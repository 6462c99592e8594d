"""A GPU without memory left is told in one sentence.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from cxrlens.vocabulary import InputError


@contextmanager
def explain_memory(what: str, way_out: str) -> Iterator[None]:
    """Turn the exhaustion of a GPU's memory into an error that says what to do.

    Args:
        what: was too much, such as `32 images of 224 x 224 at once`.
        way_out: what to do.

    Raises:
        InputError: if the memory runs out while the block runs.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise InputError(f"the GPU has too little memory free for {what}; {way_out}") from error
