-- Background jobs. `due_at` is the time of the next attempt. A worker that leases a job sets it to the end of the
-- lease, so the job of a dead process becomes due again by itself. `payload` is deleted when the job is done. `routine`
-- names a recurring job, which has a single row.
CREATE TABLE jobs (
    id          INTEGER PRIMARY KEY,
    public_id   BLOB    NOT NULL,
    kind        TEXT    NOT NULL,
    routine     TEXT,
    payload     TEXT,
    state       TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    due_at      INTEGER,
    finished_at INTEGER,
    last_error  TEXT
) STRICT;

CREATE UNIQUE INDEX jobs_public_id_key ON jobs (public_id);
CREATE UNIQUE INDEX jobs_routine_key ON jobs (routine);
CREATE INDEX jobs_due_at ON jobs (due_at);
CREATE INDEX jobs_finished_at ON jobs (finished_at);
CREATE INDEX jobs_created_at ON jobs (created_at, public_id);
CREATE INDEX jobs_state ON jobs (state, created_at, public_id);
