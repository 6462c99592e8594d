"""Which bundles' networks were built here before, so that they need not be built again.

SPDX-License-Identifier: Apache-2.0
"""

from importlib.metadata import version

import timm
import torch

from cxrlens.inference.compiled_cache import CompiledCache


def find_width(cache: CompiledCache) -> int | None:
    """Give the number of features of a network that was built before, by the same versions.

    Args:
        cache: of its bundle.

    Returns:
        None where it was not, or where that cannot be read.
    """
    kept = cache.read(_list_facts())
    return None if kept is None else int(kept)


def keep_width(cache: CompiledCache, n_features: int) -> None:
    """Keep that a network could be built from its bundle.

    Args:
        cache: of the bundle.
        n_features: of the network.
    """
    cache.write(_list_facts(), str(n_features).encode())


def _list_facts() -> tuple[str, ...]:
    """What may refuse in another version what it builds in this one."""
    return "built", version("cxrlens"), str(torch.__version__), timm.__version__
