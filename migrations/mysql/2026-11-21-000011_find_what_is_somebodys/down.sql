ALTER TABLE sessions DROP KEY sessions_created_at;
ALTER TABLE audit_events DROP KEY audit_events_actor, DROP KEY audit_events_user;
