"""What came of it, over HTTP.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Any

from fastapi import APIRouter, Response

from cxrlens.client.messages import Outcomes
from cxrlens.serving.entry import Lead, ServiceHere
from cxrlens.serving.outcome_files import write_csv, write_parquet
from cxrlens.serving.outcomes import Record, judge, list_records
from cxrlens.serving.people import SignedIn
from cxrlens.serving.problem import RESPONSES
from cxrlens.serving.service import Service
from cxrlens.serving.trail import append

router = APIRouter(prefix="/api/v1", tags=["outcomes"], responses=RESPONSES)


def _serves(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {}}}}


@router.get("/outcomes")
def get_outcomes(service: ServiceHere, lead: Lead) -> Outcomes:
    """Judge what came of it: each model, and each level, on its own."""
    with service.room.database.read() as connection:
        parts = judge(connection, service.classes.names, lead.id)
    return Outcomes.model_validate({"parts": parts})


@router.get("/outcomes.csv", response_class=Response, responses=_serves("text/csv"))
def get_csv(service: ServiceHere, lead: Lead) -> Response:
    """Give every reading as CSV, a row a class; the trail says who took it."""
    data = write_csv(_export(service, lead), service.classes.names)
    return Response(data, media_type="text/csv", headers=_name("readings.csv"))


@router.get(
    "/outcomes.parquet",
    response_class=Response,
    responses=_serves("application/vnd.apache.parquet"),
)
def get_parquet(service: ServiceHere, lead: Lead) -> Response:
    """Give every reading as Parquet, a row a class; the trail says who took it."""
    data = write_parquet(_export(service, lead), service.classes.names)
    headers = _name("readings.parquet")
    return Response(data, media_type="application/vnd.apache.parquet", headers=headers)


def _export(service: Service, lead: SignedIn) -> list[Record]:
    with service.room.database.write() as connection:
        records = list_records(connection, lead.id)
        append(connection, lead.id, "readings-exported", "room", {"readings": len(records)})
    return records


def _name(file: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{file}"'}
