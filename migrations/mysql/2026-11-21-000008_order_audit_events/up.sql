-- Events of the same time are ordered by their public id, so that a cursor can tell its place without the other one.
ALTER TABLE audit_events DROP KEY audit_events_at, ADD KEY audit_events_at (at, public_id);
