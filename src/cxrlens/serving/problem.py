"""What a refused or failed request is answered with.

SPDX-License-Identifier: Apache-2.0

Problem details of RFC 9457: JSON of the type `application/problem+json`. No answer repeats what
was sent: a value may be a patient's name.
"""

import errno
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cxrlens.vocabulary import CxrlensError

MEDIA_TYPE = "application/problem+json"
"""Of RFC 9457."""

RETRY_SECONDS = 10
"""Before another try where nobody knows better, as when the disk is full."""

MAX_FIELDS = 20
"""So many refused fields are listed; of more, only the number is told."""

MAX_NAME = 64
"""Characters of a field's name that are shown: the client may have made it up."""

QUOTING = frozenset({"assertion_error", "union_tag_invalid", "value_error"})
"""Kinds of pydantic's complaints whose text may quote the value."""

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the operating system calls a full disk and a used-up quota."""


@dataclass(frozen=True)
class Problem:
    """Why a request is not answered as it hoped."""

    status: int
    """HTTP status, 400 to 599."""

    code: str
    """What happened, as a kebab word that programs can tell apart, such as `body-too-large`."""

    title: str
    """The kind of problem in a few words; the same whenever the code is."""

    detail: str
    """One sentence about this case; never a value that may belong to a patient."""

    hint: str
    """What to do about it."""

    retry_after: int | None = None
    """Whole seconds after which another try makes sense; None where none does."""

    instance: str | None = None
    """A URI of this one case, by which the log tells more; None for most."""


PageMaker = Callable[[Request, Problem], Response | None]
"""Turns a problem into a page for a person's browser, or None where the JSON should go out."""


