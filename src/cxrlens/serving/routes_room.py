"""The room over HTTP: who is in it, its level, its people, its trail.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import select

from cxrlens.client.messages import (
    LevelChange,
    Me,
    Person,
    PersonNew,
    Room,
    RoomSettings,
    SignIn,
    Token,
    TokenNew,
    TokenShown,
    TrailEvent,
    TrailHead,
)
from cxrlens.serving.case_view import may_know
from cxrlens.serving.entry import Admin, Lead, Reader, ServiceHere, name_cookie
from cxrlens.serving.events import OF_MODEL
from cxrlens.serving.gates import refuse_fewer_checks, require_gate
from cxrlens.serving.lockout import describe_locked_out
from cxrlens.serving.people import (
    SESSION_HOURS,
    SignedIn,
    add_person,
    close_session,
    disable_person,
    list_people,
    list_tokens,
    make_token,
    open_session,
    revoke_token,
)
from cxrlens.serving.policy import NotAllowed, is_automated
from cxrlens.serving.problem import RESPONSES, Problem, ProblemRaised
from cxrlens.serving.rates import find_address_key
from cxrlens.serving.room import read_state, set_level, set_settings
from cxrlens.serving.standing import review
from cxrlens.serving.tables import person, trail
from cxrlens.serving.trail import append, read_head
from cxrlens.vocabulary import LEVELS

router = APIRouter(prefix="/api/v1", tags=["room"], responses=RESPONSES)

PersonId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="Of a person.")]

WRONG_TOKEN = Problem(
    401, "wrong-token", "Not signed in", "this token is nobody's, has run out or was revoked",
    "ask an admin of the room for a new one",
)  # fmt: skip

NO_PERSON = Problem(
    404, "no-such-person", "No such person", "there is no person with this id", "list the people"
)

NO_TOKEN = Problem(
    404, "no-such-token", "No such token", "there is no token with this id", "list the tokens"
)


@router.post("/sign-in")
def post_sign_in(service: ServiceHere, request: Request, asked: SignIn, response: Response) -> Me:
    """Change a token for a session, whose cookie comes with the answer."""
    client = find_address_key(request.client.host) if request.client else ""
    wait = service.lockout.attempt(client)
    if wait:
        raise ProblemRaised(describe_locked_out(wait))
    with service.room.database.write() as connection:
        opened = open_session(connection, asked.token)
        if opened is None:
            append(connection, "unknown", "sign-in-failed", "room")
    if opened is None:
        raise ProblemRaised(WRONG_TOKEN)
    service.lockout.succeed(client)
    found, secret = opened
    response.set_cookie(
        name_cookie(service),
        secret,
        max_age=SESSION_HOURS * 3600,
        path="/",
        secure=service.door.is_https,
        httponly=True,
        samesite="strict",
    )
    return _tell_me(found)


@router.post("/sign-out", status_code=204)
def post_sign_out(service: ServiceHere, request: Request) -> Response:
    """End the session."""
    secret = request.cookies.get(name_cookie(service))
    if secret is not None:
        with service.room.database.write() as connection:
            close_session(connection, secret)
    response = Response(status_code=204)
    response.delete_cookie(name_cookie(service), path="/", secure=service.door.is_https)
    return response


@router.get("/me")
def get_me(reader: Reader) -> Me:
    """Say who is asking."""
    return _tell_me(reader)


@router.get("/room")
def get_room(service: ServiceHere, _reader: Reader) -> Room:
    """Say what the room is set to."""
    with service.room.database.read() as connection:
        state = read_state(connection)
    if is_automated(state.level):
        with service.room.database.write() as connection:
            state = review(connection)
    return service.tell_room(state)


@router.put("/room/level")
def put_level(service: ServiceHere, lead: Lead, change: LevelChange) -> Room:
    """Set the level of cases that arrive from now on; those that wait can only fall with it.

    Upward only where the evidence for the level stands.
    """
    with service.room.database.write() as connection:
        state = review(connection)
        is_raised = LEVELS.index(change.level) > LEVELS.index(state.level)
        # Also downward and in place: a protocol makes of what would have been decided what is
        # decided, and certificates that were made since the last time begin to count.
        if is_raised or is_automated(change.level):
            require_gate(connection, change.level, lead)
        if change.protocol is not None and not is_automated(change.level):
            raise NotAllowed(
                "protocol-not-asked", "a protocol is for the levels at which the machine decides"
            )
        set_level(connection, change.level, change.reason, lead.id, change.protocol)
        return service.tell_room(read_state(connection))


@router.post("/room/stop")
def post_stop(service: ServiceHere, reader: Reader) -> Room:
    """Take the room to human only at once; everybody may."""
    with service.room.database.write() as connection:
        set_level(connection, LEVELS[0], "stopped by hand", reader.id)
        return service.tell_room(read_state(connection))


@router.put("/room/settings")
def put_settings(service: ServiceHere, lead: Lead, settings: RoomSettings) -> Room:
    """Set how the room goes about its levels."""
    with service.room.database.write() as connection:
        refuse_fewer_checks(connection, settings)
        set_settings(connection, settings, lead.id)
        return service.tell_room(read_state(connection))


@router.get("/people")
def get_people(service: ServiceHere, _admin: Admin) -> tuple[Person, ...]:
    """List who may use the room."""
    with service.room.database.read() as connection:
        return list_people(connection)


@router.post("/people", status_code=201)
def post_person(service: ServiceHere, admin: Admin, new: PersonNew) -> Person:
    """Add a person."""
    with service.room.database.write() as connection:
        return add_person(connection, new.name, new.role, admin.id)


@router.delete("/people/{person_id}", status_code=204)
def delete_person(service: ServiceHere, admin: Admin, person_id: PersonId) -> Response:
    """Take all access from a person; what they did stays."""
    _require_person(service, person_id)
    with service.room.database.write() as connection:
        disable_person(connection, person_id, admin.id)
    return Response(status_code=204)


@router.get("/people/{person_id}/tokens")
def get_tokens(service: ServiceHere, _admin: Admin, person_id: PersonId) -> tuple[Token, ...]:
    """List a person's tokens, without their secrets."""
    _require_person(service, person_id)
    with service.room.database.read() as connection:
        return list_tokens(connection, person_id)


