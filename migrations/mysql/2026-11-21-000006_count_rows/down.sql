DROP TRIGGER audit_events_count_delete;
DROP TRIGGER audit_events_count_insert;
DROP TRIGGER items_count_delete;
DROP TRIGGER items_count_insert;
DROP TRIGGER users_count_update;
DROP TRIGGER users_count_delete;
DROP TRIGGER users_count_insert;
DROP TABLE row_counts;
