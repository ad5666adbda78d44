-- Requests that carried an idempotency key. `request` is the digest of caller, operation and key; `body` is the digest
-- of the request body. Both are keyed, so they reveal nothing. While `answer` is NULL, the request is being executed.
CREATE TABLE idempotent_requests (
    id         INTEGER PRIMARY KEY,
    request    BLOB    NOT NULL,
    body       BLOB    NOT NULL,
    attempt_id BLOB    NOT NULL,
    begun_at   INTEGER NOT NULL,
    answer     TEXT
) STRICT;

CREATE UNIQUE INDEX idempotent_requests_request_key ON idempotent_requests (request);
CREATE INDEX idempotent_requests_begun_at ON idempotent_requests (begun_at);
