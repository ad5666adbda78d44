ALTER TABLE audit_events DROP KEY audit_events_at, ADD KEY audit_events_at (at, id);
