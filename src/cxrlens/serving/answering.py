"""The model answers for cases, and its answers are stored once.

SPDX-License-Identifier: Apache-2.0
"""

import json
import secrets
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from cxrlens.client.messages import BundleOfRoom, ClassOfRoom
from cxrlens.imaging import PIXEL_PATH
from cxrlens.model import Model
from cxrlens.serving.bundle_facts import BundleFacts, name_normal
from cxrlens.serving.clock import count_seconds, tell_time
from cxrlens.serving.deciding import decide
from cxrlens.serving.drift_watch import watch
from cxrlens.serving.jobs import Job, finish, is_held
from cxrlens.serving.policy import AUTOMATED
from cxrlens.serving.room import Room, read_state
from cxrlens.serving.standing import review
from cxrlens.serving.tables import case, decision, heatmap, prediction
from cxrlens.serving.tables import room as room_table
from cxrlens.serving.trail import PREDICTED, SYSTEM, append, digest_answer
from cxrlens.vocabulary import Heatmap, InputError, Plain, Prediction, digest, to_plain

_FORBIDDEN = "the case is read by people alone"
"""Why a job is ended whose case fell to a level at which the model does not run."""


def tell_facts(model: Model) -> BundleFacts:
    """Say what the pages must know of a model."""
    record = model.bundle.record
    levels = {one.class_name: one.value for one in record.operating_point.thresholds}
    return BundleFacts(
        BundleOfRoom(
            digest=record.digest,
            is_phantom=record.data.is_phantom,
            is_calibrated=record.calibration is not None,
        ),
        tuple(ClassOfRoom(name=name, threshold=levels.get(name)) for name in model.classes),
        record.is_multilabel,
        name_normal(model.classes, is_multilabel=record.is_multilabel),
    )


def predict(room: Room, model: Model, jobs: Sequence[Job]) -> None:
    """Answer for cases, and store each answer with the end of its job.

    Args:
        room: that the cases are in.
        model: that answers.
        jobs: of the kind `predict`.
    """
    wanted = _drop_forbidden(room, jobs)
    if not wanted:
        return
    begun = count_seconds()
    answers = list(model.predict_many([room.places.original(one.case_id) for one in wanted]))
    seconds = (count_seconds() - begun) / len(wanted)
    for one, answer in zip(wanted, answers, strict=True):
        with room.database.write() as connection:
            if not is_held(connection, one):
                continue
            if not _may_run(connection, one.case_id):
                finish(connection, one, _FORBIDDEN)
            else:
                _store(connection, model, one, answer, seconds)
    decide_left(room)


def explain(room: Room, model: Model, one: Job) -> None:
    """Make a map by another method, and store it with the end of its job.

    Args:
        room: that the case is in.
        model: that is asked.
        one: of the kind `explain`; its order is `method/class`.
    """
    method, _, target = one.order.partition("/")
    message, found = None, None
    try:
        found = model.explain(room.places.original(one.case_id), method, target)
    except InputError as error:
        message = str(error)
    with room.database.write() as connection:
        if not is_held(connection, one):
            return
        if not _may_run(connection, one.case_id):
            finish(connection, one, _FORBIDDEN)
            return
        if found is not None:
            _store_map(connection, one.case_id, model.bundle.record.digest, found)
        finish(connection, one, message)
        append(
            connection, SYSTEM, "map-made" if found else "map-failed", one.case_id,
            {"method": method, "class": target, "bundle": model.bundle.record.digest},
        )  # fmt: skip


def give_up(room: Room, one: Job) -> None:
    """End a job that ended the process again and again."""
    with room.database.write() as connection:
        if is_held(connection, one):
            finish(connection, one, f"it failed {one.attempts - 1} times without a reason")
            append(connection, SYSTEM, f"{one.kind}-given-up", one.case_id)


def measure_priority(answer: Prediction, normal: str | None) -> float:
    """Say how much an image should be read before others.

    Args:
        answer: of the model; not refused.
        normal: the class that stands for nothing to see; None where there is none.

    Returns:
        The probability that there is something to see, in [0, 1]: of classes that exclude each
        other, that it is not `normal`; of others the largest. 0 where the classes do not say what
        is normal, so that the order of arrival stays.
    """
    deciding = answer.deciding
    if answer.is_multilabel:
        return float(
            max(p for name, p in zip(answer.classes, deciding, strict=True) if name != normal)
        )
    if normal is None:
        return 0.0
    return float(1 - deciding[answer.classes.index(normal)])


def _drop_forbidden(room: Room, jobs: Sequence[Job]) -> list[Job]:
    """End the jobs of cases that fell to a level at which the model does not run."""
    wanted = []
    with room.database.write() as connection:
        for one in jobs:
            if _may_run(connection, one.case_id):
                wanted.append(one)
            elif is_held(connection, one):
                finish(connection, one, _FORBIDDEN)
    return wanted


def _may_run(connection: Connection, case_id: str) -> bool:
    row = connection.execute(select(case.c.level, case.c.state).where(case.c.id == case_id)).one()
    return row.state == "ready" and read_state(connection).policy.runs_model(row.level)


