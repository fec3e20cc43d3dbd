-- Whose history the rows are: the server's identifier and its timeline, which begins anew with each promotion. A database
-- that says otherwise of itself is a copy, or a standby that was promoted: what it lacks was told perhaps.
CREATE TABLE identity (
    one      BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    system   BIGINT  NOT NULL,
    timeline BIGINT  NOT NULL
);
INSERT INTO identity (system, timeline)
SELECT system_identifier, ('x' || lpad(left(pg_walfile_name(pg_current_wal_lsn()), 8), 16, '0'))::bit(64)::bigint
FROM pg_control_system();
