"""Who is asking, and whether they may.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from cxrlens.client.messages import Role
from cxrlens.serving.people import SignedIn, find_by_session, find_by_token
from cxrlens.serving.problem import Problem, ProblemRaised
from cxrlens.serving.service import Service, get_service
from cxrlens.serving.trail import append

COOKIE = "cxrlens_session"
"""Holds the secret of a browser's session."""

ServiceHere = Annotated[Service, Depends(get_service)]
"""The service, for a route."""

NOBODY = Problem(
    401, "not-signed-in", "Not signed in", "nobody is signed in, or the session has run out",
    "sign in, or send a token: Authorization: Bearer TOKEN",
)  # fmt: skip
"""What is answered where nobody is signed in."""


def name_cookie(service: Service) -> str:
    """Name the session's cookie: with HTTPS a browser takes this prefix from this host alone."""
    return f"__Host-{COOKIE}" if service.door.is_https else COOKIE


def find_person(request: Request, service: Service) -> SignedIn | None:
    """Say who is asking; None where nobody is signed in."""
    if service.door.open_to is not None:
        return service.door.open_to
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    session = request.cookies.get(name_cookie(service))
    with service.room.database.read() as connection:
        if scheme.lower() == "bearer" and secret:
            return find_by_token(connection, secret.strip())
        return find_by_session(connection, session) if session else None


def get_person(request: Request, service: ServiceHere) -> SignedIn:
    """Give a route the person who asks.

    Raises:
        ProblemRaised: 401 where nobody is signed in.
    """
    found = find_person(request, service)
    if found is None:
        raise ProblemRaised(NOBODY)
    return found


def require(role: Role) -> Callable[..., SignedIn]:
    """Make what gives a route the person who asks, if they may do what a role may.

    Args:
        role: the least that is needed.

    Returns:
        A dependency; it raises 401, or 403 and writes that to the trail.
    """

    def get_allowed(request: Request, service: ServiceHere) -> SignedIn:
        found = get_person(request, service)
        if not found.may_act_as(role):
            with service.room.database.write() as connection:
                append(connection, found.id, "denied", "room", {"needs": role})
            raise ProblemRaised(
                Problem(
                    403,
                    "role-missing",
                    "Not allowed",
                    f"this needs the role {role}, and yours is {found.role}",
                    "ask an admin of the room for the role",
                )
            )
        return found

    return get_allowed


Reader = Annotated[SignedIn, Depends(get_person)]
"""Anybody who is signed in."""

Lead = Annotated[SignedIn, Depends(require("lead"))]
"""Who may set the level and see what came of it."""

Admin = Annotated[SignedIn, Depends(require("admin"))]
"""Who keeps people and erases patients."""
