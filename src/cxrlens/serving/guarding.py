"""The layers between the server and the application, in their order.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

from fastapi import FastAPI

from cxrlens.serving.admission import Admission, Judge, Limits
from cxrlens.serving.faults import FaultCatcher
from cxrlens.serving.headers import SecurityHeaders
from cxrlens.serving.same_site import SameSiteGuard, Witness


@dataclass(frozen=True)
class Guards:
    """What protects an application."""

    hosts: tuple[str, ...]
    """Names by which it is known, see `SameSiteGuard`."""

    cookie: str
    """Name of the session's cookie."""

    limits: Limits
    """On bodies."""

    witness: Witness | None = None
    """Told of requests for other hosts and from other sites. Whoever sends many of them fills
    what it writes: it should be sparing."""

    judge: Judge | None = None
    """Asked before a body is read, of all but those."""


def install_guards(app: FastAPI, guards: Guards) -> None:
    """Put the layers around an application, inside of any that are added later.

    From the outside: headers for every response; faults of everything further in; whose request
    it is; whether its body comes in.

    Args:
        app: not yet started.
        guards: how.
    """
    app.add_middleware(Admission, limits=guards.limits, judge=guards.judge)
    app.add_middleware(
        SameSiteGuard, hosts=guards.hosts, cookie=guards.cookie, witness=guards.witness
    )
    app.add_middleware(FaultCatcher)
    app.add_middleware(SecurityHeaders)
