-- The wall's instant of a center's latest change: none after it is earlier, though the server's clock be set back.
ALTER TABLE center ADD COLUMN last_at BIGINT NOT NULL DEFAULT 0;
