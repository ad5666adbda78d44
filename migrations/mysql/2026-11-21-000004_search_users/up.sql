-- `version` counts changes, `search_key` is what users are searched by: their texts without case, between them a character
-- that nobody can look for. What SQL folds otherwise than the program is folded when the user next changes. No index
-- serves the search: MariaDB has none for parts of words. `deleted_at` comes last in the keys of the lists: were it first, a
-- part of a list would be read from its beginning.
ALTER TABLE users
    ADD COLUMN version BIGINT NOT NULL DEFAULT 1,
    ADD COLUMN search_key VARCHAR(1200) NOT NULL DEFAULT '',
    ADD KEY users_created_at (created_at, public_id, deleted_at),
    ADD KEY users_role (role, created_at, public_id, deleted_at);
UPDATE users SET search_key =
    CONCAT(LOWER(email), CHAR(31), LOWER(COALESCE(username, '')), CHAR(31), LOWER(COALESCE(name, '')));
