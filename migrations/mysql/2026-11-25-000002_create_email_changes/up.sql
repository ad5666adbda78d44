-- `pending_email` is an address that waits for the confirmation of its owner. `email_changes` has the changes of
-- addresses that can still be undone, in order. Until they expire, the old address is reserved for its account, even if
-- the account is deleted and purged. Therefore there is no foreign key.
ALTER TABLE users ADD COLUMN pending_email VARCHAR(254);

CREATE TABLE email_changes (
    id            BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    public_id     BINARY(16)   NOT NULL,
    user_id       BINARY(16)   NOT NULL,
    old_email     VARCHAR(254) NOT NULL,
    old_email_key VARCHAR(254) NOT NULL,
    digest        BINARY(32)   NOT NULL,
    expires_at    DATETIME(6)  NOT NULL,
    UNIQUE KEY email_changes_public_id_key (public_id),
    UNIQUE KEY email_changes_digest_key (digest),
    KEY email_changes_old_email (old_email_key),
    KEY email_changes_user (user_id),
    KEY email_changes_expires_at (expires_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO email_changes (public_id, user_id, old_email, old_email_key, digest, expires_at)
SELECT mail_tokens.public_id, users.public_id, mail_tokens.email, lower(mail_tokens.email), mail_tokens.digest, mail_tokens.expires_at
FROM mail_tokens JOIN users ON users.id = mail_tokens.user_id
WHERE mail_tokens.purpose = 'undo_email_change';
DELETE FROM mail_tokens WHERE purpose = 'undo_email_change';
