-- Indexes for events and sessions of one user, in the order of lists, and for deleted users that are due for purging.
CREATE INDEX audit_events_user ON audit_events (user_id, at, public_id);
CREATE INDEX audit_events_actor ON audit_events (actor_id, at, public_id);
CREATE INDEX sessions_created_at ON sessions (user_id, created_at, public_id);
CREATE INDEX users_deleted_at ON users (deleted_at) WHERE deleted_at IS NOT NULL;