class ProblemRaised(CxrlensError):
    """A request ends here, and this is the answer.

    Attributes:
        problem: what is answered.
        headers: what is sent beside it, such as `WWW-Authenticate`.
    """

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.headers = dict(headers or {})


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Put a problem into a response.

    Args:
        problem: what is answered.
        headers: what is sent beside it.

    Returns:
        A response of ASCII JSON, whatever the fields hold: `type` (`about:blank`), `title`,
        `status`, `detail`, `code`, `hint` and, where there are any, `retry_after` and `instance`.
        `Retry-After` is set where the problem has it, and a 401 names `Bearer` unless the headers
        name another scheme.

    Source:
        RFC 9457; RFC 9110 §11.6.1 for 401.
    """
    body: dict[str, object] = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "hint": problem.hint,
    }
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    if problem.retry_after is not None:
        body["retry_after"] = problem.retry_after
        sent["retry-after"] = str(problem.retry_after)
    if problem.instance is not None:
        body["instance"] = problem.instance
    if problem.status == HTTPStatus.UNAUTHORIZED:
        sent.setdefault("www-authenticate", 'Bearer realm="cxrlens"')
    # ASCII, since a field's name may hold half a surrogate pair, which UTF-8 cannot
    return Response(json.dumps(body).encode("ascii"), problem.status, sent, MEDIA_TYPE)


def install_problems(app: FastAPI, make_page: PageMaker | None = None) -> None:
    """Let an application answer all that goes wrong on purpose with problem details.

    What goes wrong by a fault of ours is for `cxrlens.serving.faults.FaultCatcher`.

    Args:
        app: its handlers for `ProblemRaised`, `RequestValidationError` and `HTTPException` are
            replaced.
        make_page: asked first, so that people see pages; None for JSON everywhere.
    """

    def answer(
        request: Request, problem: Problem, headers: Mapping[str, str] | None = None
    ) -> Response:
        page = make_page(request, problem) if make_page else None
        if page is None:
            return respond(problem, headers)
        for name, value in respond(problem, headers).headers.items():
            if not name.startswith("content-"):
                page.headers[name] = value
        return page

    async def on_raised(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemRaised)  # noqa: S101 - registered for this class alone
        return answer(request, error.problem, error.headers)

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
        return answer(request, describe_validation(error))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - as above
        return answer(request, describe_http(error), error.headers)

    app.add_exception_handler(ProblemRaised, on_raised)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)


def describe_validation(error: RequestValidationError) -> Problem:
    """Say which fields of a request are not valid, and never what was in them.

    Args:
        error: what FastAPI raised.

    Returns:
        A problem of status 422 whose detail lists the fields, such as
        `body.sure: Input should be a valid integer`.
    """
    complaints = error.errors()
    told = [_describe_complaint(one) for one in complaints[:MAX_FIELDS]]
    if len(complaints) > MAX_FIELDS:
        told.append(f"and {len(complaints) - MAX_FIELDS} more")
    return Problem(
        422,
        "not-valid",
        "Not valid",
        "; ".join(told) or "the request is not valid",
        "correct these fields; /openapi.json says what each may hold",
    )


def _describe_complaint(complaint: Mapping[str, Any]) -> str:
    """One field and what is wrong with it."""
    kind, text = str(complaint["type"]), str(complaint["msg"])
    value = complaint.get("input")
    is_quoted = isinstance(value, str) and len(value) > 1 and value in text
    where = ".".join(str(part)[:MAX_NAME] for part in complaint["loc"]) or "request"
    return f"{where}: {kind.replace('_', ' ') if kind in QUOTING or is_quoted else text}"


def describe_http(error: HTTPException) -> Problem:
    """Turn an exception of Starlette or FastAPI into a problem.

    Args:
        error: 404 for an unknown path, 405 for an unknown method, 400 for a body that cannot be
            read, or what a route raised; its detail is shown where it is text.

    Returns:
        The problem; of status 507 where the body could not be kept since the disk is full.
    """
    if is_disk_full(error.__cause__):
        return DISK_FULL
    title = TITLES.get(error.status_code) or _find_phrase(error.status_code)
    detail = error.detail if isinstance(error.detail, str) else ""
    return Problem(
        error.status_code,
        title.lower().replace(" ", "-").replace("'", ""),
        title,
        detail
        if detail not in ("", _find_phrase(error.status_code))
        else DETAILS.get(error.status_code, title),
        HINTS.get(error.status_code, "see /openapi.json for what can be asked"),
    )


def _find_phrase(status: int) -> str:
    """What HTTP calls a status; `Error` for one that it does not know."""
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"


def is_disk_full(error: BaseException | None) -> bool:
    """Tell whether an exception says that nothing more can be written.

    Args:
        error: any exception, or None.

    Returns:
        True for the operating system's ENOSPC and EDQUOT.
    """
    return isinstance(error, OSError) and error.errno in NO_SPACE


DISK_FULL = Problem(
    507,
    "disk-full",
    "Disk full",
    "the server's disk is full, and what is not named as accepted was not kept",
    "try again later; whoever runs the room must free space",
    RETRY_SECONDS,
)
"""Answered where nothing more can be written."""

TITLES = {413: "Too large", 422: "Not valid", 507: DISK_FULL.title}
"""What we call a status where Python's versions do not agree, or HTTP's name says little."""

DETAILS = {
    400: "the request cannot be understood",
    401: "nobody is signed in",
    403: "this is not allowed to you",
    404: "there is nothing at this address, or nothing that you may see",
    405: "this address does not know this method",
    409: "this does not fit what has happened meanwhile",
    413: "the body is larger than what is accepted here",
    422: "the request is not valid",
    429: "too many requests in too short a time",
    503: "the service cannot take this right now",
    507: DISK_FULL.detail,
}
"""One sentence by status, where nothing closer is known."""

HINTS = {
    400: "see /openapi.json for what can be asked",
    401: "sign in, or send a token: Authorization: Bearer TOKEN",
    403: "ask an admin of the room for the role",
    404: "check the address; see /openapi.json for those there are",
    405: "use a method that the header Allow names",
    409: "fetch it again and look at what has changed",
    413: "send fewer or smaller files at once",
    422: "see /openapi.json for what each field may hold",
    429: "wait for as many seconds as the header Retry-After says",
    503: "wait for as many seconds as the header Retry-After says",
    507: DISK_FULL.hint,
}
"""What to do by status, where nothing closer is known."""

SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "hint"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
        "hint": {"type": "string"},
        "retry_after": {"type": "integer", "minimum": 0},
        "instance": {"type": "string", "format": "uri"},
    },
}
"""JSON schema of what `respond` sends."""

RETRY_HEADER: dict[str, Any] = {
    "Retry-After": {
        "description": "Whole seconds to wait before another try.",
        "schema": {"type": "integer", "minimum": 0},
    }
}
"""How OpenAPI describes the header of an answer that asks for patience."""

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": detail[0].upper() + detail[1:] + ".",
        "content": {MEDIA_TYPE: {"schema": SCHEMA}},
        **({"headers": RETRY_HEADER} if status in (429, 503, 507) else {}),
    }
    for status, detail in DETAILS.items()
    if status != HTTPStatus.METHOD_NOT_ALLOWED
}
"""What every route may answer beside what it hopes to: FastAPI's `responses`, by status."""
