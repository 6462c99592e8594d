"""A room by hand whose machine may come to decide.

SPDX-License-Identifier: Apache-2.0
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import Row, insert, select, update

from cxrlens.client.automation import Automation, GateSettings, PromiseNew
from cxrlens.client.messages import Purpose, ReferenceAnswer, Side
from cxrlens.serving import tables
from cxrlens.serving.automation_view import tell_automation
from cxrlens.serving.certificates import keep_certificate
from cxrlens.serving.clock import tell_time
from cxrlens.serving.deciding import decide
from cxrlens.serving.drift_watch import watch
from cxrlens.serving.gates import require_gate, set_gates
from cxrlens.serving.people import SignedIn
from cxrlens.serving.promises import make_promise, try_promise
from cxrlens.serving.readings import Classes, set_reference
from cxrlens.serving.room import begin_serving, open_room, set_level
from cxrlens.serving.standing import review
from cxrlens.serving.trail import PREDICTED, SYSTEM, append, digest_answer
from cxrlens.vocabulary import Level

from .room_by_hand import RoomByHand

BUNDLE = "b" * 64
PREPARATION = "c" * 64
FINDING = "pneumonia"
CLASSES = ("normal", FINDING)

LOW_GATES = GateSettings(shadow_cases=100, kappa=0.0, sensitivity=0.0, out_of_distribution=1.0,
                         partial_cases=0, spot_checks=1, risk=1.0, days=3660)  # fmt: skip
"""Gates that ask for little, so that tests need few cases."""


@dataclass
class AutomatedRoom:
    """A room of two classes, with the people and the model that automation needs."""

    hand: RoomByHand
    """The room."""

    reader: SignedIn = field(init=False)
    lead: SignedIn = field(init=False)
    admin: SignedIn = field(init=False)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    n_patients: int = 0

    def __post_init__(self) -> None:
        with self.hand.room.database.read() as connection:
            known = {
                row.name: SignedIn(row.id, row.name, row.role)
                for row in connection.execute(select(tables.person))
            }
        self.reader = known.get("Reader") or self.hand.add_person("Reader")
        self.lead = known.get("Lead") or self.hand.add_person("Lead", "lead")
        self.admin = known.get("Admin") or self.hand.add_person("Admin", "admin")
        if not known:
            self.note_preparation()

    def note_preparation(self, preparation: str = PREPARATION) -> None:
        """Say how files become scores, as the process with the model does when it starts."""
        with self.hand.room.database.write() as connection:
            connection.execute(
                update(tables.room).values(
                    preparation=preparation, classes=list(CLASSES), is_multilabel=False
                )
            )
            review(connection)

    def add(
        self, score: float, *, pseudonym: str | None = None, distance: float | None = 0.5,
        brightness: float | None = None, **values: object,
    ) -> str:  # fmt: skip
        """Let an image arrive, and the machine answer it; it decides where it may."""
        self.n_patients += 1
        told = {
            "pseudonym": pseudonym or f"{self.n_patients:016x}", "digest": secrets.token_hex(32),
            **values,
        }  # fmt: skip
        one = self.hand.add_case(self.reader, **told)
        self.answer(one, score, distance, brightness)
        watch(self.hand.room)
        with self.hand.room.database.write() as connection:
            decide(connection, one)
        return one

    def answer(
        self, case_id: str, score: float, distance: float | None = 0.5,
        brightness: float | None = None,
    ) -> None:  # fmt: skip
        """Store the machine's answer, as its process does before it decides."""
        answer = {
            "decision": FINDING if score >= 0.5 else "normal",
            "classes": [
                {
                    "name": name, "probability": p, "is_calibrated": False, "threshold": None,
                    "is_decided": (score >= 0.5) == (name == FINDING),
                }
                for name, p in zip(CLASSES, (1 - score, score), strict=True)
            ],
            "regions": [], "warnings": [], "out_of_distribution": distance,
            "out_of_distribution_limit": None if distance is None else 0.01,
        }  # fmt: skip
        light = 0.4 + 0.05 * float(self.rng.standard_normal()) if brightness is None else brightness
        with self.hand.room.database.write() as connection:
            row = connection.execute(select(tables.room)).one()
            values: dict[str, object] = {
                "case_id": case_id, "bundle": row.bundle, "engine": "by hand", "answer": answer,
                "priority": score, "made_at": tell_time(),
            }  # fmt: skip
            connection.execute(
                insert(tables.prediction).values(
                    **values, preparation=row.preparation, brightness=light, seconds=0.01,
                    features=self.rng.standard_normal(8).astype("<f4").tobytes(),
                )
            )  # fmt: skip
            told = {"bundle": row.bundle, "answer": digest_answer(values)}
            append(connection, SYSTEM, PREDICTED, case_id, told)

    def read(self, case_id: str, is_present: bool, reader: SignedIn | None = None) -> None:
        """Let a reader answer to the end, as the page would lead them."""
        who = reader or self.reader
        present = FINDING if is_present else "normal"
        if "first-answer" in self.hand.view(who, case_id).may:
            self.hand.say(who, case_id, "first-answer", present)
        self.hand.say(who, case_id, "commit", present)
        with self.hand.room.database.write() as connection:
            review(connection)

    def tell_truth(self, case_id: str, is_present: bool, lead: SignedIn | None = None) -> None:
        """Let a lead enter what is true of a case."""
        findings = {FINDING: is_present, "normal": not is_present}
        answer = ReferenceAnswer(findings=findings, source="CT")
        with self.hand.room.database.write() as connection:
            set_reference(connection, lead or self.lead, case_id, answer, self.hand.classes)
            review(connection)

    def promise(
        self, n: int = 30, risk: float = 0.1, decides: Side = "negative", window: int = 20
    ) -> str:
        """Let a lead make a promise for a year."""
        asked = PromiseNew(
            finding=FINDING, decides=decides, risk=risk, looks=(n,),
            expires=tell_time(timedelta(days=365)), drift_window=window,
        )  # fmt: skip
        with self.hand.room.database.write() as connection:
            return make_promise(connection, asked, self.hand.classes, self.lead)

    def test(self, promise_id: str) -> str | None:
        """Let a lead test a promise; the id of the certificate."""
        with self.hand.room.database.write() as connection:
            made, _ = try_promise(connection, promise_id, self.lead)
            if made is None:
                return None
            return keep_certificate(connection, promise_id, made, self.lead)

    def work_in_shadow(self, n: int = 110, *, is_told: bool = True) -> list[str]:
        """Let cases be read in shadow by a reader who is right, and their truth be entered.

        Every second one has the finding; the machine tells the two apart well.
        """
        made = []
        for number in range(n):
            is_present = number % 2 == 0
            score = float(np.clip(self.rng.normal(0.8 if is_present else 0.1, 0.05), 0, 1))
            one = self.add(score)
            self.read(one, is_present)
            if is_told:
                self.tell_truth(one, is_present)
            made.append(one)
        return made

    def raise_to(self, level: Level, protocol: str | None = None) -> None:
        """Let a lead raise the room, if its gate stands open."""
        with self.hand.room.database.write() as connection:
            review(connection)
            require_gate(connection, level, self.lead)
            set_level(connection, level, "the evidence stands", self.lead.id, protocol)

    def set_gates(self, settings: GateSettings = LOW_GATES) -> None:
        """Let an admin set what levels ask for."""
        with self.hand.room.database.write() as connection:
            set_gates(connection, settings, self.admin)

    def certify(self, n: int = 30, risk: float = 0.1, window: int = 20) -> str:
        """Go the whole way from a promise to a certificate."""
        self.set_gates()
        self.hand.set_level("shadow")
        key = self.promise(n, risk, window=window)
        self.work_in_shadow()
        made = self.test(key)
        assert made is not None
        return made

    def decision(self, case_id: str) -> Row[tuple[object, ...]] | None:
        """What the machine did with a case."""
        with self.hand.room.database.read() as connection:
            return connection.execute(
                select(tables.decision).where(tables.decision.c.case_id == case_id)
            ).first()

    def tell(self) -> Automation:
        """The dashboard."""
        with self.hand.room.database.read() as connection:
            return tell_automation(connection, self.lead)


def make_automated_room(folder: Path, purpose: Purpose = "retrospective") -> AutomatedRoom:
    """Make one in a folder, or take up the one that is there."""
    room = open_room(folder / "room", purpose=purpose)
    begin_serving(room, BUNDLE)
    return AutomatedRoom(RoomByHand(room, Classes(CLASSES, is_multilabel=False)))
