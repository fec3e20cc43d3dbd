-- Failed sign-ins of the last minute, by a hash of what they are counted of.
CREATE TABLE failure (
    who   BYTEA  PRIMARY KEY,
    since BIGINT NOT NULL,
    count BIGINT NOT NULL
);
CREATE INDEX failure_by_age ON failure (since);

-- From where accounts signed in before, by the same hash.
CREATE TABLE device (
    who     BYTEA  PRIMARY KEY,
    used_at BIGINT NOT NULL
);
CREATE INDEX device_by_age ON device (used_at);
