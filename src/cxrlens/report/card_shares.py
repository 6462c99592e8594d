"""The shares that a card of maps chose are read back.

SPDX-License-Identifier: Apache-2.0
"""

import json
from pathlib import Path

from cxrlens.vocabulary import InputError, show_name

CardShares = dict[tuple[str, str], float]
"""Of a map's maximum, by method and class."""


def read_card_shares(path: Path) -> CardShares:
    """Read where a card cuts maps into regions.

    Args:
        path: `card.json` of `cxrlens explain-card`.

    Returns:
        The share of each method and class, in (0, 1], at which its maps cover the masks of all the
        card's images best: `MethodReport.share`.

    Raises:
        InputError: if the file cannot be read or is no such card, or a share is out of its range.
    """
    name = show_name(str(path))
    try:
        told = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"cannot read '{name}': {error.strerror}; give card.json of explain-card"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"'{name}' is no JSON ({error}); give card.json of explain-card"
        ) from error
    try:
        shares: dict[tuple[str, str], object] = {
            (str(one["method"]), str(one["class_name"])): one["share"] for one in told["methods"]
        }
    except (KeyError, TypeError) as error:
        raise InputError(f"'{name}' is no card of maps; give card.json of explain-card") from error
    return {key: _check(share, name, *key) for key, share in shares.items()}


def _check(share: object, name: str, method: str, class_name: str) -> float:
    if isinstance(share, bool) or not isinstance(share, float | int) or not 0 < share <= 1:
        raise InputError(
            f"'{name}' has the share {share!r} for {show_name(method)} and "
            f"{show_name(class_name)}, which is no number "
            "in (0, 1]; make the card again"
        )
    return float(share)
