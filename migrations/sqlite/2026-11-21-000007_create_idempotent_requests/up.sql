-- Requests that carried an idempotency key. `request` is the digest of who asked for what under which key, `body` of what
-- was sent; both are keyed, so that nothing can be found out from them. Without an answer, it is being made.
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
