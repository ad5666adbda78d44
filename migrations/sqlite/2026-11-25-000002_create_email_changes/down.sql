-- Of several changes of one account that can be undone, only the first is kept.
INSERT INTO mail_tokens (public_id, user_id, purpose, email, digest, expires_at)
SELECT email_changes.public_id, users.id, 'undo_email_change', email_changes.old_email, email_changes.digest, email_changes.expires_at
FROM email_changes JOIN users ON users.public_id = email_changes.user_id
WHERE NOT EXISTS (SELECT 1 FROM email_changes AS earlier WHERE earlier.user_id = email_changes.user_id AND earlier.id < email_changes.id);
DROP TABLE email_changes;
ALTER TABLE users DROP COLUMN pending_email;
