-- Indexes for events and sessions of one user, in the order of lists. Users who were deleted long ago are found by
-- `users_created_at`, which includes the time of deletion. An index that begins with that time would attract every
-- query for users who are not deleted.
ALTER TABLE audit_events
    ADD KEY audit_events_user (user_id, at, public_id),
    ADD KEY audit_events_actor (actor_id, at, public_id);
ALTER TABLE sessions ADD KEY sessions_created_at (user_id, created_at, public_id);
