-- `version` counts changes. `search_key` contains the folded texts of a user, separated by a character that cannot be
-- searched for. What SQL cannot fold is folded when the user next changes.
ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN search_key TEXT NOT NULL DEFAULT '';
UPDATE users SET search_key =
    lower(email) || char(31) || lower(coalesce(username, '')) || char(31) || lower(coalesce(name, ''));

CREATE INDEX users_created_at ON users (created_at, public_id) WHERE deleted_at IS NULL;
CREATE INDEX users_role ON users (role, created_at, public_id) WHERE deleted_at IS NULL;

-- This index returns only candidates: rows that contain each trigram. The search compares the rows themselves.
CREATE VIRTUAL TABLE users_search USING fts5 (
    search_key, content = 'users', content_rowid = 'id', tokenize = 'trigram case_sensitive 1', detail = none
);
INSERT INTO users_search (users_search) VALUES ('rebuild');

CREATE TRIGGER users_search_insert AFTER INSERT ON users BEGIN
    INSERT INTO users_search (rowid, search_key) VALUES (new.id, new.search_key);
END;
CREATE TRIGGER users_search_delete AFTER DELETE ON users BEGIN
    INSERT INTO users_search (users_search, rowid, search_key) VALUES ('delete', old.id, old.search_key);
END;
CREATE TRIGGER users_search_update AFTER UPDATE OF search_key ON users WHEN old.search_key <> new.search_key BEGIN
    INSERT INTO users_search (users_search, rowid, search_key) VALUES ('delete', old.id, old.search_key);
    INSERT INTO users_search (rowid, search_key) VALUES (new.id, new.search_key);
END;
