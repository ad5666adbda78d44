DROP INDEX audit_events_ip;
DROP INDEX audit_events_kind;
