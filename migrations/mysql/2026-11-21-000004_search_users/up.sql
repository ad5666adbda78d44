-- `version` counts changes. `search_key` contains the folded texts of a user, separated by a character that cannot be
-- searched for. What SQL folds differently is corrected when the user next changes. No index serves the search, because
-- MariaDB has none for substrings. `deleted_at` is the last column of the list indexes: as the first one, it would
-- force a page to be read from the start of the list.
ALTER TABLE users
    ADD COLUMN version BIGINT NOT NULL DEFAULT 1,
    ADD COLUMN search_key VARCHAR(1200) NOT NULL DEFAULT '',
    ADD KEY users_created_at (created_at, public_id, deleted_at),
    ADD KEY users_role (role, created_at, public_id, deleted_at);
UPDATE users SET search_key =
    CONCAT(LOWER(email), CHAR(31), LOWER(COALESCE(username, '')), CHAR(31), LOWER(COALESCE(name, '')));
