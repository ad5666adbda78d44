ALTER TABLE users DROP KEY users_role, DROP KEY users_created_at, DROP COLUMN search_key, DROP COLUMN version;
