"""A reading room, as another program uses it.

SPDX-License-Identifier: Apache-2.0
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

import httpx2
import numpy as np
from pydantic import BaseModel, TypeAdapter

from cxrlens.client.automation import (
    Automation,
    CertificateTold,
    Curve,
    GateSettings,
    PromiseNew,
    PromiseTold,
    Voiding,
)
from cxrlens.client.messages import (
    Amendment,
    Case,
    FindingAnswer,
    LevelChange,
    MapOrder,
    Me,
    NextCase,
    Outcomes,
    PatientErasure,
    Person,
    PersonNew,
    ReadingAnswer,
    Recall,
    RecallReason,
    Receipt,
    ReferenceAnswer,
    Role,
    Room,
    RoomSettings,
    Side,
    TokenNew,
    TokenShown,
    TrailEvent,
    TrailHead,
    Worklist,
)
from cxrlens.vocabulary import InputError, Level

M = TypeVar("M", bound=BaseModel)
"""A message."""

PATIENCE_SECONDS = 600.0
"""How long a request is sent again where the room asks to come again."""

_TIMEOUT = 60.0
"""Seconds without a byte."""

_API = "/api/v1"


class RoomRefused(InputError):
    """The room does not do what was asked.

    Attributes:
        status: of HTTP.
        code: a word such as `already-committed`.
        hint: what to do.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail", f"HTTP status {status}")))
        self.status = status
        self.code = str(problem.get("code", ""))
        self.hint = str(problem.get("hint", ""))