def note_preparation(connection: Connection, model: Model) -> None:
    """Write down how this process answers, and let what was certified of another way fall.

    Args:
        connection: in a transaction that writes.
        model: that answers from now on.
    """
    connection.execute(update(room_table).values(preparation=digest_preparation(model)))
    review(connection)


def decide_left(room: Room) -> None:
    """Decide what was answered and is not decided yet, also by a process that ended between.

    Args:
        room: that the cases are in.
    """
    with room.database.read() as connection:
        ids = (
            connection.execute(
                select(prediction.c.case_id)
                .join(case, case.c.id == prediction.c.case_id)
                .outerjoin(decision, decision.c.case_id == case.c.id)
                .where(
                    case.c.level.in_(AUTOMATED),
                    case.c.state == "ready",
                    decision.c.case_id.is_(None),
                    prediction.c.bundle == read_state(connection).bundle,
                )
                .order_by(case.c.number)
            )
            .scalars()
            .all()
        )
    # What the new answers say of drift must be known before a case is decided on their strength.
    watch(room)
    for case_id in ids:
        with room.database.write() as connection:
            decide(connection, case_id)


def digest_preparation(model: Model) -> str:
    """Give the digest of all that makes scores out of files, but for the bundle itself.

    Preprocessing, engine, precision, and the versions of this program and of its way to read files:
    what was certified of one way says nothing of another.
    """
    told = {
        "pixels": PIXEL_PATH,
        "preprocessing": to_plain(model.bundle.record.preprocessing),
        "engine": model.engine.name,
        "precision": model.engine.precision,
        "cxrlens": version("cxrlens"),
    }
    return digest(json.dumps(told, sort_keys=True, ensure_ascii=True).encode())


def _store(
    connection: Connection, model: Model, one: Job, answer: Prediction, seconds: float
) -> None:
    """Store an answer."""
    bundle = model.bundle.record.digest
    if answer.refusal is not None:
        # The file check passed, so this is the file changing under us, or a fault of ours.
        finish(connection, one, f"the model cannot use the image ({answer.refusal.reason})")
        append(
            connection, SYSTEM, "prediction-failed", one.case_id,
            {"bundle": bundle, "reason": answer.refusal.reason},
        )  # fmt: skip
        return
    image = connection.execute(select(case.c.digest).where(case.c.id == one.case_id)).scalar_one()
    normal = name_normal(answer.classes, is_multilabel=answer.is_multilabel)
    values: dict[str, object] = {
        "case_id": one.case_id,
        "bundle": bundle,
        "engine": answer.engine,
        "answer": _tell_answer(answer),
        "priority": measure_priority(answer, normal),
        "made_at": tell_time(),
    }
    connection.execute(
        insert(prediction).values(
            **values,
            preparation=digest_preparation(model),
            was_trained_on=image in model.bundle.seen,
            brightness=answer.brightness,
            features=None if answer.features is None else answer.features.astype("<f4").tobytes(),
            seconds=seconds,
        )
    )
    for one_map in answer.heatmaps:
        _store_map(connection, one.case_id, bundle, one_map)
    finish(connection, one)
    told = {"bundle": bundle, "answer": digest_answer(values)}
    append(connection, SYSTEM, PREDICTED, one.case_id, told)


def _tell_answer(answer: Prediction) -> Plain:
    levels = {one.class_name: one.value for one in answer.operating_point.thresholds}
    strange = answer.unfamiliarity
    return {
        "out_of_distribution": None if strange is None else strange.p_value,
        "out_of_distribution_limit": None if strange is None else strange.limit,
        "decision": answer.verdict,
        "classes": [
            {
                "name": name,
                "probability": probability,
                "is_calibrated": bool(answer.calibrated),
                "threshold": levels.get(name, 0.5 if answer.is_multilabel else None),
                "is_decided": name in answer.decisions,
            }
            for name, probability in zip(answer.classes, answer.deciding, strict=True)
        ],
        "regions": [
            {
                "class_name": region.class_name,
                "score": region.score,
                "top": region.top,
                "left": region.left,
                "height": region.height,
                "width": region.width,
                "place": region.place,
            }
            for region in answer.regions
        ],
        "warnings": [
            {"reason": warning.reason, "message": warning.message} for warning in answer.warnings
        ],
    }


def _store_map(connection: Connection, case_id: str, bundle: str, found: Heatmap) -> None:
    """Store a map, unless the same one is there: it came with the answer, and was asked for too."""
    rows, cols = found.grid.shape
    connection.execute(
        insert(heatmap)
        .on_conflict_do_nothing()
        .values(
            id=secrets.token_hex(8),
            case_id=case_id,
            bundle=bundle,
            method=found.method,
            class_name=found.class_name,
            is_usable=found.is_usable and bool(found.grid.max() > 0),
            geometry=to_plain(found.geometry),
            grid=np.ascontiguousarray(found.grid, dtype="<f4").tobytes(),
            rows=rows,
            cols=cols,
        )
    )
