CREATE TABLE sessions (
    id           INTEGER PRIMARY KEY,
    public_id    BLOB    NOT NULL,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    end_reason   TEXT,
    ip           TEXT,
    user_agent   TEXT
) STRICT;

CREATE UNIQUE INDEX sessions_public_id_key ON sessions (public_id);
CREATE INDEX sessions_user_id ON sessions (user_id, ended_at, created_at);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- The chain of refresh tokens of a session. The second unique index prevents a fork of the chain.
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

CREATE UNIQUE INDEX refresh_tokens_digest_key ON refresh_tokens (digest);
CREATE UNIQUE INDEX refresh_tokens_generation_key ON refresh_tokens (session_id, generation);
