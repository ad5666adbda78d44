ALTER TABLE audit_events DROP KEY audit_events_kind, DROP KEY audit_events_ip;
