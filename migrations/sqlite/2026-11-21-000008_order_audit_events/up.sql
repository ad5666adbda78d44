-- Events of the same time are ordered by their public id, so that a cursor can tell its place without the other one.
DROP INDEX audit_events_at;
CREATE INDEX audit_events_at ON audit_events (at, public_id);
