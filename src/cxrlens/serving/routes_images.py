"""Images over HTTP: handed in, and each answered at once with an id.

SPDX-License-Identifier: Apache-2.0
"""

import re
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import FormData, UploadFile

from cxrlens.client.messages import PatientErasure, Receipt, ReceiptLine
from cxrlens.serving.entry import Admin, Reader, ServiceHere
from cxrlens.serving.intake import receive
from cxrlens.serving.patients import erase_by_id, erase_case, erase_patient
from cxrlens.serving.people import SignedIn
from cxrlens.serving.problem import RESPONSES, Problem, ProblemRaised
from cxrlens.serving.service import Service


class _OneOfMany(Convertor[str]):
    """The id in an address, which is none of the words that other routes have in its place.

    Else whoever deletes `/cases/next` would be told of a bad id, not of a wrong method.
    """

    regex = "(?!(?:next|erase)$)[^/]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("one", _OneOfMany())

router = APIRouter(prefix="/api/v1", tags=["images"], responses=RESPONSES)

MOST_FILES = 100
"""Of one request; more come as a zip archive."""

_PATIENT_LENGTH = 64
"""Characters of a patient ID (DICOM's LO)."""

_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
"""No control characters."""

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MOST_FILES,
                            "items": {"type": "string", "format": "binary"},
                            "description": "JPEG, PNG, TIFF, DICOM, or zip archives of them.",
                        },
                        "patient_id": {
                            "type": "string",
                            "maxLength": _PATIENT_LENGTH,
                            "pattern": _ONE_LINE,
                            "description": "Whose they are; a DICOM file says it itself.",
                        },
                    },
                }
            }
        },
    }
}

NO_PATIENT = Problem(
    404, "no-such-patient", "No such patient", "there is no patient with this pseudonym or ID",
    "look the patient ID up in the worklist and send it to /api/v1/patients/erase; the table of "
    "readings holds pseudonyms, and a case without a patient is erased by its id",
)  # fmt: skip

NO_CASE = Problem(
    404, "no-such-case", "No such case", "there is no case with this id",
    "list the cases with /api/v1/cases",
)  # fmt: skip


@router.post("/images", status_code=202, openapi_extra=_FORM)
async def post_images(request: Request, service: ServiceHere, sender: Reader) -> Receipt:
    """Hand in images. The same bytes are known again, and are not read twice."""
    async with request.form(max_files=MOST_FILES, max_fields=8) as form:
        files, patient_id = _open_form(form)
        lines = await run_in_threadpool(_receive, service, sender, files, patient_id)
    return Receipt(images=tuple(lines))


@router.delete("/patients/{pseudonym:one}", status_code=204)
def delete_patient(
    service: ServiceHere, admin: Admin, pseudonym: Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
) -> Response:
    """Erase a patient: identity, images, answers and words of readings."""
    if erase_patient(service.room, pseudonym, admin.id) is None:
        raise ProblemRaised(NO_PATIENT)
    return Response(status_code=204)


@router.post("/patients/erase", status_code=204)
def post_erasure(service: ServiceHere, admin: Admin, asked: PatientErasure) -> Response:
    """Erase whoever has this patient ID, which stands in no address since it may be a name."""
    if erase_by_id(service.room, asked.patient_id, admin.id) is None:
        raise ProblemRaised(NO_PATIENT)
    return Response(status_code=204)


@router.delete("/cases/{case_id:one}", status_code=204)
def delete_case(
    service: ServiceHere, admin: Admin, case_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
) -> Response:
    """Erase one case: image, answers and words of readings; also one of no patient, or refused."""
    if not erase_case(service.room, case_id, admin.id):
        raise ProblemRaised(NO_CASE)
    return Response(status_code=204)


def _open_form(form: FormData) -> tuple[list[BinaryIO], str]:
    strange = set(form) - {"file", "patient_id"}
    if strange:
        raise _refuse_form(f"the form has {len(strange)} fields beside `file` and `patient_id`")
    files = [one.file for one in form.getlist("file") if isinstance(one, UploadFile)]
    if not files or len(files) != len(form.getlist("file")):
        raise _refuse_form("the form has no field `file` that holds a file")
    told = form.get("patient_id", "")
    if not isinstance(told, str) or len(told) > _PATIENT_LENGTH or not re.match(_ONE_LINE, told):
        raise _refuse_form(f"patient_id is not one line of at most {_PATIENT_LENGTH} characters")
    return files, told


def _refuse_form(detail: str) -> ProblemRaised:
    return ProblemRaised(
        Problem(
            422,
            "not-valid",
            "Not valid",
            detail,
            "send multipart/form-data with one or more files as `file`",
        )
    )


def _receive(
    service: Service, sender: SignedIn, files: list[BinaryIO], patient_id: str
) -> list[ReceiptLine]:
    return list(receive(service.room, sender, iter(files), patient_id))
