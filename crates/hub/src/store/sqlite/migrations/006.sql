-- Tickets that were spent, until they could not be spent any more.
CREATE TABLE ticket (
    nonce      TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_by_end ON ticket (expires_at);
