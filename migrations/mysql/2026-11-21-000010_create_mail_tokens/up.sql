-- Tokens that are sent by e-mail; only digests are stored. The second unique index allows one token for each user and
-- purpose.
CREATE TABLE mail_tokens (
    id         BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    public_id  BINARY(16)   NOT NULL,
    user_id    BIGINT       NOT NULL,
    purpose    VARCHAR(32)  NOT NULL,
    email      VARCHAR(254) NOT NULL,
    digest     BINARY(32)   NOT NULL,
    expires_at DATETIME(6)  NOT NULL,
    UNIQUE KEY mail_tokens_public_id_key (public_id),
    UNIQUE KEY mail_tokens_user_id_key (user_id, purpose),
    UNIQUE KEY mail_tokens_digest_key (digest),
    KEY mail_tokens_expires_at (expires_at),
    CONSTRAINT mail_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
