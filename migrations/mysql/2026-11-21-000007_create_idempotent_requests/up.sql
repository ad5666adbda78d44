-- Requests that carried an idempotency key. `request` is the digest of caller, operation and key; `body` is the digest
-- of the request body. Both are keyed, so they reveal nothing. While `answer` is NULL, the request is being executed.
CREATE TABLE idempotent_requests (
    id         BIGINT      NOT NULL AUTO_INCREMENT PRIMARY KEY,
    request    BINARY(32)  NOT NULL,
    body       BINARY(32)  NOT NULL,
    attempt_id BINARY(16)  NOT NULL,
    begun_at   DATETIME(6) NOT NULL,
    answer     MEDIUMTEXT,
    UNIQUE KEY idempotent_requests_request_key (request),
    KEY idempotent_requests_begun_at (begun_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
