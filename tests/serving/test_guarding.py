"""Whichever layer answers, it answers with a problem and under the headers.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping

import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import Scope

from cxrlens.serving.admission import Limits
from cxrlens.serving.guarding import Guards, install_guards
from cxrlens.serving.headers import SECURITY_HEADERS
from cxrlens.serving.problem import MEDIA_TYPE, Problem, install_problems
from cxrlens.serving.rates import TokenBuckets, describe_too_many

SEEN = {"Cookie": "session=1"}


def build() -> FastAPI:
    app = FastAPI()
    install_problems(app)
    buckets = TokenBuckets(0.001, 2)

    async def judge(scope: Scope) -> Problem | None:
        wait = buckets.take("all") if scope["path"] == "/often" else 0
        return describe_too_many(wait) if wait else None

    async def witness(kind: str, facts: Mapping[str, str]) -> None:
        if "broken" in facts["host"]:
            raise OSError(kind)

    install_guards(app, Guards(("127.0.0.1",), "session", Limits(("/up",)), witness, judge))

    @app.post("/up")
    async def take(number: int) -> int:
        return number

    @app.get("/often")
    async def show() -> str:
        return "x"

    @app.get("/fault")
    async def fail() -> None:
        raise KeyError

    return app


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code"),
    [
        ("GET", "/often", {}, 200, None),
        ("GET", "/none", {}, 404, "not-found"),
        ("GET", "/fault", {}, 500, "fault"),
        ("POST", "/up", {}, 422, "not-valid"),
        ("POST", "/up?number=1", {"headers": SEEN}, 403, "cross-site"),
        ("POST", "/up?number=1", {"headers": {**SEEN, "Sec-Fetch-Site": "same-origin"}}, 200, None),
        ("POST", "/other", {"content": b"x" * 2_000_000}, 413, "too-large"),
        ("POST", "/up", {"content": b"x" * 3_000_000, "headers": SEEN}, 403, "cross-site"),
        ("GET", "/often", {"headers": {"Host": "evil.example"}}, 400, "unknown-host"),
        ("GET", "/often", {"headers": {"Host": "broken.example"}}, 500, "fault"),
    ],
)
def test_answers(
    serve_app, method: str, path: str, sent: dict[str, object], status: int, code: str | None
) -> None:
    server = serve_app(build())
    answer = httpx2.request(method, f"http://127.0.0.1:{server.port}{path}", **sent)
    assert answer.status_code == status
    if code is not None:
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.json()["code"] == code
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.get_list(name) == [value]


def test_too_often(serve_app) -> None:
    server = serve_app(build())
    answers = [httpx2.get(f"http://127.0.0.1:{server.port}/often") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[-1].json()["code"] == "too-many-requests"
    assert int(answers[-1].headers["retry-after"]) > 900
