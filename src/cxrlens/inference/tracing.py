"""A network is traced with sizes that stay free.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from contextlib import contextmanager

from jaxtyping import config


@contextmanager
def without_shape_checks() -> Iterator[None]:
    """Switch jaxtyping's checks off for a block, where they are on.

    While a network is traced its sizes are symbols; whoever compares them makes them numbers.
    """
    was_off = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", was_off)
