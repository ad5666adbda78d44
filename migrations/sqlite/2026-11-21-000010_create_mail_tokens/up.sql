-- Tokens that are sent by e-mail; only digests are stored. The second unique index allows one token for each user and
-- purpose.
CREATE TABLE mail_tokens (
    id         INTEGER PRIMARY KEY,
    public_id  BLOB    NOT NULL,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose    TEXT    NOT NULL,
    email      TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX mail_tokens_public_id_key ON mail_tokens (public_id);
CREATE UNIQUE INDEX mail_tokens_user_id_key ON mail_tokens (user_id, purpose);
CREATE UNIQUE INDEX mail_tokens_digest_key ON mail_tokens (digest);
CREATE INDEX mail_tokens_expires_at ON mail_tokens (expires_at);
