DROP INDEX IF EXISTS users_search;
DROP INDEX users_role;
DROP INDEX users_created_at;
ALTER TABLE users DROP COLUMN search_key;
ALTER TABLE users DROP COLUMN version;
