CREATE TABLE sessions (
    id           BIGINT      NOT NULL AUTO_INCREMENT PRIMARY KEY,
    public_id    BINARY(16)  NOT NULL,
    user_id      BIGINT      NOT NULL,
    created_at   DATETIME(6) NOT NULL,
    last_used_at DATETIME(6) NOT NULL,
    expires_at   DATETIME(6) NOT NULL,
    ended_at     DATETIME(6),
    end_reason   VARCHAR(32),
    ip           VARCHAR(45),
    user_agent   VARCHAR(512),
    UNIQUE KEY sessions_public_id_key (public_id),
    KEY sessions_user_id (user_id, ended_at, created_at),
    KEY sessions_expires_at (expires_at),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The chain of refresh tokens of a session. The second unique key prevents a fork of the chain.
CREATE TABLE refresh_tokens (
    id          BIGINT      NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id  BIGINT      NOT NULL,
    digest      BINARY(32)  NOT NULL,
    generation  INT         NOT NULL,
    issued_at   DATETIME(6) NOT NULL,
    consumed_at DATETIME(6),
    settled_at  DATETIME(6),
    retry_key   BINARY(32),
    UNIQUE KEY refresh_tokens_digest_key (digest),
    UNIQUE KEY refresh_tokens_generation_key (session_id, generation),
    CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
