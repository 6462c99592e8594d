"""The model card: what a bundle is, for people.

SPDX-License-Identifier: Apache-2.0
"""

import json
from collections.abc import Sequence

from cxrlens.vocabulary import NOT_A_DEVICE, PHANTOM_MODEL, Plain

_CARD = """\
# Model card

{notice}{origin}

- **Answers**: one of {classes} for a frontal chest radiograph, with a probability each (as the
  network gives them, not calibrated) and a map each.
- **Decision**: the class with the largest probability.
- **Must not be used for** other views or body parts, other patients than those it was trained on
  without measuring it there first, or any decision about a patient.
- **Not known**: how it does anywhere but on the data below; see the `report.html` of its training.

## How it was made

```json
{details}
```
"""

_TOLD = ("network", "initial_weights", "preprocessing", "data", "metrics", "provenance")


def write_card(classes: Sequence[str], record: Plain) -> str:
    """Write the card of a bundle.

    Args:
        classes: the model's classes.
        record: the bundle's record as plain values.

    Returns:
        Markdown.
    """
    told = {key: record[key] for key in _TOLD} if isinstance(record, dict) else {}
    data = told.get("data")
    is_phantom = isinstance(data, dict) and bool(data.get("is_phantom"))
    details = json.dumps(told, indent=2, ensure_ascii=False)
    return _CARD.format(
        notice=NOT_A_DEVICE,
        origin=f"\n\n{PHANTOM_MODEL}" if is_phantom else "",
        classes=" / ".join(classes),
        details=details,
    )
