"""Cases over HTTP: the worklist, one case, its pixels and maps, readings.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse
from sqlalchemy import Connection, select

from cxrlens.client.messages import (
    Amendment,
    Case,
    MapOrder,
    NextCase,
    ReadingAnswer,
    Recall,
    ReferenceAnswer,
    Worklist,
)
from cxrlens.serving.bundle_facts import METHODS
from cxrlens.serving.case_view import choose_bundle, find_map, may_see_machine, view_case
from cxrlens.serving.deciding import recall_case
from cxrlens.serving.entry import Lead, Reader, ServiceHere
from cxrlens.serving.heat_picture import draw_heat
from cxrlens.serving.jobs import enqueue
from cxrlens.serving.people import SignedIn
from cxrlens.serving.policy import NotAllowed
from cxrlens.serving.problem import RESPONSES, Problem, ProblemRaised
from cxrlens.serving.readings import Said, is_noted, open_case, record, set_reference
from cxrlens.serving.repeating import IdempotencyKey, do_once
from cxrlens.serving.room import RoomState, read_state
from cxrlens.serving.service import Service
from cxrlens.serving.standing import review
from cxrlens.serving.tables import case
from cxrlens.serving.trail import append
from cxrlens.serving.worklist import Query as Wanted
from cxrlens.serving.worklist import Shown, claim_case, find_next, list_cases, release_case
from cxrlens.vocabulary import suggest

router = APIRouter(prefix="/api/v1/cases", tags=["cases"], responses=RESPONSES)

CaseId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Of a case.")]

NO_CASE = Problem(
    404, "no-such-case", "No such case", "there is no case with this id",
    "look it up in the worklist",
)  # fmt: skip

NO_MAP = Problem(
    404, "no-such-map", "No such map", "there is no such map, or none that you may see now",
    "look at the case again",
)  # fmt: skip


@router.get("")
def list_worklist(  # noqa: PLR0913, PLR0917 - each is a filter of the worklist
    service: ServiceHere,
    reader: Reader,
    shown: Shown = "open",
    search: Annotated[str, Query(max_length=64)] = "",
    mine: bool = False,
    after: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Worklist:
    """List the cases, in the order in which they should be read."""
    with service.room.database.read() as connection:
        state = read_state(connection)
        wanted = Wanted(shown, search, mine, after, limit)
        return list_cases(connection, state, reader, wanted)


@router.get("/next")
def get_next(
    service: ServiceHere,
    reader: Reader,
    instead_of: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None,
) -> NextCase:
    """Give the case to read next."""
    with service.room.database.read() as connection:
        return NextCase(id=find_next(connection, read_state(connection), reader, instead_of))


@router.get("/{case_id}")
def get_case(service: ServiceHere, reader: Reader, case_id: CaseId) -> Case:
    """Give a case as the person who asks may see it; it is noted that they looked."""
    with service.room.database.read() as connection:
        _require_case(connection, case_id)
        view = _view(connection, read_state(connection), reader, case_id)
        shows = view.machine is not None
        if is_noted(connection, reader, case_id, shows=shows):
            return view
    with service.room.database.write() as connection:
        _require_case(connection, case_id)
        state = read_state(connection)
        view = _view(connection, state, reader, case_id)
        open_case(connection, reader, case_id, shows=view.machine is not None)
        return view


@router.get(
    "/{case_id}/pixels",
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def get_pixels(service: ServiceHere, _reader: Reader, case_id: CaseId) -> FileResponse:
    """Give the image at its full size: rows of little-endian numbers, 0 is black."""
    with service.room.database.read() as connection:
        row = connection.execute(select(case).where(case.c.id == case_id)).first()
    if row is None or row.state != "ready":
        raise ProblemRaised(NO_CASE)
    headers = {
        "Content-Encoding": "gzip",
        "X-Width": str(row.width),
        "X-Height": str(row.height),
        "X-Bits": str(row.bits),
    }
    if row.spacing is not None:
        headers["X-Spacing-Mm"] = f"{row.spacing[0]},{row.spacing[1]}"
    return FileResponse(
        service.room.places.pixels(case_id), headers=headers, media_type="application/octet-stream"
    )


@router.put("/{case_id}/claim")
def put_claim(service: ServiceHere, reader: Reader, case_id: CaseId) -> Case:
    """Keep a case for the person who asks; again and again while they are at it."""
    with service.room.database.write() as connection:
        _require_case(connection, case_id)
        state = read_state(connection)
        claim_case(connection, state, reader, case_id)
        return _view(connection, state, reader, case_id)


@router.delete("/{case_id}/claim", status_code=204)
def delete_claim(service: ServiceHere, reader: Reader, case_id: CaseId) -> None:
    """Give a case back."""
    with service.room.database.write() as connection:
        _require_case(connection, case_id)
        release_case(connection, reader, case_id)


@router.post("/{case_id}/first-answer")
def post_first_answer(
    service: ServiceHere,
    reader: Reader,
    case_id: CaseId,
    answer: ReadingAnswer,
    key: IdempotencyKey = "",
) -> Case:
    """Answer before the machine is shown; then it is."""
    return _record(service, Said(reader, case_id, "first-answer", answer), answer, key)


@router.post("/{case_id}/reading")
def post_reading(
    service: ServiceHere,
    reader: Reader,
    case_id: CaseId,
    answer: ReadingAnswer,
    key: IdempotencyKey = "",
) -> Case:
    """Commit a reading: it is never changed, only amended."""
    return _record(service, Said(reader, case_id, "commit", answer), answer, key)


@router.post("/{case_id}/amendments")
def post_amendment(
    service: ServiceHere,
    reader: Reader,
    case_id: CaseId,
    amendment: Amendment,
    key: IdempotencyKey = "",
) -> Case:
    """Amend a committed reading, with a reason; what was committed stays."""
    said = Said(reader, case_id, "amend", amendment.answer, amendment.reason)
    return _record(service, said, amendment, key)


@router.put("/{case_id}/reference", status_code=204)
def put_reference(
    service: ServiceHere, lead: Lead, case_id: CaseId, answer: ReferenceAnswer
) -> None:
    """Say what is true of a case, by something better than a reading of it."""
    with service.room.database.write() as connection:
        _require_case(connection, case_id)
        set_reference(connection, lead, case_id, answer, service.classes)
        review(connection)


@router.post("/{case_id}/recall")
def post_recall(service: ServiceHere, reader: Reader, case_id: CaseId, asked: Recall) -> Case:
    """Take a case back that the machine decided: readers get it."""
    with service.room.database.write() as connection:
        _require_case(connection, case_id)
        recall_case(connection, case_id, asked.reason, reader)
        return _view(connection, read_state(connection), reader, case_id)


@router.post("/{case_id}/maps", status_code=202)
def post_map(service: ServiceHere, reader: Reader, case_id: CaseId, order: MapOrder) -> Case:
    """Ask for a map by another method; it is made in the background."""
    with service.room.database.write() as connection:
        _require_case(connection, case_id)
        state = read_state(connection)
        if not may_see_machine(connection, state, reader, case_id):
            raise ProblemRaised(NO_MAP)
        level = connection.execute(select(case.c.level).where(case.c.id == case_id)).scalar_one()
        if not (state.policy.runs_model(level) and state.policy.runs_model(state.level)):
            raise NotAllowed(
                "model-stopped", "the model does not run now: ask again when a lead has raised "
                "the room's level",
            )  # fmt: skip
        if order.method not in METHODS:
            raise NotAllowed(
                "no-such-method",
                f"method {order.method!r} is not offered here; {suggest(order.method, METHODS)}",
            )
        service.classes.check_name(order.class_name)
        enqueue(connection, "explain", case_id, f"{order.method}/{order.class_name}")
        append(connection, reader.id, "map-asked", case_id, {"method": order.method})
        return _view(connection, state, reader, case_id)


@router.get(
    "/{case_id}/maps/{map_id}.png",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
def get_map(
    service: ServiceHere,
    reader: Reader,
    case_id: CaseId,
    map_id: Annotated[str, Path(pattern="^[0-9a-f]{16}$")],
) -> Response:
    """Give a heat-map as a picture with opacity that covers the whole image."""
    with service.room.database.read() as connection:
        _require_case(connection, case_id)
        state = read_state(connection)
        row = None
        if may_see_machine(connection, state, reader, case_id):
            bundle = choose_bundle(connection, state, reader, case_id)
            row = find_map(connection, bundle, case_id, map_id)
    if row is None:
        raise ProblemRaised(NO_MAP)
    return Response(draw_heat(row), media_type="image/png")


def _record(service: Service, said: Said, body: Any, key: str) -> Case:  # noqa: ANN401
    with service.room.database.write() as connection:
        _require_case(connection, said.case_id)

        def do() -> Any:  # noqa: ANN401 - plain JSON values
            record(connection, said, service.classes)
            review(connection)  # it may be the spot check that breaks a promise
            return None

        asked = (f"{said.action} {said.case_id}", body)
        do_once(connection, said.reader, key, asked, do)
        state = read_state(connection)
        view = _view(connection, state, said.reader, said.case_id)
        # Answering first is what shows the machine, and the trail must say when it went out.
        open_case(connection, said.reader, said.case_id, shows=view.machine is not None)
        return view


def _require_case(connection: Connection, case_id: str) -> None:
    found = connection.execute(select(case.c.state).where(case.c.id == case_id)).scalar()
    if found is None or found == "erased":
        raise ProblemRaised(NO_CASE)


def _view(connection: Connection, state: RoomState, reader: SignedIn, case_id: str) -> Case:
    view = view_case(connection, state, reader, case_id)
    if view is None:
        raise ProblemRaised(NO_CASE)
    return view
