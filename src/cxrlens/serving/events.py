"""What happens in the room, as it happens: server-sent events.

SPDX-License-Identifier: Apache-2.0

Events are read from the trail, so that they tell of what both processes did. They say that a case
changed, and never how: whoever may know asks again. What tells of the model goes only to those who
may see the model's answer for that case, since in shadow even its timing says something.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from cxrlens.serving.case_view import may_see_machine
from cxrlens.serving.entry import Reader, ServiceHere, find_person
from cxrlens.serving.people import SignedIn
from cxrlens.serving.problem import RESPONSES
from cxrlens.serving.room import read_state
from cxrlens.serving.service import Service
from cxrlens.serving.tables import trail
from cxrlens.serving.trail import CASE_ERASED, ERASED, read_head

router = APIRouter(prefix="/api/v1", tags=["room"], responses=RESPONSES)

OF_FILES = frozenset(
    {
        "image-received", "image-checked", "image-refused", "image-quarantined",
        "image-duplicate", "claimed", "released", "committed", "case-recalled",
    }
)  # fmt: skip
"""What everybody may know."""

OF_ROOM = frozenset(
    {
        "level-set", "settings-set", "gates-set", "promise-made", "promise-withdrawn",
        "promise-tested", "certificate-made", "certificate-void",
    }
)  # fmt: skip
"""What changes the pages as a whole."""

OF_MODEL = frozenset(
    {
        "predicted", "prediction-failed", "predict-given-up", "map-made", "map-failed",
        "explain-given-up", "machine-decided", "machine-referred",
    }
)  # fmt: skip
"""What only those may know who may see the model's answer for the case."""

_LOOK_SECONDS = 0.25
"""Between looks at the trail."""

_BREATH_SECONDS = 15.0
"""Between signs of life, so that a proxy does not cut a quiet stream."""

_MOST_AT_ONCE = 200
"""Lines of one look."""


@dataclass(frozen=True)
class _Position:
    """How far a stream is."""

    seq: int
    """Last line of the trail that was looked at."""


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def get_events(service: ServiceHere, request: Request, _reader: Reader) -> StreamingResponse:
    """Follow what happens: `case` with its id, or `room`. It ends with the session or token."""
    return StreamingResponse(
        _follow(service, request),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
    )


async def _follow(service: Service, request: Request) -> AsyncIterator[str]:
    position = await run_in_threadpool(_find_end, service)
    yield "retry: 2000\n\n"
    quiet = 0.0
    while not service.is_stopping.is_set():
        # Anew each time: who was shut out, or is no lead any more, is told no more of it.
        reader = await run_in_threadpool(find_person, request, service)
        if reader is None:
            return
        position, told = await run_in_threadpool(_look, service, reader, position)
        for event in told:
            yield event
        quiet = 0.0 if told else quiet + _LOOK_SECONDS
        if quiet >= _BREATH_SECONDS:
            yield ": here\n\n"
            quiet = 0.0
        await asyncio.sleep(_LOOK_SECONDS)


def _find_end(service: Service) -> _Position:
    with service.room.database.read() as connection:
        return _Position(read_head(connection).seq)


def _look(service: Service, reader: SignedIn, position: _Position) -> tuple[_Position, list[str]]:
    """Read new lines, and keep what the reader may know."""
    with service.room.database.read() as connection:
        rows = connection.execute(
            select(trail.c.seq, trail.c.action, trail.c.subject, trail.c.details)
            .where(trail.c.seq > position.seq)
            .order_by(trail.c.seq)
            .limit(_MOST_AT_ONCE)
        ).all()
        state = read_state(connection) if rows else None
        told: dict[str, None] = {}
        for row in rows:
            if row.action in OF_ROOM:
                told[_write("room", {})] = None
            elif row.action in OF_FILES:
                told[_write("case", {"id": row.subject})] = None
            elif row.action in {ERASED, CASE_ERASED}:
                told |= {_write("case", {"id": one}): None for one in row.details["cases"]}
            elif (
                row.action in OF_MODEL
                and state is not None
                and may_see_machine(connection, state, reader, row.subject)
            ):
                told[_write("case", {"id": row.subject})] = None
    return _Position(rows[-1].seq if rows else position.seq), list(told)


def _write(kind: str, data: dict[str, str]) -> str:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"
