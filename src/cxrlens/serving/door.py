"""Who comes in, how often, and what is noted of those who do not.

SPDX-License-Identifier: Apache-2.0
"""

import time
from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Scope

from cxrlens.serving.database import Busy
from cxrlens.serving.entry import NOBODY, find_person
from cxrlens.serving.jobs import CHECKS, count_waiting
from cxrlens.serving.problem import Problem
from cxrlens.serving.rates import TokenBuckets, describe_too_many, find_address_key
from cxrlens.serving.service import Service
from cxrlens.serving.trail import append

UPLOADS = "/api/v1/images"
"""The one address that takes large bodies."""

REQUESTS_A_SECOND = 100.0
"""Of one client, in the long run."""

BURST = 1500
"""Requests of one client at once: pages, scripts, and a stack of images."""

_NOTES_A_SECOND = 0.2
_NOTES_BURST = 50
_LONGEST_FACT = 64

_UNCOUNTED = ("/healthz", "/readyz", "/static/")
"""What asks for nothing of the room."""


class Doorkeeper:
    """Judges requests before their bodies are read.

    Args:
        service: the room.
        requests: of one client; None takes `REQUESTS_A_SECOND` and `BURST`.
    """

    def __init__(self, service: Service, requests: TokenBuckets | None = None) -> None:
        self._service = service
        self._requests = requests or TokenBuckets(REQUESTS_A_SECOND, BURST)
        # Whoever knocks again and again must not fill the trail.
        self._notes = TokenBuckets(_NOTES_A_SECOND, _NOTES_BURST, time.monotonic)

    async def judge(self, scope: Scope) -> Problem | None:
        """Say why a request is not let in; None lets it in."""
        path = str(scope["path"])
        if path.startswith(_UNCOUNTED):
            return None
        client = scope.get("client")
        wait = self._requests.take(find_address_key(client[0]) if client else "")
        if wait:
            return describe_too_many(wait)
        if path == UPLOADS and scope["method"] == "POST":
            return await run_in_threadpool(self._judge_upload, Request(scope))
        return None

    async def witness(self, kind: str, facts: Mapping[str, str]) -> None:
        """Write a refusal to the trail, sparingly."""
        await run_in_threadpool(self.note, kind, facts)

    def note(self, kind: str, facts: Mapping[str, str]) -> None:
        """Write a refusal to the trail, sparingly."""
        if self._notes.take(kind):
            return
        told = {name: value[:_LONGEST_FACT] for name, value in facts.items()}
        try:
            with self._service.room.database.write() as connection:
                append(connection, "unknown", "turned-away", "door", {"kind": kind, **told})
        except Busy:
            return  # the refusal stands without its note; the writer that holds it is one of ours

    def _judge_upload(self, request: Request) -> Problem | None:
        if find_person(request, self._service) is None:
            self.note(NOBODY.code, {})
            return NOBODY
        with self._service.room.database.read() as connection:
            n_waiting = count_waiting(connection, CHECKS)
        if n_waiting < self._service.door.queue_limit:
            return None
        return Problem(
            503,
            "queue-full",
            "Busy",
            f"{n_waiting} images wait to be checked, and no more are taken for now",
            "send it again after the seconds that Retry-After says",
            retry_after=2,
        )