class ReadingRoom:
    """Speaks with a reading room: everything that its pages do.

    Where the room is busy (503, 429) a request is sent again after the seconds that it says, and
    so is one whose answer got lost: readings carry a key by which they are recorded once.

    Args:
        url: of the room, such as `http://127.0.0.1:8000`.
        token: of a person, as it was shown once.
        patience: seconds for which a request is sent again.

    Example:
        >>> with ReadingRoom("http://127.0.0.1:8000", token) as room:  # doctest: +SKIP
        ...     receipt = room.upload(["chest.png"], patient_id="A17")
        ...     case = room.get_case(receipt.images[0].id)
    """

    def __init__(self, url: str, token: str, patience: float = PATIENCE_SECONDS) -> None:
        self._http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT
        )
        self._patience = patience

    def __enter__(self) -> "ReadingRoom":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def who_am_i(self) -> Me:
        """Say who the token belongs to."""
        return self._get("/me", Me)

    def get_room(self) -> Room:
        """Say what the room is set to."""
        return self._get("/room", Room)

    def set_level(self, level: Level, reason: str, protocol: str | None = None) -> Room:
        """Set the level of cases that arrive from now on (lead).

        Args:
            level: `partial` and `full` only where their gates stand open (`get_automation`).
            reason: stands on the trail.
            protocol: number of the one under which the machine may decide about living patients.
        """
        change = LevelChange(level=level, reason=reason, protocol=protocol)
        return self._send("PUT", "/room/level", change, Room)

    def stop(self) -> Room:
        """Take the room to human only at once."""
        return self._send("POST", "/room/stop", None, Room)

    def set_settings(self, settings: RoomSettings) -> Room:
        """Set how the room goes about its levels (lead)."""
        return self._send("PUT", "/room/settings", settings, Room)

    def upload(self, paths: Sequence[str | os.PathLike[str]], patient_id: str = "") -> Receipt:
        """Hand in images.

        Args:
            paths: JPEG, PNG, TIFF or DICOM files, or zip archives of them; at most 100.
            patient_id: whose they are; a DICOM file says it itself.

        Returns:
            What became of each.

        Raises:
            RoomRefused: if nothing of it was taken.
            OSError: if a file cannot be read.
        """
        with ExitStack() as open_files:
            handles = [open_files.enter_context(Path(path).open("rb")) for path in paths]

            def send() -> httpx2.Response:
                for handle in handles:
                    handle.seek(0)
                # The names of the files stay here: they may hold those of patients.
                files = [("file", (f"image-{i}", one)) for i, one in enumerate(handles)]
                return self._http.post(
                    f"{_API}/images", files=files, data={"patient_id": patient_id}
                )

            return Receipt.model_validate_json(self._try(send).content)

    def list_cases(
        self,
        shown: Literal["open", "read", "decided", "refused", "all"] = "open",
        *,
        search: str = "",
        is_mine: bool = False,
        limit: int = 50,
    ) -> Iterator[Worklist]:
        """List cases in the order in which they should be read, a page at a time."""
        after: int | None = 0
        while after is not None:
            asked = {
                "shown": shown, "search": search, "mine": is_mine, "after": after, "limit": limit,
            }  # fmt: skip
            page = self._get("/cases", Worklist, asked)
            yield page
            after = page.after

    def get_next(self, instead_of: str | None = None) -> str | None:
        """Give the id of the case to read next; None: nothing is left."""
        asked = {} if instead_of is None else {"instead_of": instead_of}
        return self._get("/cases/next", NextCase, asked).id

    def get_case(self, case_id: str) -> Case:
        """Give a case as this person may see it; the room notes that they looked."""
        return self._get(f"/cases/{case_id}", Case)

    def get_pixels(self, case_id: str) -> np.ndarray:
        """Give the image at its full size.

        Returns:
            Height x width, uint8 or uint16; 0 is black.
        """
        found = self._try(lambda: self._http.get(f"{_API}/cases/{case_id}/pixels"))
        size = (int(found.headers["X-Height"]), int(found.headers["X-Width"]))
        kind = "<u2" if found.headers["X-Bits"] == "16" else "u1"
        return np.frombuffer(found.content, kind).reshape(size)

    def get_map(self, case_id: str, map_id: str) -> bytes:
        """Give a heat-map as a PNG with opacity that covers the whole image."""
        return self._try(
            lambda: self._http.get(f"{_API}/cases/{case_id}/maps/{map_id}.png")
        ).content

    def order_map(self, case_id: str, method: str, class_name: str) -> Case:
        """Ask for a map by another method; it is made in the background."""
        order = MapOrder(method=method, class_name=class_name)
        return self._send("POST", f"/cases/{case_id}/maps", order, Case)

    def claim(self, case_id: str) -> Case:
        """Keep a case for this person."""
        return self._send("PUT", f"/cases/{case_id}/claim", None, Case)

    def release(self, case_id: str) -> None:
        """Give a case back."""
        self._try(lambda: self._http.delete(f"{_API}/cases/{case_id}/claim"))

    def answer_first(self, case_id: str, answer: ReadingAnswer) -> Case:
        """Answer before the machine is shown."""
        return self._send("POST", f"/cases/{case_id}/first-answer", answer, Case)

    def commit(self, case_id: str, answer: ReadingAnswer) -> Case:
        """Commit a reading."""
        return self._send("POST", f"/cases/{case_id}/reading", answer, Case)

    def amend(self, case_id: str, answer: ReadingAnswer, reason: str) -> Case:
        """Amend a committed reading."""
        amendment = Amendment(answer=answer, reason=reason)
        return self._send("POST", f"/cases/{case_id}/amendments", amendment, Case)

    def recall(self, case_id: str, reason: RecallReason) -> Case:
        """Take a case back that the machine decided: readers get it."""
        return self._send("POST", f"/cases/{case_id}/recall", Recall(reason=reason), Case)

    def set_reference(self, case_id: str, findings: Mapping[str, bool], source: str) -> None:
        """Say what is true of a case (lead)."""
        answer = ReferenceAnswer(findings=dict(findings), source=source)
        self._put(f"/cases/{case_id}/reference", answer)

    def add_person(self, name: str, role: Role) -> Person:
        """Add a person (admin)."""
        return self._send("POST", "/people", PersonNew(name=name, role=role), Person)

    def make_token(self, person_id: str, label: str, days: int = 90) -> TokenShown:
        """Make a token for a person (admin); its secret is shown this once."""
        new = TokenNew(label=label, days=days)
        return self._send("POST", f"/people/{person_id}/tokens", new, TokenShown)

    def erase_patient(self, pseudonym: str) -> None:
        """Erase a patient by their pseudonym, which stands in the table of readings (admin)."""
        self._try(lambda: self._http.delete(f"{_API}/patients/{pseudonym}"))

    def erase_patient_by_id(self, patient_id: str) -> None:
        """Erase whoever has a patient ID (admin)."""
        asked = PatientErasure(patient_id=patient_id).model_dump(mode="json")
        self._try(lambda: self._http.post(f"{_API}/patients/erase", json=asked))

    def erase_case(self, case_id: str) -> None:
        """Erase one case, also one of no patient, or refused (admin)."""
        self._try(lambda: self._http.delete(f"{_API}/cases/{case_id}"))

    def get_automation(self) -> Automation:
        """Say how far the machine decides, on what evidence, and whether that stands (lead)."""
        return self._get("/automation", Automation)

    def trace_curve(self, finding: str, decides: Side = "negative", delta: float = 0.05) -> Curve:
        """Say what share could be automated at which promise, for planning (lead)."""
        asked = {"finding": finding, "decides": decides, "delta": delta}
        return self._get("/automation/curve", Curve, asked)

    def set_gates(self, settings: GateSettings) -> Automation:
        """Set what the levels ask for (admin); not while the machine decides."""
        return self._send("PUT", "/automation/gates", settings, Automation)

    def make_promise(self, promise: PromiseNew) -> PromiseTold:
        """Promise something of the machine, before its cases are known (lead)."""
        return self._send("POST", "/automation/promises", promise, PromiseTold)

    def withdraw_promise(self, promise_id: str, reason: str) -> PromiseTold:
        """End a promise that was not certified (lead)."""
        path = f"/automation/promises/{promise_id}/withdraw"
        return self._send("POST", path, Voiding(reason=reason), PromiseTold)

    def test_promise(self, promise_id: str) -> CertificateTold:
        """Test a promise at its next look (lead).

        Raises:
            RoomRefused: with the code `not-certified` if patients are missing, or the look did
                not pass; a look is made once.
        """
        path = f"/automation/promises/{promise_id}/test"
        return self._send("POST", path, None, CertificateTold)

    def void_certificate(self, certificate_id: str, reason: str) -> CertificateTold:
        """End a certificate; a room that decides falls to assistance with it (lead)."""
        path = f"/automation/certificates/{certificate_id}/void"
        return self._send("POST", path, Voiding(reason=reason), CertificateTold)

    def recall_by_certificate(self, certificate_id: str) -> CertificateTold:
        """Take back every case that was decided by a certificate (lead)."""
        path = f"/automation/certificates/{certificate_id}/recall"
        return self._send("POST", path, None, CertificateTold)

    def judge_outcomes(self) -> Outcomes:
        """Say what came of it: each model, and each level, on its own (lead)."""
        return self._get("/outcomes", Outcomes)

    def export_readings(self, kind: Literal["csv", "parquet"]) -> bytes:
        """Give every reading as a table, a row a class (lead)."""
        return self._try(lambda: self._http.get(f"{_API}/outcomes.{kind}")).content

    def list_trail(self, before: int | None = None, limit: int = 100) -> tuple[TrailEvent, ...]:
        """List the trail, newest line first (lead)."""
        asked = {"limit": limit} if before is None else {"limit": limit, "before": before}
        found = self._try(lambda: self._http.get(f"{_API}/trail", params=asked))
        return TypeAdapter(tuple[TrailEvent, ...]).validate_json(found.content)

    def get_trail_head(self) -> TrailHead:
        """Give the head of the trail, to be kept elsewhere (lead)."""
        return self._get("/trail/head", TrailHead)

    def _get(self, path: str, kind: type[M], asked: Mapping[str, Any] | None = None) -> M:
        found = self._try(lambda: self._http.get(f"{_API}{path}", params=dict(asked or {})))
        return kind.model_validate_json(found.content)

    def _send(self, verb: str, path: str, body: BaseModel | None, kind: type[M]) -> M:
        # One key for all tries of this request, so that it is done once.
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        plain = None if body is None else body.model_dump(mode="json")
        found = self._try(
            lambda: self._http.request(verb, f"{_API}{path}", json=plain, headers=headers)
        )
        return kind.model_validate_json(found.content)

    def _put(self, path: str, body: BaseModel) -> None:
        self._try(lambda: self._http.put(f"{_API}{path}", json=body.model_dump(mode="json")))

    def _try(self, send: Callable[[], httpx2.Response]) -> httpx2.Response:
        """Send until it is answered for good, or patience ends."""
        end = time.monotonic() + self._patience
        while True:
            pause, lost = 1.0, None
            try:
                found: httpx2.Response | None = send()
            except httpx2.TransportError as error:
                found, lost = None, error
            if found is not None and found.status_code not in {429, 503}:
                break
            if found is not None:
                pause = float(found.headers.get("Retry-After", "1"))
            if time.monotonic() + pause > end:
                if found is None:
                    raise InputError(
                        f"the room at {self._http.base_url} does not answer ({lost}): check the "
                        "address, and that `cxrlens serve` runs there"
                    ) from lost
                break
            time.sleep(pause)
        if found.is_error:
            raise RoomRefused(found.status_code, _read_problem(found))
        return found


def answer(
    classes: Sequence[str], present: Sequence[str], sureness: int = 3, text: str = ""
) -> ReadingAnswer:
    """Make a reading: which of the classes are there, all equally sure.

    Args:
        classes: of the room.
        present: those that are there.
        sureness: 1 (a guess) to 5 (certain).
        text: in the reader's own words.

    Example:
        >>> made = answer(["normal", "covid"], present=["covid"])
        >>> [one.present for one in made.findings]
        [False, True]
    """
    findings = tuple(
        FindingAnswer(class_name=name, present=name in present, sureness=sureness)
        for name in classes
    )
    return ReadingAnswer(findings=findings, text=text)


def _read_problem(found: httpx2.Response) -> Mapping[str, Any]:
    if "json" not in found.headers.get("content-type", ""):
        return {}
    plain = found.json()
    return plain if isinstance(plain, dict) else {}
