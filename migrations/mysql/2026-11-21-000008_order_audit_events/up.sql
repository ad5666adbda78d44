-- Events of the same time are ordered by public id, so that a cursor is complete without the internal id.
ALTER TABLE audit_events DROP KEY audit_events_at, ADD KEY audit_events_at (at, public_id);
