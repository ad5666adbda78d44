-- Indexes for events of one kind and from one address, in the order of lists.
CREATE INDEX audit_events_kind ON audit_events (kind, at, public_id);
CREATE INDEX audit_events_ip ON audit_events (ip, at, public_id);