@router.post("/people/{person_id}/tokens", status_code=201)
def post_token(
    service: ServiceHere, admin: Admin, person_id: PersonId, new: TokenNew
) -> TokenShown:
    """Make a token; its secret is shown this once."""
    _require_person(service, person_id)
    with service.room.database.write() as connection:
        return make_token(connection, person_id, new.label, admin.id, new.days)


@router.delete("/tokens/{token_id}", status_code=204)
def delete_token(
    service: ServiceHere, admin: Admin, token_id: Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
) -> Response:
    """End a token, and the sessions that began with it."""
    with service.room.database.write() as connection:
        if not revoke_token(connection, token_id, admin.id):
            raise ProblemRaised(NO_TOKEN)
    return Response(status_code=204)


@router.get("/trail")
def get_trail(
    service: ServiceHere,
    lead: Lead,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> tuple[TrailEvent, ...]:
    """List the trail, newest line first; without what tells of the model where it is not shown."""
    asked = select(trail).order_by(trail.c.seq.desc()).limit(limit)
    if before is not None:
        asked = asked.where(trail.c.seq < before)
    with service.room.database.read() as connection:
        names = {row.id: row.name for row in connection.execute(select(person))}
        state = read_state(connection)
        return tuple(
            TrailEvent(
                seq=row.seq,
                at=row.at,
                actor=names.get(row.actor, row.actor),
                action=row.action,
                subject=row.subject,
                details=row.details,
                hash=row.hash,
            )
            for row in connection.execute(asked)
            if row.action not in OF_MODEL or may_know(connection, state, lead, row.subject)
        )


@router.get("/trail/head")
def get_trail_head(service: ServiceHere, _lead: Lead) -> TrailHead:
    """Give the head of the trail, to be kept elsewhere."""
    with service.room.database.read() as connection:
        head = read_head(connection)
    return TrailHead(seq=head.seq, hash=head.hash)


def _tell_me(found: SignedIn) -> Me:
    return Me(person=Person(id=found.id, name=found.name, role=found.role, is_disabled=False))


def _require_person(service: ServiceHere, person_id: str) -> None:
    with service.room.database.read() as connection:
        if connection.execute(select(person.c.id).where(person.c.id == person_id)).first() is None:
            raise ProblemRaised(NO_PERSON)
