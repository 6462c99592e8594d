"""Earned automation over HTTP: promises, certificates, gates, and how it goes.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from cxrlens.client.automation import (
    Automation,
    CertificateTold,
    Curve,
    GateSettings,
    PromiseNew,
    PromiseTold,
    Voiding,
)
from cxrlens.client.messages import Side
from cxrlens.serving.automation_view import tell_automation, tell_certificate, trace_curve
from cxrlens.serving.certificates import keep_certificate, read_held, void_certificate
from cxrlens.serving.deciding import recall_by_certificate
from cxrlens.serving.entry import Admin, Lead, ServiceHere
from cxrlens.serving.gates import set_gates
from cxrlens.serving.policy import NotAllowed
from cxrlens.serving.problem import RESPONSES
from cxrlens.serving.promises import make_promise, read_promise, try_promise, withdraw_promise
from cxrlens.serving.standing import fall, review

router = APIRouter(prefix="/api/v1/automation", tags=["automation"], responses=RESPONSES)

Key = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="Of a promise or certificate.")]


@router.get("")
def get_automation(service: ServiceHere, lead: Lead) -> Automation:
    """Say how far the machine decides, on what evidence, and whether that still stands."""
    with service.room.database.write() as connection:
        review(connection)
    with service.room.database.read() as connection:
        return tell_automation(connection, lead)


@router.get("/curve")
def get_curve(
    service: ServiceHere,
    lead: Lead,
    finding: Annotated[str, Query(max_length=200)],
    decides: Side = "negative",
    delta: Annotated[float, Query(gt=0, lt=1)] = 0.05,
) -> Curve:
    """Say what share could be automated at which promise: for planning, no certificate."""
    service.classes.check_name(finding)
    with service.room.database.read() as connection:
        return trace_curve(connection, finding, decides, delta, lead)


@router.put("/gates")
def put_gates(service: ServiceHere, admin: Admin, asked: GateSettings) -> Automation:
    """Set what the levels ask for; not while the machine decides."""
    with service.room.database.write() as connection:
        set_gates(connection, asked, admin)
        return tell_automation(connection, admin)


@router.post("/promises", status_code=201)
def post_promise(service: ServiceHere, lead: Lead, asked: PromiseNew) -> PromiseTold:
    """Make a promise; only cases whose reference is entered after it count."""
    with service.room.database.write() as connection:
        key = make_promise(connection, asked, service.classes, lead)
        return read_promise(connection, key)


@router.post("/promises/{key}/withdraw")
def post_withdrawal(service: ServiceHere, lead: Lead, key: Key, asked: Voiding) -> PromiseTold:
    """End a promise that was not certified."""
    with service.room.database.write() as connection:
        withdraw_promise(connection, key, asked.reason, lead)
        return read_promise(connection, key)


@router.post("/promises/{key}/test")
def post_test(service: ServiceHere, lead: Lead, key: Key) -> CertificateTold:
    """Test a promise at its next look; a look that did not pass is not made again."""
    with service.room.database.write() as connection:
        made, told = try_promise(connection, key, lead)
        kept = None if made is None else keep_certificate(connection, key, made, lead)
        found = (
            None
            if kept is None
            else tell_certificate(connection, read_held(connection, kept), lead)
        )
    if found is None:  # outside of the transaction: that the look was made must be kept
        raise NotAllowed("not-certified", told)
    return found


@router.post("/certificates/{key}/void")
def post_void(service: ServiceHere, lead: Lead, key: Key, asked: Voiding) -> CertificateTold:
    """End a certificate; a room that decides falls to assistance with it."""
    with service.room.database.write() as connection:
        why, held = f"ended by hand: {asked.reason}", read_held(connection, key)
        if held.voided_at is None:
            void_certificate(connection, held, why, lead.id)
            fall(connection, [why])
        return tell_certificate(connection, read_held(connection, key), lead)


@router.post("/certificates/{key}/recall")
def post_recall_all(service: ServiceHere, lead: Lead, key: Key) -> CertificateTold:
    """Take back every case that was decided by a certificate: readers get them."""
    with service.room.database.write() as connection:
        held = read_held(connection, key)
        recall_by_certificate(connection, held.id, lead)
        return tell_certificate(connection, held, lead)
