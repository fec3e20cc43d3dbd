-- What the store says of itself: the versions of the schema, the secret of tokens, what it is for.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row a center: its head, kept in the transaction of each change. Whoever changes a center holds its row's lock.
CREATE TABLE center (
    id          TEXT   PRIMARY KEY,
    name        TEXT   NOT NULL,
    pos         TEXT,
    time_zone   TEXT   NOT NULL,
    epoch       TEXT   NOT NULL,
    rev         BIGINT NOT NULL DEFAULT 0,
    count       BIGINT NOT NULL DEFAULT 0,
    digest      BIGINT NOT NULL DEFAULT 0, -- 64 bits, as a signed integer
    floor       BIGINT NOT NULL DEFAULT 0,
    alarm_seq   BIGINT NOT NULL DEFAULT 0,
    next_number BIGINT NOT NULL DEFAULT 0
);

-- Ids of deliveries; a transaction that is rolled back leaves a hole.
CREATE SEQUENCE delivery_id;

-- Live rows. What queries look for is beside the body, which is the row as it travels.
CREATE TABLE delivery (
    id          BIGINT PRIMARY KEY,
    center      TEXT   NOT NULL,
    rev         BIGINT NOT NULL,
    status      TEXT   NOT NULL,
    rider       TEXT,
    received_at BIGINT NOT NULL,
    ended_at    BIGINT,
    body        TEXT   NOT NULL
);
-- It covers (id, rev) of a center: changes, digests and revisions need no body.
CREATE UNIQUE INDEX delivery_by_rev ON delivery (center, rev) INCLUDE (id);
CREATE INDEX delivery_by_rider ON delivery (center, rider) WHERE rider IS NOT NULL;
CREATE INDEX delivery_by_end ON delivery (center, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX delivery_by_id ON delivery (center, id);

-- Deliveries that left the board, and the revision of their leaving.
CREATE TABLE tombstone (
    center TEXT   NOT NULL,
    rev    BIGINT NOT NULL,
    id     BIGINT NOT NULL,
    PRIMARY KEY (center, rev)
);

CREATE TABLE archive (
    id          BIGINT PRIMARY KEY,
    center      TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    rider       TEXT,
    received_at BIGINT NOT NULL,
    body        TEXT   NOT NULL
);
CREATE INDEX archive_by_id ON archive (center, id);

-- Every change, with the row as it was after it. `at`: operations time; `wall`: the wall's clock.
CREATE TABLE history (
    delivery    BIGINT NOT NULL,
    rev         BIGINT NOT NULL,
    center      TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    by          TEXT   NOT NULL,
    action      TEXT   NOT NULL,
    from_status TEXT,
    to_status   TEXT,
    detail      TEXT   NOT NULL DEFAULT '',
    body        TEXT,
    wall        BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (delivery, rev)
);
-- Past boards: the latest event of each delivery until an instant, without its bodies.
CREATE INDEX history_by_center ON history (center, delivery, rev, at);

-- What was decided under an idempotency key. An empty path: the key was closed before anything was decided.
CREATE TABLE outcome (
    account   TEXT    NOT NULL,
    center    TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    path      TEXT    NOT NULL,
    body_hash BYTEA   NOT NULL,
    status    INTEGER NOT NULL,
    epoch     TEXT,
    body      TEXT    NOT NULL,
    at        BIGINT  NOT NULL, -- wall clock: how long it is kept
    PRIMARY KEY (account, center, key, path)
);
CREATE INDEX outcome_by_age ON outcome (at);

-- What becomes an alarm when its instant has come (operations time), unless the row changes before.
CREATE TABLE due (
    id     BIGINT NOT NULL,
    kind   TEXT   NOT NULL COLLATE "C",
    center TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (id, kind)
);
CREATE INDEX due_by_at ON due (center, at);

-- `raised_at`: operations time; the other instants by the wall's clock. `by` and `was`: who did what raised it, and the
-- delivery's status before. `more`: words of seats beyond those that are kept.
CREATE TABLE alarm (
    center          TEXT   NOT NULL,
    id              BIGINT NOT NULL,
    kind            TEXT   NOT NULL COLLATE "C",
    raised_at       BIGINT NOT NULL,
    seq             BIGINT NOT NULL,
    body            TEXT,
    at              BIGINT NOT NULL,
    was             TEXT,
    by              TEXT,
    more            BIGINT NOT NULL DEFAULT 0,
    acknowledged_by TEXT,
    acknowledged_at BIGINT,
    settled_at      BIGINT,
    escalated_at    BIGINT,
    PRIMARY KEY (center, id, kind, raised_at)
);
CREATE UNIQUE INDEX alarm_by_seq ON alarm (center, seq);
CREATE INDEX alarm_unheard ON alarm (center, at)
    WHERE acknowledged_at IS NULL AND settled_at IS NULL AND escalated_at IS NULL;

CREATE TABLE receipt (
    center    TEXT   NOT NULL,
    id        BIGINT NOT NULL,
    kind      TEXT   NOT NULL COLLATE "C",
    raised_at BIGINT NOT NULL,
    account   TEXT   NOT NULL COLLATE "C",
    seat      TEXT   NOT NULL COLLATE "C",
    stage     TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (center, id, kind, raised_at, account, seat)
);

-- Riders as listed to a center; one who is lent to it has another home.
CREATE TABLE rider (
    center  TEXT NOT NULL,
    id      TEXT NOT NULL COLLATE "C",
    name    TEXT NOT NULL,
    phone   TEXT NOT NULL DEFAULT '',
    home    TEXT NOT NULL,
    status  TEXT NOT NULL,
    pos     TEXT,
    seen_at BIGINT,
    PRIMARY KEY (center, id)
);

-- `centers`: a JSON list of ids. `person`: what people call whoever has it; empty: the account's name. `password`: a PHC
-- string.
CREATE TABLE account (
    name     TEXT PRIMARY KEY,
    role     TEXT NOT NULL,
    centers  TEXT NOT NULL,
    rider    TEXT,
    person   TEXT NOT NULL DEFAULT '',
    password TEXT NOT NULL
);

CREATE TABLE api_key (
    hash    BYTEA PRIMARY KEY,
    name    TEXT  NOT NULL UNIQUE,
    centers TEXT  NOT NULL,
    scopes  TEXT  NOT NULL
);

-- One row a sign-in: which refresh token is the present one, and which were spent lately (JSON).
CREATE TABLE sign_in (
    id        TEXT    PRIMARY KEY,
    account   TEXT    NOT NULL,
    rotations TEXT    NOT NULL,
    used_at   BIGINT  NOT NULL,
    revoked   BOOLEAN NOT NULL DEFAULT FALSE
);

-- Tickets that were spent, until they could not be spent any more.
CREATE TABLE ticket (
    nonce      TEXT   PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ticket_by_end ON ticket (expires_at);

-- What each account keeps for itself; the body is JSON.
CREATE TABLE preference (
    account TEXT   NOT NULL,
    key     TEXT   NOT NULL,
    version BIGINT NOT NULL,
    body    TEXT   NOT NULL,
    PRIMARY KEY (account, key)
);

-- How often accounts, keys or sign-ins were written: whoever keeps them in memory reads them again when it grows.
CREATE SEQUENCE people_written;
