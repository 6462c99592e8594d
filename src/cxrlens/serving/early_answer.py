"""An answer that is given before the body has been read.

SPDX-License-Identifier: Apache-2.0

A server that answers and closes while a client still sends makes the client's system throw the
answer away: the client sees a reset. So the answer goes out at once, what still comes is thrown
away for a while, and only then the answer ends.
"""

from starlette.types import Message, Send

from cxrlens.serving.body import DRAIN_BYTES, DRAIN_SECONDS, Body
from cxrlens.serving.problem import Problem, respond


async def send_away(
    problem: Problem,
    body: Body,
    send: Send,
    seconds: float = DRAIN_SECONDS,
    count: int = DRAIN_BYTES,
) -> None:
    """Answer a request whose body nobody wants.

    Args:
        problem: the answer.
        body: of the request.
        send: of ASGI.
        seconds: for which the body is thrown away, at most.
        count: bytes of it, at most about.
    """
    # to ask for a withheld body would be to want it, and without it the connection is of no use
    response = respond(problem, {"Connection": "close"} if body.is_withheld else None)
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    last: Message = {"type": "http.response.body", "body": bytes(response.body)}
    await send_last(last, body, send, seconds, count)


async def send_last(
    message: Message,
    body: Body,
    send: Send,
    seconds: float = DRAIN_SECONDS,
    count: int = DRAIN_BYTES,
) -> None:
    """Send the last part of an answer, and end the answer when nothing of the body still comes.

    Args:
        message: ASGI's `http.response.body`, without more to follow.
        body: of the request.
        send: of ASGI.
        seconds: for which the body is thrown away, at most.
        count: bytes of it, at most about.
    """
    if body.is_coming:
        await send({**message, "more_body": True})
        await body.drain(seconds, count)
        message = {"type": "http.response.body", "body": b"", "more_body": False}
    await send(message)
