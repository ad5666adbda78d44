-- Indexes for events of one kind and from one address, in the order of lists.
ALTER TABLE audit_events ADD KEY audit_events_kind (kind, at, public_id), ADD KEY audit_events_ip (ip, at, public_id);
