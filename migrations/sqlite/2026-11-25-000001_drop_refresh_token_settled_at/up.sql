ALTER TABLE refresh_tokens DROP COLUMN settled_at;
