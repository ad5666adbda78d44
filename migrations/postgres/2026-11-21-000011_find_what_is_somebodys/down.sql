DROP INDEX users_deleted_at;
DROP INDEX sessions_created_at;
DROP INDEX audit_events_actor;
DROP INDEX audit_events_user;
