-- How often what an account may was changed: an identity of before is none any more. The password of an account that is
-- disabled begins with `!`, which is no hash: no version lets it in.
ALTER TABLE account ADD COLUMN rights INTEGER NOT NULL DEFAULT 0;

-- When and from which address a sign-in began. 0: a version before did not note it.
ALTER TABLE sign_in ADD COLUMN began_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sign_in ADD COLUMN origin TEXT NOT NULL DEFAULT '';
CREATE INDEX sign_in_by_account ON sign_in (account);

-- Who did what, when (the wall's clock), from which address, to whom. No customer's data.
CREATE TABLE audit (
    id      TEXT    NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    account TEXT    NOT NULL,
    origin  TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    event   TEXT,
    size    INTEGER,
    count   INTEGER,
    detail  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_by_time ON audit (at, id);

-- How often accounts, keys or sign-ins were written, in the transaction that writes them: whoever keeps them in memory reads
-- them again when it grows.
CREATE TABLE people_version (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    written INTEGER NOT NULL
) STRICT;
INSERT INTO people_version (one, written) VALUES (1, 0);
