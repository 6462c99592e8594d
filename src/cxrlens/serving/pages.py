"""The pages that people see.

SPDX-License-Identifier: Apache-2.0

They hold no data of patients: their modules ask the API for it, which says what may be shown.
"""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from starlette.responses import Response

from cxrlens.client.messages import Role, Room
from cxrlens.serving.bundle_facts import name_normal
from cxrlens.serving.entry import ServiceHere, find_person
from cxrlens.serving.problem import Problem, ProblemRaised
from cxrlens.serving.room import read_state
from cxrlens.serving.routes_cases import NO_CASE
from cxrlens.serving.service import Service
from cxrlens.serving.tables import case
from cxrlens.vocabulary import NOT_A_DEVICE

router = APIRouter(include_in_schema=False)

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def put_findings_first(room: Room) -> list[str]:
    """List the classes of a room, that of nothing found last: no promise is likely about it."""
    names = tuple(one.name for one in room.classes)
    normal = name_normal(names, is_multilabel=room.is_multilabel)
    return sorted(names, key=lambda name: name == normal)


_TEMPLATES.filters["findings_first"] = put_findings_first


@router.get("/")
def show_worklist(request: Request, service: ServiceHere) -> Response:
    """Show the worklist."""
    return _show(request, service, "worklist.html")


@router.get("/cases/{case_id}")
def show_case(request: Request, service: ServiceHere, case_id: str) -> Response:
    """Show a case."""
    if find_person(request, service) is not None:
        with service.room.database.read() as connection:
            state = connection.execute(select(case.c.state).where(case.c.id == case_id)).scalar()
        if state is None or state == "erased":
            raise ProblemRaised(NO_CASE)
    return _show(request, service, "case.html", case_id=case_id)


@router.get("/room")
def show_room(request: Request, service: ServiceHere) -> Response:
    """Show the room's level, people and trail."""
    return _show(request, service, "room.html", "lead")


@router.get("/outcomes")
def show_outcomes(request: Request, service: ServiceHere) -> Response:
    """Show what came of it."""
    return _show(request, service, "outcomes.html", "lead")


@router.get("/automation")
def show_automation(request: Request, service: ServiceHere) -> Response:
    """Show how far the machine decides, and on what evidence."""
    return _show(request, service, "automation.html", "lead")


@router.get("/sign-in")
def show_sign_in(service: ServiceHere) -> Response:
    """Show where a token is changed for a session."""
    with service.room.database.read() as connection:
        room = service.tell_room(read_state(connection))
    return _render("sign_in.html", room_name=room.name, notices=room.notices)


def show_problem(request: Request, problem: Problem) -> Response | None:
    """Answer a browser's page request with a page; None for all others."""
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return None
    return _render("problem.html", problem.status, problem=problem, notices=(NOT_A_DEVICE,))


def _show(
    request: Request, service: Service, template: str, role: Role = "reader", **values: str
) -> Response:
    person = find_person(request, service)
    if person is None:
        return RedirectResponse(f"/sign-in?next={request.url.path}", status_code=303)
    if not person.may_act_as(role):
        raise ProblemRaised(
            Problem(
                403,
                "role-missing",
                "Not allowed",
                f"this page needs the role {role}, and yours is {person.role}",
                "ask an admin of the room for the role",
            )
        )
    with service.room.database.read() as connection:
        room = service.tell_room(read_state(connection))
    must_sign_in = service.door.open_to is None
    return _render(
        template, 200,
        room=room, room_name=room.name, notices=room.notices, person=person,
        must_sign_in=must_sign_in, **values,
    )  # fmt: skip


def _render(template: str, status: int = 200, **values: object) -> Response:
    return HTMLResponse(_TEMPLATES.get_template(template).render(**values), status)
