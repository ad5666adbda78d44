-- `pending_email` is an address that waits for the confirmation of its owner. `email_changes` has the changes of
-- addresses that can still be undone, in order. Until they expire, the old address is reserved for its account, even if
-- the account is deleted and purged. Therefore there is no foreign key.
ALTER TABLE users ADD COLUMN pending_email TEXT;

CREATE TABLE email_changes (
    id            INTEGER PRIMARY KEY,
    public_id     BLOB    NOT NULL,
    user_id       BLOB    NOT NULL,
    old_email     TEXT    NOT NULL,
    old_email_key TEXT    NOT NULL,
    digest        BLOB    NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX email_changes_public_id_key ON email_changes (public_id);
CREATE UNIQUE INDEX email_changes_digest_key ON email_changes (digest);
CREATE INDEX email_changes_old_email ON email_changes (old_email_key);
CREATE INDEX email_changes_user ON email_changes (user_id);
CREATE INDEX email_changes_expires_at ON email_changes (expires_at);

INSERT INTO email_changes (public_id, user_id, old_email, old_email_key, digest, expires_at)
SELECT mail_tokens.public_id, users.public_id, mail_tokens.email, lower(mail_tokens.email), mail_tokens.digest, mail_tokens.expires_at
FROM mail_tokens JOIN users ON users.id = mail_tokens.user_id
WHERE mail_tokens.purpose = 'undo_email_change';
DELETE FROM mail_tokens WHERE purpose = 'undo_email_change';
