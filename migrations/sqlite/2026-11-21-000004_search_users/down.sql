DROP TRIGGER users_search_update;
DROP TRIGGER users_search_delete;
DROP TRIGGER users_search_insert;
DROP TABLE users_search;
DROP INDEX users_role;
DROP INDEX users_created_at;
ALTER TABLE users DROP COLUMN search_key;
ALTER TABLE users DROP COLUMN version;
