-- Failed sign-ins of the last minute, by a hash of what they are counted of.
CREATE TABLE failure (
    who   BLOB    NOT NULL PRIMARY KEY,
    since INTEGER NOT NULL,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX failure_by_age ON failure (since);

-- From where accounts signed in before, by the same hash.
CREATE TABLE device (
    who     BLOB    NOT NULL PRIMARY KEY,
    used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX device_by_age ON device (used_at);
