"""One digest that stands for a whole collection.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

from cxrlens.data.study_table import StudyTable
from cxrlens.vocabulary import TableError, digest_lines


def fingerprint(table: StudyTable, digests: Sequence[str]) -> str:
    """Give a digest of what the images and their labels are; names and order play no part.

    Args:
        table: the images.
        digests: SHA-256 of each image's file, in the order of the table.

    Returns:
        64 hexadecimal digits.

    Raises:
        TableError: if there is not one digest an image.
    """
    if len(digests) != len(table):
        raise TableError(
            f"a fingerprint needs one digest an image; got {len(digests)} for {len(table)} images"
        )
    return digest_lines(
        sorted(f"{one} {label}" for one, label in zip(digests, _list_labels(table), strict=True))
    )


def _list_labels(table: StudyTable) -> list[str]:
    if not table.is_multilabel:
        return ["" if label is None else label for label in table.frame["label"]]
    return [
        " ".join(f"{name}={value:g}" for name, value in zip(table.classes, row, strict=True))
        for row in table.label_matrix.tolist()
    ]
