-- Events of the same time are ordered by public id, so that a cursor is complete without the internal id.
DROP INDEX audit_events_at;
CREATE INDEX audit_events_at ON audit_events (at, public_id);
