ALTER TABLE refresh_tokens ADD COLUMN settled_at DATETIME(6) AFTER consumed_at;
UPDATE refresh_tokens SET settled_at = consumed_at;
