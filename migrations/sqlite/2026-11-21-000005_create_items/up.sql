-- Times are microseconds since 1970. The `_key` columns contain the folded texts, which are searched.
CREATE TABLE items (
    id              INTEGER PRIMARY KEY,
    public_id       BLOB    NOT NULL,
    owner_id        INTEGER NOT NULL REFERENCES users (id),
    title           TEXT    NOT NULL,
    title_key       TEXT    NOT NULL,
    description     TEXT,
    description_key TEXT,
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX items_public_id_key ON items (public_id);
CREATE INDEX items_created_at ON items (created_at, public_id);
CREATE INDEX items_owner ON items (owner_id, created_at, public_id);

-- This index returns only candidates: rows that contain each trigram. The search compares the rows themselves.
CREATE VIRTUAL TABLE items_search USING fts5 (
    title_key, description_key,
    content = 'items', content_rowid = 'id', tokenize = 'trigram case_sensitive 1', detail = none
);

CREATE TRIGGER items_search_insert AFTER INSERT ON items BEGIN
    INSERT INTO items_search (rowid, title_key, description_key) VALUES (new.id, new.title_key, new.description_key);
END;
CREATE TRIGGER items_search_delete AFTER DELETE ON items BEGIN
    INSERT INTO items_search (items_search, rowid, title_key, description_key)
    VALUES ('delete', old.id, old.title_key, old.description_key);
END;
CREATE TRIGGER items_search_update AFTER UPDATE OF title_key, description_key ON items BEGIN
    INSERT INTO items_search (items_search, rowid, title_key, description_key)
    VALUES ('delete', old.id, old.title_key, old.description_key);
    INSERT INTO items_search (rowid, title_key, description_key) VALUES (new.id, new.title_key, new.description_key);
END;
