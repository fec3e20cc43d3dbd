-- What people call whoever has an account; empty: the account's name.
ALTER TABLE account ADD COLUMN person TEXT NOT NULL DEFAULT '';

-- When each change was made by the wall's clock: it can be taken back for some seconds. 0: longer ago than that.
ALTER TABLE history ADD COLUMN wall INTEGER NOT NULL DEFAULT 0;
