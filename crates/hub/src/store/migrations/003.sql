-- What people call whoever has an account; empty: the account's name.
ALTER TABLE account ADD COLUMN person TEXT NOT NULL DEFAULT '';
