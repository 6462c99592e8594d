"""Whether the service lives, and whether it can work.

SPDX-License-Identifier: Apache-2.0
"""

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import update

from cxrlens.serving.database import OutOfSpace
from cxrlens.serving.disk import require_space
from cxrlens.serving.entry import ServiceHere
from cxrlens.serving.service import Service
from cxrlens.serving.tables import room
from cxrlens.vocabulary import CxrlensError

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """What was found."""

    status: str
    """`ok`, or what is wrong in a few words; nothing of patients or of the model's answers."""


@router.get("/healthz")
def get_health() -> Health:
    """Say that the process lives."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"model": Health}})
def get_readiness(service: ServiceHere, response: Response) -> Health:
    """Say whether images can be taken in and read: database, disk and processes."""
    fault = _find_fault(service)
    if fault is not None:
        response.status_code = 503
        response.headers["Retry-After"] = "5"
    return Health(status=fault or "ok")


def _find_fault(service: Service) -> str | None:
    if service.is_stopping.is_set():
        return "stopping"
    try:
        require_space(service.room.places.folder)
    except OutOfSpace:
        return "disk nearly full"
    try:
        with service.room.database.write() as connection:
            connection.execute(update(room).values(id=room.c.id))
    except CxrlensError:
        return "database cannot be written"
    if not all(one.is_alive for one in service.supervisors):
        return "a process is being started again"
    return None
