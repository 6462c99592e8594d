"""What is known of a decoded image besides its pixels, and how it is written down.

SPDX-License-Identifier: Apache-2.0
"""

import json
from dataclasses import dataclass

from cxrlens.vocabulary import ImageWarning


@dataclass(frozen=True, eq=False)
class DecodedFacts:
    """What is kept of one image besides its pixels."""

    source_size: tuple[int, int]
    """(height, width) in its own pixels."""

    digest: str
    """As `Radiograph.digest`."""

    n_bytes: int
    """As `Radiograph.n_bytes`."""

    warnings: tuple[ImageWarning, ...]
    """As `Radiograph.warnings`."""


def write_facts(facts: DecodedFacts, name: str) -> bytes | None:
    """Write the facts down without the image's name, which is another one tomorrow.

    Args:
        facts: of one image.
        name: the image as its warnings call it.

    Returns:
        JSON; None where a warning does not begin with the name, so that the name cannot be told
        from what is said of it.
    """
    if not all(one.message.startswith(name) for one in facts.warnings):
        return None
    told = [(one.reason, one.message.removeprefix(name), one.figure) for one in facts.warnings]
    return json.dumps([facts.source_size, facts.digest, facts.n_bytes, told]).encode()


def read_facts(data: bytes, name: str) -> DecodedFacts:
    """Read what `write_facts` wrote.

    Args:
        data: JSON.
        name: the image as its warnings are to call it.

    Returns:
        The facts.
    """
    (height, width), digest, n_bytes, told = json.loads(data)
    warnings = (ImageWarning(reason, f"{name}{rest}", figure) for reason, rest, figure in told)
    return DecodedFacts((height, width), digest, n_bytes, tuple(warnings))
