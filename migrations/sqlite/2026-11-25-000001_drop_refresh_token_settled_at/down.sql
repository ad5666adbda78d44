-- The table is rebuilt, because a column cannot be added in the middle.
CREATE TEMPORARY TABLE saved_refresh_tokens AS SELECT * FROM refresh_tokens;
DROP TABLE refresh_tokens;

CREATE TABLE refresh_tokens (
    id          INTEGER PRIMARY KEY,
    session_id  INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    digest      BLOB    NOT NULL,
    generation  INTEGER NOT NULL,
    issued_at   INTEGER NOT NULL,
    consumed_at INTEGER,
    settled_at  INTEGER,
    retry_key   BLOB
) STRICT;

INSERT INTO refresh_tokens (id, session_id, digest, generation, issued_at, consumed_at, settled_at, retry_key)
SELECT id, session_id, digest, generation, issued_at, consumed_at, consumed_at, retry_key FROM saved_refresh_tokens;
DROP TABLE saved_refresh_tokens;

CREATE UNIQUE INDEX refresh_tokens_digest_key ON refresh_tokens (digest);
CREATE UNIQUE INDEX refresh_tokens_generation_key ON refresh_tokens (session_id, generation);
