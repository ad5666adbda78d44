ALTER TABLE refresh_tokens ADD COLUMN settled_at INTEGER;
