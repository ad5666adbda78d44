-- Times are microseconds since 1970. The `_key` columns contain the canonical form, which must be unique. They are NULL
-- for deleted users, which frees the address and the user name.
CREATE TABLE users (
    id             INTEGER PRIMARY KEY,
    public_id      BLOB    NOT NULL,
    email          TEXT    NOT NULL,
    email_key      TEXT,
    username       TEXT,
    username_key   TEXT,
    name           TEXT,
    role           TEXT    NOT NULL,
    is_active      INTEGER NOT NULL,
    email_verified INTEGER NOT NULL,
    password_hash  TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    deleted_at     INTEGER
) STRICT;

CREATE UNIQUE INDEX users_public_id_key ON users (public_id);
CREATE UNIQUE INDEX users_email_key ON users (email_key);
CREATE UNIQUE INDEX users_username_key ON users (username_key);
