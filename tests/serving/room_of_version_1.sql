-- The tables of a room of version 1, as its cxrlens made them.
-- SPDX-License-Identifier: Apache-2.0

CREATE TABLE patient (
    pseudonym VARCHAR NOT NULL,
    patient_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    PRIMARY KEY (pseudonym)
);
CREATE INDEX ix_patient_patient_id ON patient (patient_id);
CREATE TABLE person (
    id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    is_disabled BOOLEAN NOT NULL,
    created_at VARCHAR NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (name)
);
CREATE TABLE remembered (
    person_id VARCHAR NOT NULL,
    "key" VARCHAR NOT NULL,
    asked VARCHAR NOT NULL,
    answer JSON NOT NULL,
    at VARCHAR NOT NULL,
    PRIMARY KEY (person_id, "key")
);
CREATE TABLE room (
    id INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    purpose VARCHAR NOT NULL,
    level VARCHAR NOT NULL,
    reveal VARCHAR NOT NULL,
    asks_first BOOLEAN NOT NULL,
    readers_per_case INTEGER NOT NULL,
    bundle VARCHAR NOT NULL,
    classes JSON,
    is_multilabel BOOLEAN,
    created_at VARCHAR NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE trail (
    seq INTEGER NOT NULL,
    at VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    details JSON NOT NULL,
    previous VARCHAR NOT NULL,
    hash VARCHAR NOT NULL,
    PRIMARY KEY (seq)
);
CREATE INDEX trail_by_subject ON trail (subject);
CREATE TABLE image_case (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id VARCHAR NOT NULL,
    digest VARCHAR,
    uid VARCHAR,
    same_as VARCHAR,
    pseudonym VARCHAR,
    received_at VARCHAR NOT NULL,
    received_by VARCHAR NOT NULL,
    n_bytes INTEGER NOT NULL,
    level VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    reason VARCHAR,
    message VARCHAR,
    "view" VARCHAR NOT NULL,
    height INTEGER,
    width INTEGER,
    bits INTEGER,
    spacing JSON,
    warnings JSON NOT NULL,
    pixel_digest VARCHAR,
    n_read INTEGER NOT NULL,
    seen_bundle VARCHAR,
    UNIQUE (id),
    UNIQUE (digest),
    UNIQUE (uid),
    FOREIGN KEY(received_by) REFERENCES person (id)
);
CREATE INDEX ix_image_case_pixel_digest ON image_case (pixel_digest);
CREATE INDEX ix_image_case_pseudonym ON image_case (pseudonym);
CREATE INDEX ix_image_case_state ON image_case (state);
CREATE TABLE token (
    id VARCHAR NOT NULL,
    person_id VARCHAR NOT NULL,
    hash VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    expires_at VARCHAR NOT NULL,
    is_revoked BOOLEAN NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(person_id) REFERENCES person (id),
    UNIQUE (hash)
);
CREATE INDEX ix_token_person_id ON token (person_id);
CREATE TABLE claim (
    case_id VARCHAR NOT NULL,
    person_id VARCHAR NOT NULL,
    until FLOAT NOT NULL,
    PRIMARY KEY (case_id),
    FOREIGN KEY(case_id) REFERENCES image_case (id),
    FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE heatmap (
    id VARCHAR NOT NULL,
    case_id VARCHAR NOT NULL,
    bundle VARCHAR NOT NULL,
    method VARCHAR NOT NULL,
    class_name VARCHAR NOT NULL,
    is_usable BOOLEAN NOT NULL,
    geometry JSON NOT NULL,
    grid BLOB NOT NULL,
    rows INTEGER NOT NULL,
    cols INTEGER NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (case_id, bundle, method, class_name),
    FOREIGN KEY(case_id) REFERENCES image_case (id)
);
CREATE INDEX ix_heatmap_case_id ON heatmap (case_id);
CREATE TABLE job (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind VARCHAR NOT NULL,
    case_id VARCHAR NOT NULL,
    "order" VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    lease_until FLOAT,
    message VARCHAR,
    UNIQUE (kind, case_id, "order"),
    FOREIGN KEY(case_id) REFERENCES image_case (id)
);
CREATE INDEX ix_job_case_id ON job (case_id);
CREATE INDEX job_by_state ON job (state, kind, id);
CREATE TABLE look (
    case_id VARCHAR NOT NULL,
    person_id VARCHAR NOT NULL,
    opened_at VARCHAR NOT NULL,
    opened FLOAT NOT NULL,
    shown_at VARCHAR,
    shown_bundle VARCHAR,
    PRIMARY KEY (case_id, person_id),
    FOREIGN KEY(case_id) REFERENCES image_case (id),
    FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE prediction (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    case_id VARCHAR NOT NULL,
    bundle VARCHAR NOT NULL,
    engine VARCHAR NOT NULL,
    answer JSON NOT NULL,
    priority FLOAT NOT NULL,
    made_at VARCHAR NOT NULL,
    UNIQUE (case_id, bundle),
    FOREIGN KEY(case_id) REFERENCES image_case (id)
);
CREATE TABLE reading (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    case_id VARCHAR NOT NULL,
    person_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    findings JSON NOT NULL,
    words VARCHAR NOT NULL,
    reason VARCHAR,
    level VARCHAR NOT NULL,
    bundle VARCHAR NOT NULL,
    machine_was_shown BOOLEAN NOT NULL,
    seconds FLOAT NOT NULL,
    at VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    UNIQUE (case_id, person_id, kind, version),
    FOREIGN KEY(case_id) REFERENCES image_case (id),
    FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_reading_case_id ON reading (case_id);
CREATE TABLE reference (
    case_id VARCHAR NOT NULL,
    class_name VARCHAR NOT NULL,
    is_present BOOLEAN NOT NULL,
    source VARCHAR NOT NULL,
    set_by VARCHAR NOT NULL,
    set_at VARCHAR NOT NULL,
    PRIMARY KEY (case_id, class_name),
    FOREIGN KEY(case_id) REFERENCES image_case (id),
    FOREIGN KEY(set_by) REFERENCES person (id)
);
CREATE TABLE session (
    hash VARCHAR NOT NULL,
    token_id VARCHAR NOT NULL,
    expires_at VARCHAR NOT NULL,
    PRIMARY KEY (hash),
    FOREIGN KEY(token_id) REFERENCES token (id)
);
CREATE INDEX ix_session_token_id ON session (token_id);
CREATE TABLE words (
    hash VARCHAR NOT NULL,
    case_id VARCHAR NOT NULL,
    salt VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    PRIMARY KEY (hash),
    FOREIGN KEY(case_id) REFERENCES image_case (id)
);
CREATE INDEX ix_words_case_id ON words (case_id);
CREATE TRIGGER trail_update BEFORE UPDATE ON trail BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;
CREATE TRIGGER trail_delete BEFORE DELETE ON trail BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;
CREATE TRIGGER reading_update BEFORE UPDATE ON reading BEGIN SELECT RAISE(ABORT, 'the reading is append-only'); END;
CREATE TRIGGER reading_delete BEFORE DELETE ON reading BEGIN SELECT RAISE(ABORT, 'the reading is append-only'); END;
PRAGMA user_version = 1;
