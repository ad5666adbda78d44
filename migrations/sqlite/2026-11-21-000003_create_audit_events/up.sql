-- Append-only. Ids are public ids without foreign keys, so an event outlives the rows to which it refers.
CREATE TABLE audit_events (
    id         INTEGER PRIMARY KEY,
    public_id  BLOB    NOT NULL,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    actor_id   BLOB,
    user_id    BLOB,
    session_id BLOB,
    ip         TEXT,
    request_id TEXT,
    detail     TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX audit_events_public_id_key ON audit_events (public_id);
CREATE INDEX audit_events_at ON audit_events (at, id);
