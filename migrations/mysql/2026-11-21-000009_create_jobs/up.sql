-- Background jobs. `due_at` is the time of the next attempt. A worker that leases a job sets it to the end of the
-- lease, so the job of a dead process becomes due again by itself. `payload` is deleted when the job is done. `routine`
-- names a recurring job, which has a single row.
CREATE TABLE jobs (
    id          BIGINT      NOT NULL AUTO_INCREMENT PRIMARY KEY,
    public_id   BINARY(16)  NOT NULL,
    kind        VARCHAR(64) NOT NULL,
    routine     VARCHAR(64),
    payload     MEDIUMTEXT,
    state       VARCHAR(16) NOT NULL,
    attempts    INT         NOT NULL,
    created_at  DATETIME(6) NOT NULL,
    due_at      DATETIME(6),
    finished_at DATETIME(6),
    last_error  TEXT,
    UNIQUE KEY jobs_public_id_key (public_id),
    UNIQUE KEY jobs_routine_key (routine),
    KEY jobs_due_at (due_at),
    KEY jobs_finished_at (finished_at),
    KEY jobs_created_at (created_at, public_id),
    KEY jobs_state (state, created_at, public_id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
