"""Draws chest radiographs with known truth, as arrays.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.phantom.difficulty import TOLERANCE, Bounded, Difficulty, measure_difficulty
from cxrlens.phantom.drawing import digest_pixels, draw, draw_nth, draw_set
from cxrlens.phantom.order import NO_TRAPS, Order, Traps, order_nth
from cxrlens.phantom.record import (
    FINDINGS,
    FROZEN_COUNT,
    FROZEN_DIGEST,
    FROZEN_SEED,
    VERSION,
    Phantom,
)

__all__ = [
    "FINDINGS",
    "FROZEN_COUNT",
    "FROZEN_DIGEST",
    "FROZEN_SEED",
    "NO_TRAPS",
    "TOLERANCE",
    "VERSION",
    "Bounded",
    "Difficulty",
    "Order",
    "Phantom",
    "Traps",
    "digest_pixels",
    "draw",
    "draw_nth",
    "draw_set",
    "measure_difficulty",
    "order_nth",
]
