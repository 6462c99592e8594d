"""What befell many files is counted by its reason, and the first ones are told in words.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter

from cxrlens.cli.console import say

MAX_LISTED = 20
"""What is told one by one; the rest is counted by reason."""


class Tally:
    """Counts reasons, and keeps the first sentences only.

    Args:
        word: what befell the files, such as `refused`.
    """

    def __init__(self, word: str) -> None:
        self._word = word
        self._counts: Counter[str] = Counter()
        self._first: list[str] = []

    def add(self, reason: str, message: str) -> None:
        """Count one.

        Args:
            reason: a short word.
            message: a sentence.
        """
        self._counts[reason] += 1
        if len(self._first) < MAX_LISTED:
            self._first.append(f"{self._word} ({reason}): {message}")

    @property
    def total(self) -> int:
        """How many were counted."""
        return self._counts.total()

    def tell(self) -> None:
        """Talk: the first ones in words, and all by reason where there are more."""
        for sentence in self._first:
            say(sentence)
        if self.total > MAX_LISTED:
            told = ", ".join(f"{reason} {n}" for reason, n in sorted(self._counts.items()))
            say(
                f"{self._word}: {self.total} in all ({told}); "
                f"the first {MAX_LISTED} are listed above"
            )
