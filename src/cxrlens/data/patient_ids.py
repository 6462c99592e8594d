"""The patient's number, where the file name holds one.

SPDX-License-Identifier: Apache-2.0
"""

import os
import re

_PATTERNS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(?<![A-Za-z0-9])(person\d+)_(?:bacteria|virus)_\d+",
        r"(?<![A-Za-z0-9-])((?:NORMAL2-)?IM-\d{4})-\d{4}",
        r"(?<![A-Za-z0-9])(000\d{5})_\d{3}(?![0-9])",
        r"(?<![A-Za-z0-9])(phantom\d+)_\d+",
    )
)


def find_patient_id(name: str) -> str | None:
    """Find the patient's number in a file name.

    Known are the names of Kermany's children (`person12_virus_46`, and for the normal ones
    `IM-0115-0001` and `NORMAL2-IM-0115-0001`, which are two separate numberings), of NIH
    ChestX-ray14 (`00000013_005`) and of our phantoms (`phantom00012_0`); a prefix such as `orig_`
    or `nih_` before them is passed over.

    Args:
        name: the file's name or path; folders play no part.

    Returns:
        The patient's number, or None where the name is of no known form: such an image is never
        grouped with another.

    Source:
        Kermany et al., Mendeley Data rscbjbr9sj; Wang et al., CVPR 2017 (numbers up to 00030805).

    Example:
        >>> find_patient_id("orig_person1712_bacteria_4529.jpeg")
        'person1712'
        >>> find_patient_id("chest.png") is None
        True
    """
    base = os.path.basename(name)  # noqa: PTH119 (a name, perhaps of another system)
    for pattern in _PATTERNS:
        found = pattern.search(base)
        if found:
            return found[1]
    return None
