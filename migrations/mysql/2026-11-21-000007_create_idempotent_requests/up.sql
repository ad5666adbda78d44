-- Requests that carried an idempotency key. `request` is the digest of who asked for what under which key, `body` of what
-- was sent; both are keyed, so that nothing can be found out from them. Without an answer, it is being made.
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
