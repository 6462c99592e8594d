"""What a room remembers: the tables of its database.

SPDX-License-Identifier: Apache-2.0

Times are UTC in ISO 8601 with microseconds; order is by sequence numbers, never by a clock.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

SCHEMA_VERSION = 2
"""Of the tables, kept as SQLite's `user_version`; a newer one is refused, and an older one brought
up to it. 1 knew no automation."""

metadata = MetaData()

room = Table(
    "room",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("level", String, nullable=False),
    Column("reveal", String, nullable=False),
    Column("asks_first", Boolean, nullable=False),
    Column("readers_per_case", Integer, nullable=False),
    Column("bundle", String, nullable=False, default=""),
    Column("classes", JSON),
    Column("is_multilabel", Boolean),
    Column("created_at", String, nullable=False),
    Column("preparation", String, nullable=False, server_default=""),
    Column("spot_check_percent", Integer, nullable=False, server_default="5"),
    Column("gates", JSON),
    Column("approval", JSON),
    Column("level_line", Integer, nullable=False, server_default="0"),
)
"""One row. `bundle` is the digest of the model that answers; `classes` are those of the first one
that did, which every other must have too; `preparation` is the digest of how files become scores
beside it (`Preparation`); `approval` says under which protocol the machine may decide about living
patients, as long as the level stays automated; `level_line` is the line of the trail that set the
level: certificates made behind it wait for the next time that somebody sets it."""

person = Table(
    "person",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("is_disabled", Boolean, nullable=False, default=False),
    Column("created_at", String, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("id", String, primary_key=True),
    Column("person_id", ForeignKey("person.id"), nullable=False, index=True),
    Column("hash", String, nullable=False, unique=True),
    Column("label", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("is_revoked", Boolean, nullable=False, default=False),
)
"""`hash` is the SHA-256 of 32 random bytes: nothing to guess, so no slow hash is needed."""

session = Table(
    "session",
    metadata,
    Column("hash", String, primary_key=True),
    Column("token_id", ForeignKey("token.id"), nullable=False, index=True),
    Column("expires_at", String, nullable=False),
)
"""A browser that signed in; it ends with its token."""

patient = Table(
    "patient",
    metadata,
    Column("pseudonym", String, primary_key=True),
    Column("patient_id", String, nullable=False, index=True),
    Column("name", String, nullable=False, default=""),
)
"""The only place where a patient is named; deleted when the patient is erased. Two who have one ID
and different names are two."""

case = Table(
    "image_case",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("digest", String, unique=True),
    Column("uid", String, unique=True),
    Column("same_as", String),
    Column("pseudonym", String, index=True),
    Column("received_at", String, nullable=False),
    Column("received_by", ForeignKey("person.id"), nullable=False),
    Column("n_bytes", Integer, nullable=False),
    Column("level", String, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("reason", String),
    Column("message", String),
    Column("view", String, nullable=False, default="unknown"),
    Column("height", Integer),
    Column("width", Integer),
    Column("bits", Integer),
    Column("spacing", JSON),
    Column("warnings", JSON, nullable=False, default=list),
    Column("pixel_digest", String, index=True),
    Column("n_read", Integer, nullable=False, default=0),
    Column("seen_bundle", String),
    sqlite_autoincrement=True,
)
"""`digest` is the SHA-256 of the bytes, `pixel_digest` of the pixels as they are displayed; `uid`
the SOP Instance UID of a DICOM file; `seen_bundle` the digest of the model whose answer every
reader could see before the level fell, the room began to ask for first answers, or another model
came."""

prediction = Table(
    "prediction",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", ForeignKey("image_case.id"), nullable=False),
    Column("bundle", String, nullable=False),
    Column("engine", String, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("priority", Float, nullable=False),
    Column("made_at", String, nullable=False),
    Column("preparation", String, nullable=False, server_default=""),
    Column("was_trained_on", Boolean, nullable=False, server_default="0"),
    Column("brightness", Float),
    Column("features", LargeBinary),
    Column("seconds", Float),
    UniqueConstraint("case_id", "bundle"),
    sqlite_autoincrement=True,
)
"""One answer a case and model, whatever is killed when. `features` holds float32, little-endian,
and goes when the patient is erased; `seconds` is what the answer took, an image of those that were
answered together."""

heatmap = Table(
    "heatmap",
    metadata,
    Column("id", String, primary_key=True),
    Column("case_id", ForeignKey("image_case.id"), nullable=False, index=True),
    Column("bundle", String, nullable=False),
    Column("method", String, nullable=False),
    Column("class_name", String, nullable=False),
    Column("is_usable", Boolean, nullable=False),
    Column("geometry", JSON, nullable=False),
    Column("grid", LargeBinary, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("cols", Integer, nullable=False),
    UniqueConstraint("case_id", "bundle", "method", "class_name"),
)
"""`grid` holds rows x cols float32, little-endian."""

job = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("case_id", ForeignKey("image_case.id"), nullable=False, index=True),
    Column("order", String, nullable=False, default=""),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("lease_until", Float),
    Column("message", String),
    UniqueConstraint("kind", "case_id", "order"),
    Index("job_by_state", "state", "kind", "id"),
    sqlite_autoincrement=True,
)
"""`lease_until` is on the monotonic clock of the machine, which no clock change moves; all leases
end when a room is opened."""

claim = Table(
    "claim",
    metadata,
    Column("case_id", ForeignKey("image_case.id"), primary_key=True),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("until", Float, nullable=False),
)
"""`until` is on the monotonic clock; all claims end when a room is opened."""

look = Table(
    "look",
    metadata,
    Column("case_id", ForeignKey("image_case.id"), primary_key=True),
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("opened_at", String, nullable=False),
    Column("opened", Float, nullable=False),
    Column("shown_at", String),
    Column("shown_bundle", String),
)
"""When a person claimed or first opened a case, when the machine's answer first went out to them,
and the model whose answer went out last."""

reading = Table(
    "reading",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("case_id", ForeignKey("image_case.id"), nullable=False, index=True),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("findings", JSON, nullable=False),
    Column("words", String, nullable=False),
    Column("reason", String),
    Column("level", String, nullable=False),
    Column("bundle", String, nullable=False),
    Column("machine_was_shown", Boolean, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("at", String, nullable=False),
    Column("digest", String, nullable=False),
    UniqueConstraint("case_id", "person_id", "kind", "version"),
    sqlite_autoincrement=True,
)
"""Rows are only ever added (triggers see to it); `digest` stands on the trail too; `words` and, of
an amendment, `reason` are the hashes of what stands in the table `words`."""

words = Table(
    "words",
    metadata,
    Column("hash", String, primary_key=True),
    Column("case_id", ForeignKey("image_case.id"), nullable=False, index=True),
    Column("salt", String, nullable=False),
    Column("text", String, nullable=False),
)
"""Free text of readings and reasons of amendments, which may name a patient: it goes when the
patient is erased, and its salted hash stays."""

reference = Table(
    "reference",
    metadata,
    Column("case_id", ForeignKey("image_case.id"), primary_key=True),
    Column("class_name", String, primary_key=True),
    Column("is_present", Boolean, nullable=False),
    Column("source", String, nullable=False),
    Column("set_by", ForeignKey("person.id"), nullable=False),
    Column("set_at", String, nullable=False),
    Column("first_line", Integer, nullable=False, server_default="0"),
)
"""`first_line` is the line of the trail that first said it: a promise counts only what was not
known when it was made."""

promise = Table(
    "promise",
    metadata,
    Column("id", String, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("finding", String, nullable=False),
    Column("decides", String, nullable=False),
    Column("risk", Float, nullable=False),
    Column("delta", Float, nullable=False),
    Column("looks", JSON, nullable=False),
    Column("expires", String, nullable=False),
    Column("drift_window", Integer, nullable=False),
    Column("drift_looks", Integer, nullable=False),
    Column("set_by", ForeignKey("person.id"), nullable=False),
    Column("set_at", String, nullable=False),
    Column("bundle", String, nullable=False),
    Column("preparation", String, nullable=False),
    Column("state", String, nullable=False),
    Column("tested", JSON, nullable=False),
)
"""`line` is that of the trail that tells of it; `tested` what came of each look that was made."""

certificate = Table(
    "certificate",
    metadata,
    Column("id", String, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("promise_id", ForeignKey("promise.id"), nullable=False),
    Column("told", JSON, nullable=False),
    Column("made_by", ForeignKey("person.id"), nullable=False),
    Column("after_number", Integer, nullable=False),
    Column("usual", JSON),
    Column("drift", JSON, nullable=False),
    Column("n_looks", Integer, nullable=False, default=0),
    Column("voided_at", String),
    Column("why_void", String),
)
"""`told` is the certificate as `cxrlens.evaluation` makes it; `after_number` the newest case when
it was made: those up to it are the reference of its drift charts, those after it are watched;
`usual` is how agreement is watched; `drift` holds the looks that were made."""

decision = Table(
    "decision",
    metadata,
    Column("case_id", ForeignKey("image_case.id"), primary_key=True),
    Column("bundle", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("reason", String),
    Column("words", String, nullable=False),
    Column("findings", JSON),
    Column("certificates", JSON, nullable=False),
    Column("is_drawn", Boolean, nullable=False),
    Column("at", String, nullable=False),
    Column("recalled_at", String),
    Column("recalled_by", String),
    Column("recall_reason", String),
)
"""What the machine did with a case, once. `is_drawn`: the lot, cast before the machine decides,
gave it to a reader whatever was decided."""

remembered = Table(
    "remembered",
    metadata,
    Column("person_id", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("asked", String, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("at", String, nullable=False),
)
"""Answers to requests with an idempotency key, so that a repeated one is answered alike."""

trail = Table(
    "trail",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("details", JSON, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("trail_by_subject", "subject"),
)
"""Rows are only ever added; each holds the hash of the one before."""

ADDED: dict[str, tuple[Column[Any], ...]] = {
    "room": (room.c.preparation, room.c.spot_check_percent, room.c.gates, room.c.approval,
             room.c.level_line),
    "prediction": (
        prediction.c.preparation, prediction.c.was_trained_on, prediction.c.brightness,
        prediction.c.features, prediction.c.seconds,
    ),
    "reference": (reference.c.first_line,),
}  # fmt: skip
"""Columns that rooms of version 1 lack."""

TRIGGERS = tuple(
    f"CREATE TRIGGER {name}_{verb.lower()} BEFORE {verb} ON {name} BEGIN "
    f"SELECT RAISE(ABORT, 'the {name} is append-only'); END"
    for name in ("trail", "reading")
    for verb in ("UPDATE", "DELETE")
)
"""What keeps the trail and the readings from being changed by accident."""
