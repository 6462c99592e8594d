"""The pages that people see.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from cxrlens.serving.entry import ServiceHere, find_person
from cxrlens.serving.problem import Problem
from cxrlens.serving.room import read_state
from cxrlens.serving.service import Service
from cxrlens.vocabulary import NOT_A_DEVICE

router = APIRouter(include_in_schema=False)

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@router.get("/")
def show_worklist(request: Request, service: ServiceHere) -> Response:
    """Show the worklist."""
    return _show(request, service, "worklist.html")


@router.get("/cases/{case_id}")
def show_case(request: Request, service: ServiceHere, case_id: str) -> Response:
    """Show a case."""
    return _show(request, service, "case.html", case_id=case_id)


@router.get("/room")
def show_room(request: Request, service: ServiceHere) -> Response:
    """Show the room's level, people and trail."""
    return _show(request, service, "room.html")


@router.get("/outcomes")
def show_outcomes(request: Request, service: ServiceHere) -> Response:
    """Show what came of it."""
    return _show(request, service, "outcomes.html")


@router.get("/sign-in")
def show_sign_in(service: ServiceHere) -> Response:
    """Show where a token is changed for a session."""
    with service.room.database.read() as connection:
        name = read_state(connection).name
    return HTMLResponse(
        _TEMPLATES.get_template("sign_in.html").render(room_name=name, notice=NOT_A_DEVICE)
    )


def show_problem(request: Request, problem: Problem) -> Response | None:
    """Answer a browser's page request with a page; None for all others."""
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return None
    page = _TEMPLATES.get_template("problem.html").render(problem=problem, notice=NOT_A_DEVICE)
    return HTMLResponse(page, status_code=problem.status)


def _show(request: Request, service: Service, template: str, **values: str) -> Response:
    person = find_person(request, service)
    if person is None:
        return RedirectResponse("/sign-in", status_code=303)
    with service.room.database.read() as connection:
        room = service.tell_room(read_state(connection))
    page = _TEMPLATES.get_template(template).render(room=room, person=person, **values)
    return HTMLResponse(page)
