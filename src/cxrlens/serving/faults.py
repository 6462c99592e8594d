"""A fault of ours becomes an answer and a line in the log, both without patient data.

SPDX-License-Identifier: Apache-2.0
"""

import logging
import traceback
from pathlib import Path
from uuid import uuid4

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cxrlens.serving.problem import DISK_FULL, Problem, ProblemRaised, is_disk_full, respond

LOG = logging.getLogger("cxrlens.serving")

MAX_FRAMES = 12
"""So many of the innermost calls are named in the log."""


class FaultCatcher:
    """Answers where the application failed, and tells the log what and where, not on what.

    The text of an exception may quote a patient's name, and so may its traceback: the log gets
    the kinds of the exceptions, the lines of the program, the method and the route's template.
    An exception never passes on to the server, which would log all of it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; ASGI 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def watch(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            LOG.debug("client left: %s", _describe_place(scope))  # there is nobody to answer
        except Exception as error:
            problem = _judge(error, scope)
            # an answer that has begun stays unfinished: the server then cuts the connection
            if not has_begun:
                await respond(problem)(scope, receive, send)


def _judge(error: Exception, scope: Scope) -> Problem:
    """What is answered; a fault is logged on the way."""
    if isinstance(error, ProblemRaised):
        return error.problem
    if is_disk_full(error):
        LOG.error("disk full: %s", _describe_place(scope))
        return DISK_FULL
    instance = f"urn:uuid:{uuid4()}"
    LOG.error("fault %s: %s: %s", instance, _describe_place(scope), describe_fault(error))
    return Problem(
        500,
        "fault",
        "A fault of ours",
        "the server failed at this request, and the fault is in its log",
        f"tell whoever runs the room this number: {instance}",
        instance=instance,
    )


def _describe_place(scope: Scope) -> str:
    """Method and template of the route; the path itself may name a case."""
    route = getattr(scope.get("route"), "path", "(no route)")
    return f"{scope['method']} {route}"


def describe_fault(error: BaseException) -> str:
    """Say what kind of exception was raised where, and nothing that it says itself.

    Args:
        error: any exception.

    Returns:
        One line: the exception's kind, those it came from, and the innermost calls, the last
        first, such as `KeyError < OSError in case.py:12 find, api.py:40 show`.
    """
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < MAX_FRAMES:
        kinds.append(type(cause).__qualname__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    frames = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), lookup_lines=False
    )
    places = [f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames]
    return f"{' < '.join(kinds)} in {', '.join(places[: -MAX_FRAMES - 1 : -1])}"
