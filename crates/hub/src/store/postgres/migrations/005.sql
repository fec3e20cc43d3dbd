-- How often what an account may was changed: an identity of before is none any more. The password of an account that is
-- disabled begins with `!`, which is no hash: no version lets it in.
ALTER TABLE account ADD COLUMN rights BIGINT NOT NULL DEFAULT 0;

-- When and from which address a sign-in began. 0: a version before did not note it.
ALTER TABLE sign_in ADD COLUMN began_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sign_in ADD COLUMN origin TEXT NOT NULL DEFAULT '';
CREATE INDEX sign_in_by_account ON sign_in (account);

-- Who did what, when (the wall's clock), from which address, to whom. No customer's data.
CREATE TABLE audit (
    id      TEXT   COLLATE "C" PRIMARY KEY,
    at      BIGINT NOT NULL,
    account TEXT   NOT NULL,
    origin  TEXT   NOT NULL,
    action  TEXT   NOT NULL,
    target  TEXT   NOT NULL,
    event   TEXT,
    size    BIGINT,
    count   BIGINT,
    detail  TEXT
);
CREATE INDEX audit_by_time ON audit (at, id);

-- The sequence grows before what it tells of is committed: a hub that looks in between would take the old for the new. This
-- grows with it. A version before counts by the sequence still.
CREATE TABLE people_version (
    one     BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    written BIGINT  NOT NULL
);
INSERT INTO people_version (written) VALUES (0);
