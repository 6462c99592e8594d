"""What each level allows: who may see what, and when.

SPDX-License-Identifier: Apache-2.0

Pure: nothing here knows of a database or of the web. A case has a level of its own, set when it
arrives and only ever lowered, so that raising the room's level changes no case that is already
there (`lower_case`).
"""

from dataclasses import dataclass, replace

from cxrlens.client.messages import Action, Reveal
from cxrlens.vocabulary import InputError, Level, lower_level

AUTOMATED: tuple[Level, ...] = ("partial", "full")
"""Levels at which the machine decides."""


class NotAllowed(InputError):
    """Something was asked for that the state of the case forbids.

    Attributes:
        reason: a short machine-readable word, such as `already-committed`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Standing:
    """Where one case stands for one reader."""

    level: Level
    """Of the case."""

    is_readable: bool = True
    """Whether the file check accepted it."""

    has_first: bool = False
    """Whether the reader's answer before the machine was shown is recorded."""

    has_seen: bool = False
    """Whether the machine's answer was within the reader's reach before; nobody who saw it gives
    an answer without it."""

    is_committed: bool = False
    """Whether the reader's reading is."""

    is_full: bool = False
    """Whether as many others have read it as the room asks for."""

    is_decided: bool = False
    """Whether the machine decided it so that nobody is asked to read it."""


@dataclass(frozen=True)
class Policy:
    """How a room goes about its levels."""

    reveal: Reveal = "after-commit"
    """When a reader in shadow sees what the machine said."""

    asks_first: bool = False
    """Whether in assistance a reader answers before the machine is shown."""

    def runs_model(self, level: Level) -> bool:
        """Say whether the model answers for a case of this level."""
        return level != "human-only"

    def shows_machine(self, standing: Standing) -> bool:
        """Say whether the reader may see anything that the model made of the case."""
        if standing.is_decided:
            return True
        if standing.level == "human-only":
            return False
        if standing.level == "shadow":
            return standing.is_committed and self.reveal == "after-commit"
        knows = standing.has_first or standing.has_seen or standing.is_committed
        return knows or not self.asks_first_at(standing.level)

    def asks_first_at(self, level: Level) -> bool:
        """Say whether a reader answers before the machine is shown, and then again.

        At the automated levels always: a case that was drawn for a spot check must not look unlike
        one that was referred, and its reading would be no check of what the reader has seen.
        """
        return is_automated(level) or (self.asks_first and level == "assistance")

    def orders_by_machine(self, level: Level) -> bool:
        """Say whether the machine may order the worklist: its order is an answer by itself."""
        return level == "assistance" and not self.asks_first

    def list_actions(self, standing: Standing) -> tuple[Action, ...]:
        """List what the reader may do now."""
        if not standing.is_readable:
            return ()
        if standing.is_committed:
            return ("amend",)
        if standing.is_decided:
            return ("recall",)
        if standing.is_full:
            return ()
        if self._waits_for_first(standing):
            return ("claim", "first-answer")
        return ("claim", "commit")

    def advance(self, standing: Standing, action: Action) -> Standing:
        """Let a reader act.

        Args:
            standing: before.
            action: what the reader does.

        Returns:
            The standing after it.

        Raises:
            NotAllowed: if it is not among `list_actions`.
        """
        if action not in self.list_actions(standing):
            raise _explain(standing, action)
        if action == "first-answer":
            return replace(standing, has_first=True)
        if action == "commit":
            return replace(standing, is_committed=True)
        if action == "recall":
            level = lower_level(standing.level, "assistance")
            return replace(standing, is_decided=False, level=level)
        return standing

    def _waits_for_first(self, standing: Standing) -> bool:
        knows = standing.has_first or standing.has_seen
        return self.asks_first_at(standing.level) and not knows


def is_automated(level: Level) -> bool:
    """Say whether the machine decides at a level.

    Example:
        >>> is_automated("assistance"), is_automated("partial")
        (False, True)
    """
    return level in AUTOMATED


def lower_case(standing: Standing, room: Level) -> Standing:
    """Let a change of the room's level act on a case: at once downward, never upward.

    Args:
        standing: before.
        room: the room's new level.

    Returns:
        The standing after it; a case that this reader has committed, or that the machine has
        decided, keeps its level.
    """
    if standing.is_committed or standing.is_decided:
        return standing
    return replace(standing, level=lower_level(standing.level, room))


_NOT_READABLE = (
    "not-readable", "this image was not accepted by the file check, so it cannot be read"
)  # fmt: skip

_COMMITTED = (
    "already-committed",
    "your reading of this case is committed and stays as it is; amend it, with a reason",
)

_DECIDED = (
    "decided-by-machine", "the machine decided this case: take it back first, with a reason"
)  # fmt: skip

_NOT_DECIDED = (
    "not-decided", "the machine did not decide this case, or it was taken back already"
)  # fmt: skip

_FULL = ("already-read", "this case has been read by as many as the room asks for")

_NOT_COMMITTED = ("not-committed", "there is no committed reading of yours to amend")

_FIRST_MISSING = (
    "first-answer-missing",
    "this room asks for your own answer before the machine is shown: send it first",
)

_FIRST_KNOWN = (
    "already-answered",
    "your answer before the machine was shown is recorded and stays as it is; commit now",
)

_FIRST_NOT_ASKED = (
    "first-answer-not-asked",
    "your own answer before the machine's is not asked for here",
)


def _explain(standing: Standing, action: Action) -> NotAllowed:
    """Say why an action is not possible now: the first reason that holds."""
    is_new = action in {"commit", "first-answer", "claim"}
    reasons: tuple[tuple[bool, tuple[str, str]], ...] = (
        (not standing.is_readable, _NOT_READABLE),
        (standing.is_committed and is_new, _COMMITTED),
        (standing.is_decided and action != "amend", _DECIDED),
        (action == "recall", _NOT_DECIDED),
        (standing.is_full, _FULL),
        (action == "amend", _NOT_COMMITTED),
        (action == "commit", _FIRST_MISSING),
        (standing.has_first, _FIRST_KNOWN),
    )
    return NotAllowed(*next((told for holds, told in reasons if holds), _FIRST_NOT_ASKED))
