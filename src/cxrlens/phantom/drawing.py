"""Drawing: an order becomes a phantom.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterable, Iterator

import numpy as np

from cxrlens.phantom.anatomy import (
    SIDES,
    place_build,
    shape_airways,
    shape_body,
    shape_heart,
    shape_lung,
)
from cxrlens.phantom.exposure import add_marker, expose
from cxrlens.phantom.lesion import draw_lesion
from cxrlens.phantom.order import NO_TRAPS, Order, Traps, check_findings, order_nth
from cxrlens.phantom.plane import open_stream
from cxrlens.phantom.record import FINDINGS, Phantom
from cxrlens.phantom.skeleton import shape_bones
from cxrlens.phantom.vessels import shape_vessels
from cxrlens.vocabulary import digest


def draw(order: Order) -> Phantom:
    """Draw what was ordered.

    Args:
        order: the nth of a set (`order_nth`), or one made by hand.

    Raises:
        InputError: if the finding cannot be drawn.

    Example:
        >>> phantom = draw(order_nth(0, seed=0, findings=("covid",)))
        >>> phantom.pixels.shape, phantom.finding
        ((256, 256), 'covid')
    """
    check_findings((order.finding,))
    stream = open_stream(order.image_key, "image")
    build = place_build(order.anatomy_key, stream.random_sample(4))
    lungs = [shape_lung(build, side) for side in SIDES]
    heart = shape_heart(build)
    beside = 1 - 0.9 * heart
    air = (lungs[0].thickness + lungs[1].thickness) * beside
    lesion = draw_lesion(order.finding, build, lungs, open_stream(order.image_key, "lesion"))
    vessels = shape_vessels(build, order.anatomy_key)
    attenuation = (
        2.1 * shape_body(build)
        - 1.25 * air
        - 0.22 * shape_airways(build)
        + 0.10 * heart
        + shape_bones(build)
        + np.sqrt(air) * vessels * lesion.markings
        + lesion.added * beside
    )
    pixels = expose(attenuation, order.hospital, stream)
    return Phantom(
        pixels=add_marker(pixels) if order.has_marker else pixels,
        lesion=lesion.mask,
        lungs=lungs[0].field | lungs[1].field,
        finding=order.finding,
        label=order.label,
        patient_id=order.patient_id,
        hospital=order.hospital,
        has_marker=order.has_marker,
        duplicate_of=order.duplicate_of,
    )


def digest_pixels(phantoms: Iterable[Phantom]) -> str:
    """Give the SHA-256 of the pixels of some phantoms, row by row, one after the other.

    Args:
        phantoms: in order.

    Returns:
        64 hexadecimal digits.
    """
    return digest(b"".join(phantom.pixels.tobytes() for phantom in phantoms))


def draw_nth(
    number: int, seed: int, findings: tuple[str, ...] = FINDINGS, traps: Traps = NO_TRAPS
) -> Phantom:
    """Draw the nth phantom of a set on its own, the same as `draw_set` gives in that place.

    Args:
        number: place in the set, from 0.
        seed: the set's seed.
        findings: what the set holds, in equal shares.
        traps: faults to plant.

    Raises:
        InputError: for a negative number, no finding, or an unknown one.
    """
    return draw(order_nth(number, seed, findings, traps))


def draw_set(
    n: int, seed: int, findings: tuple[str, ...] = FINDINGS, traps: Traps = NO_TRAPS
) -> Iterator[Phantom]:
    """Draw a set, one phantom after the other.

    Args:
        n: how many; a longer set begins with the shorter one.
        seed: another seed gives other patients.
        findings: what the set holds, in equal shares.
        traps: faults to plant.

    Yields:
        Phantoms; images of one patient stand side by side.

    Raises:
        InputError: for no finding, or an unknown one.
    """
    for number in range(n):
        yield draw_nth(number, seed, findings, traps)
