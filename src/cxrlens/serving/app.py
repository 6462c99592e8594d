"""The web application of a room, put together.

SPDX-License-Identifier: Apache-2.0
"""

import logging
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from cxrlens.serving import (
    events,
    health,
    pages,
    routes_automation,
    routes_cases,
    routes_images,
    routes_outcomes,
    routes_room,
)
from cxrlens.serving.admission import Limits
from cxrlens.serving.database import Busy, OutOfSpace, Unusable
from cxrlens.serving.door import UPLOADS, Doorkeeper
from cxrlens.serving.entry import name_cookie
from cxrlens.serving.guarding import Guards, install_guards
from cxrlens.serving.page_files import PageFiles
from cxrlens.serving.policy import NotAllowed
from cxrlens.serving.problem import DISK_FULL, Problem, install_problems, respond
from cxrlens.serving.service import Service
from cxrlens.vocabulary import NOT_A_DEVICE, InputError, OutputError

LOG = logging.getLogger("cxrlens.serving")

OF_AUTOMATION = frozenset(
    {
        "gate-closed", "level-too-high", "no-such-certificate", "no-such-promise", "not-certified",
        "promise-ended", "promise-impossible", "promise-open", "promise-twin", "protocol-not-asked",
    }
)  # fmt: skip
"""Reasons of `NotAllowed` that no case tells more about."""

STATIC = Path(__file__).parent / "static"
"""Modules and style of the pages."""


def make_app(service: Service) -> FastAPI:
    """Put the application of a room together.

    Args:
        service: what every request can reach.
    """
    app = FastAPI(
        title="cxrlens reading room",
        version=version("cxrlens"),
        description=NOT_A_DEVICE,
        docs_url=None,  # both pages would fetch their scripts from another host
        redoc_url=None,
    )
    app.state.service = service
    for part in (
        routes_room, routes_images, routes_cases, routes_outcomes, routes_automation, events,
        health, pages,
    ):  # fmt: skip
        app.include_router(part.router)
    app.mount("/static", PageFiles(directory=STATIC), name="static")
    install_problems(app, pages.show_problem)
    _name_all_methods(app)
    doorkeeper = Doorkeeper(service)
    install_guards(
        app,
        Guards(
            service.door.hosts,
            name_cookie(service),
            Limits((UPLOADS,)),
            doorkeeper.witness,
            doorkeeper.judge,
        ),
    )
    app.add_exception_handler(NotAllowed, _on_not_allowed)
    app.add_exception_handler(InputError, _on_input)
    app.add_exception_handler(Busy, _on_busy)
    app.add_exception_handler(OutOfSpace, _on_full)
    app.add_exception_handler(OutputError, _on_full)
    app.add_exception_handler(Unusable, _on_unusable)
    return app


def _name_all_methods(app: FastAPI) -> None:
    """Let a 405 name every method of its address: Starlette names those of one route alone.

    Source: RFC 9110, 10.2.1.
    """
    answer = app.exception_handlers[HTTPException]

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            fitting = (
                one for one in app.routes
                if isinstance(one, APIRoute) and one.path_regex.match(request.url.path)
            )  # fmt: skip
            methods = sorted({method for one in fitting for method in one.methods or ()})
            error.headers = {"Allow": ", ".join(methods)}
        answered: Response = await answer(request, error)  # type: ignore[misc]
        return answered

    app.add_exception_handler(HTTPException, on_http)


async def _on_not_allowed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, NotAllowed)  # noqa: S101 - registered for this class alone
    is_of_room = error.reason in OF_AUTOMATION
    hint = "see the page Automation" if is_of_room else "fetch the case again, and see what it is"
    return respond(Problem(409, error.reason, "Not now", str(error), hint))


async def _on_input(_request: Request, error: Exception) -> Response:
    return respond(Problem(422, "not-valid", "Not valid", str(error), "correct it"))


async def _on_busy(_request: Request, _error: Exception) -> Response:
    return respond(
        Problem(
            503, "busy", "Busy", "another writer holds the database", "send it again", retry_after=2
        )
    )


async def _on_unusable(_request: Request, error: Exception) -> Response:
    LOG.error("%s", error)  # its message holds a path, which is for whoever runs the room alone
    return respond(
        Problem(
            503,
            "database-unusable",
            "Out of order",
            "the room's database cannot be used",
            "whoever runs the room must look into its log",
            retry_after=60,
        )
    )


async def _on_full(_request: Request, _error: Exception) -> Response:
    return respond(DISK_FULL)
