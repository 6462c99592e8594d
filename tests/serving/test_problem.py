"""A problem says what happened and what to do, and never what was sent.

SPDX-License-Identifier: Apache-2.0
"""

import errno
import json
import os
from typing import Annotated, Literal

import pytest
from fastapi import FastAPI, Request, UploadFile
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.exceptions import HTTPException
from starlette.responses import Response

from cxrlens.serving.problem import (
    MAX_FIELDS,
    MEDIA_TYPE,
    RESPONSES,
    Problem,
    ProblemRaised,
    describe_http,
    install_problems,
    is_disk_full,
    respond,
)

PATIENT = "DOE^JOHN^1957"

AS_JSON = {"Content-Type": "application/json"}

BUSY = Problem(503, "room-full", "Room full", "the room is full", "wait", 7)


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Reading(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    sure: Annotated[int, Field(ge=0, le=100)] = 0
    label: Literal["absent", "present"] = "absent"
    pet: Annotated[Cat | Dog | None, Field(discriminator="kind")] = None
    note: str = ""
    counts: dict[str, int] = {}

    @field_validator("note")
    @classmethod
    def _refuse(cls, note: str) -> str:
        if note:
            raise ValueError(f"not {note!r}")
        return note


def build() -> FastAPI:
    app = FastAPI(responses=RESPONSES)
    install_problems(app)

    @app.post("/readings/{number}")
    async def read(number: int, reading: Reading) -> int:
        return number + reading.sure

    @app.post("/lists")
    async def count(numbers: list[int]) -> int:
        return len(numbers)

    @app.post("/files")
    async def keep(file: UploadFile) -> str:
        return str(file.size)

    @app.get("/busy")
    async def refuse() -> None:
        raise ProblemRaised(BUSY, {"X-Room": "1"})

    @app.get("/http/{status}")
    async def fail(status: int, detail: str | None = None) -> None:
        raise HTTPException(status, detail)

    return app


@pytest.fixture
def client() -> TestClient:
    return TestClient(build())


def check(answer: object, status: int, code: str) -> dict[str, object]:
    """What every problem has."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    body = answer.json()
    assert body["type"] == "about:blank"
    assert (body["status"], body["code"]) == (status, code)
    assert all(isinstance(body[name], str) and body[name] for name in ("title", "detail", "hint"))
    return body


def test_raised(client: TestClient) -> None:
    answer = client.get("/busy")
    body = check(answer, 503, "room-full")
    assert (body["title"], body["detail"], body["hint"]) == ("Room full", BUSY.detail, "wait")
    assert (answer.headers["retry-after"], body["retry_after"]) == ("7", 7)
    assert answer.headers["x-room"] == "1"


def test_only_what_there_is() -> None:
    plain = respond(Problem(403, "no-role", "No role", "you have no role", "ask"))
    assert "retry-after" not in plain.headers
    assert set(json.loads(bytes(plain.body))) == {
        "type", "title", "status", "detail", "code", "hint",
    }  # fmt: skip
    told = respond(Problem(500, "a", "A", "b", "c", instance="urn:uuid:1"))
    assert json.loads(bytes(told.body))["instance"] == "urn:uuid:1"


def test_half_a_surrogate_pair_goes_out_whole(client: TestClient) -> None:
    odd = Problem(409, "a", "A", "not \ud800", "b")
    assert json.loads(bytes(respond(odd).body))["detail"] == odd.detail
    body = json.dumps({"counts": {"\ud800": 0.5}, "\udfff": 1})
    check(client.post("/readings/1", content=body, headers=AS_JSON), 422, "not-valid")


def test_401_names_a_scheme() -> None:
    nobody = Problem(401, "no-token", "No token", "nobody is signed in", "sign in")
    assert respond(nobody).headers["www-authenticate"] == 'Bearer realm="cxrlens"'
    told = respond(nobody, {"WWW-Authenticate": "Basic"})
    assert told.headers.getlist("www-authenticate") == ["Basic"]


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"sure": PATIENT}, "body.sure", "valid integer"),
        ({"sure": 101}, "body.sure", "less than or equal to 100"),
        ({"label": PATIENT}, "body.label", "'absent' or 'present'"),
        ({"pet": {"kind": PATIENT}}, "body.pet", "union tag invalid"),
        ({"note": PATIENT}, "body.note", "value error"),
        ({"other": PATIENT}, "body.other", "not permitted"),
        ({"counts": {"n": PATIENT}}, "body.counts.n", "valid integer"),
        ({"label": "Input should"}, "body.label", "literal error"),
    ],
)
def test_fields_without_values(
    client: TestClient, body: dict[str, object], field: str, words: str
) -> None:
    answer = client.post("/readings/1", content=json.dumps(body), headers=AS_JSON)
    detail = str(check(answer, 422, "not-valid")["detail"])
    assert detail.startswith(f"{field}: ")
    assert words in detail
    assert PATIENT not in answer.text


def test_every_field_is_named_but_a_made_up_name_is_cut(client: TestClient) -> None:
    body = {"sure": "x", "label": 1, "n" * 999: 2}
    detail = str(check(client.post("/readings/y", json=body), 422, "not-valid")["detail"])
    told = [part.split(": ")[0] for part in detail.split("; ")]
    assert told == ["path.number", "body.sure", "body.label", "body." + "n" * 64]


def test_a_thousand_fields_are_counted(client: TestClient) -> None:
    answer = client.post("/lists", json=["x"] * 1000)
    parts = str(check(answer, 422, "not-valid")["detail"]).split("; ")
    assert len(parts) == MAX_FIELDS + 1
    assert parts[-1] == "and 980 more"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b'{"sure": ' + PATIENT.encode(), 422, "not-valid"),
        (b"\xff\xfe" + PATIENT.encode(), 400, "bad-request"),
        (b"[" * 100_000, 400, "bad-request"),
    ],
)
def test_broken_bodies(client: TestClient, content: bytes, status: int, code: str) -> None:
    answer = client.post("/readings/1", content=content, headers=AS_JSON)
    check(answer, status, code)
    assert PATIENT not in answer.text


def test_a_multipart_body_without_its_boundary(client: TestClient) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    check(client.post("/files", content=b"--y\r\n", headers=headers), 400, "bad-request")


def test_unknown_path_and_method(client: TestClient) -> None:
    body = check(client.get("/" + PATIENT), 404, "not-found")
    assert PATIENT not in str(body)
    answer = client.get("/lists")
    check(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "bad-request"), (413, "too-large"), (418, "im-a-teapot"), (422, "not-valid"),
     (499, "error"), (507, "disk-full")],
)  # fmt: skip
def test_any_http_exception(client: TestClient, status: int, code: str) -> None:
    check(client.get(f"/http/{status}"), status, code)
    told = check(client.get(f"/http/{status}", params={"detail": "a reason"}), status, code)
    assert told["detail"] == "a reason"


def test_a_body_that_the_disk_had_no_room_for() -> None:
    error = HTTPException(400, "There was an error parsing the body")
    error.__cause__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    problem = describe_http(error)
    assert (problem.status, problem.code) == (507, "disk-full")
    assert problem.retry_after
    error.__cause__ = OSError(errno.EIO, os.strerror(errno.EIO))
    assert describe_http(error).status == 400


def test_what_a_full_disk_raises() -> None:
    with pytest.raises(OSError, match="No space") as full, open("/dev/full", "wb", 0) as file:  # noqa: PTH123
        file.write(b"x")
    assert is_disk_full(full.value)
    assert not is_disk_full(ValueError("x"))
    assert not is_disk_full(None)


def test_people_get_pages() -> None:
    def make_page(request: Request, problem: Problem) -> Response | None:
        if "text/html" not in request.headers.get("accept", ""):
            return None
        return HTMLResponse(f"<h1>{problem.title}</h1>", problem.status)

    app = FastAPI()
    install_problems(app, make_page)

    @app.get("/busy")
    async def refuse() -> None:
        raise ProblemRaised(BUSY)

    client = TestClient(app)
    page = client.get("/busy", headers={"Accept": "text/html"})
    assert (page.status_code, page.text) == (503, "<h1>Room full</h1>")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["retry-after"] == "7"
    assert int(page.headers["content-length"]) == len(page.content)
    check(client.get("/busy"), 503, "room-full")


def test_openapi_describes_what_is_sent() -> None:
    document = build().openapi()
    answers = document["paths"]["/readings/{number}"]["post"]["responses"]
    assert set(answers) == {
        "200", "400", "401", "403", "404", "409", "413", "422", "429", "503", "507",
    }  # fmt: skip
    for status, answer in answers.items():
        assert list(answer["content"]) == [MEDIA_TYPE if status != "200" else "application/json"]
        assert ("Retry-After" in answer.get("headers", {})) == (status in {"429", "503", "507"})
    schema = answers["409"]["content"][MEDIA_TYPE]["schema"]
    assert set(schema["required"]) <= set(schema["properties"])
    sent = json.loads(bytes(respond(BUSY).body))
    assert set(sent) <= set(schema["properties"])
    assert "HTTPValidationError" not in str(document)
