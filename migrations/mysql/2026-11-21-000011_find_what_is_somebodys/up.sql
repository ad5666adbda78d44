-- Events and sessions of one user, in the order of lists. Those who were deleted long ago are found in `users_created_at`, which
-- has that time: a key that begins with it would tempt everybody who looks for users who are not deleted.
ALTER TABLE audit_events
    ADD KEY audit_events_user (user_id, at, public_id),
    ADD KEY audit_events_actor (actor_id, at, public_id);
ALTER TABLE sessions ADD KEY sessions_created_at (user_id, created_at, public_id);
