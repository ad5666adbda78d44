-- Append-only. Ids are public ids without foreign keys, so an event outlives the rows to which it refers.
CREATE TABLE audit_events (
    id         BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    public_id  BINARY(16)   NOT NULL,
    at         DATETIME(6)  NOT NULL,
    kind       VARCHAR(32)  NOT NULL,
    actor_id   BINARY(16),
    user_id    BINARY(16),
    session_id BINARY(16),
    ip         VARCHAR(45),
    request_id VARCHAR(128),
    detail     TEXT         NOT NULL,
    UNIQUE KEY audit_events_public_id_key (public_id),
    KEY audit_events_at (at, id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
