CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a center: its head, kept incrementally in the transaction of each change.
CREATE TABLE center (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    pos         TEXT,
    time_zone   TEXT    NOT NULL,
    epoch       TEXT    NOT NULL,
    rev         INTEGER NOT NULL DEFAULT 0,
    count       INTEGER NOT NULL DEFAULT 0,
    digest      INTEGER NOT NULL DEFAULT 0, -- 64 bits, as a signed integer
    floor       INTEGER NOT NULL DEFAULT 0,
    alarm_seq   INTEGER NOT NULL DEFAULT 0,
    next_number INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Live rows. What queries look for is beside the body, which is the row as it travels.
CREATE TABLE delivery (
    id          INTEGER NOT NULL PRIMARY KEY,
    center      TEXT    NOT NULL,
    rev         INTEGER NOT NULL,
    status      TEXT    NOT NULL,
    rider       TEXT,
    received_at INTEGER NOT NULL,
    ended_at    INTEGER,
    body        TEXT    NOT NULL
) STRICT;
-- With the rowid it covers (id, rev) of a center: changes, digests and revisions need no body.
CREATE UNIQUE INDEX delivery_by_rev ON delivery (center, rev);
CREATE INDEX delivery_by_rider ON delivery (center, rider) WHERE rider IS NOT NULL;
CREATE INDEX delivery_by_end ON delivery (center, ended_at) WHERE ended_at IS NOT NULL;

-- Deliveries that left the board, and the revision of their leaving.
CREATE TABLE tombstone (
    center TEXT    NOT NULL,
    rev    INTEGER NOT NULL,
    id     INTEGER NOT NULL,
    PRIMARY KEY (center, rev)
) STRICT, WITHOUT ROWID;

CREATE TABLE archive (
    id          INTEGER NOT NULL PRIMARY KEY,
    center      TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    rider       TEXT,
    received_at INTEGER NOT NULL,
    body        TEXT    NOT NULL
) STRICT;
CREATE INDEX archive_by_receipt ON archive (center, received_at);

-- Every change, with the row as it was after it.
CREATE TABLE history (
    delivery    INTEGER NOT NULL,
    rev         INTEGER NOT NULL,
    center      TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    by          TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    from_status TEXT,
    to_status   TEXT,
    detail      TEXT    NOT NULL DEFAULT '',
    body        TEXT,
    PRIMARY KEY (delivery, rev)
) STRICT, WITHOUT ROWID;

-- What was decided under an idempotency key. An empty path: the key was closed before anything was decided.
CREATE TABLE outcome (
    account   TEXT    NOT NULL,
    center    TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    path      TEXT    NOT NULL,
    body_hash BLOB    NOT NULL,
    status    INTEGER NOT NULL,
    epoch     TEXT,
    body      TEXT    NOT NULL,
    at        INTEGER NOT NULL, -- wall clock: how long it is kept
    PRIMARY KEY (account, center, key, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX outcome_by_age ON outcome (at);

CREATE TABLE alarm (
    center       TEXT    NOT NULL,
    id           INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    raised_at    INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    body         TEXT,
    escalated_at INTEGER,
    PRIMARY KEY (center, id, kind, raised_at)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX alarm_by_seq ON alarm (center, seq);

CREATE TABLE receipt (
    center    TEXT    NOT NULL,
    id        INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    raised_at INTEGER NOT NULL,
    seat      TEXT    NOT NULL,
    stage     TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (center, id, kind, raised_at, seat)
) STRICT, WITHOUT ROWID;

-- Riders as listed to a center; one who is lent to it has another home.
CREATE TABLE rider (
    center  TEXT NOT NULL,
    id      TEXT NOT NULL,
    name    TEXT NOT NULL,
    phone   TEXT NOT NULL DEFAULT '',
    home    TEXT NOT NULL,
    status  TEXT NOT NULL,
    pos     TEXT,
    seen_at INTEGER,
    PRIMARY KEY (center, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    name     TEXT NOT NULL PRIMARY KEY,
    role     TEXT NOT NULL,
    centers  TEXT NOT NULL, -- JSON list of ids
    rider    TEXT,
    password TEXT NOT NULL  -- PHC string
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    hash    BLOB NOT NULL PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,
    centers TEXT NOT NULL, -- JSON list of ids
    scopes  TEXT NOT NULL  -- JSON list of names
) STRICT, WITHOUT ROWID;

-- One row a sign-in: which refresh token is the present one, and which were spent lately.
CREATE TABLE sign_in (
    id        TEXT    NOT NULL PRIMARY KEY,
    account   TEXT    NOT NULL,
    rotations TEXT    NOT NULL, -- JSON
    used_at   INTEGER NOT NULL,
    revoked   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
