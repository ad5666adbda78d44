-- Work that is done later. `due_at` is when a job is to be tried; whoever claims it moves that to the end of a lease, so that
-- the job of a process that died is due again by itself. `payload` is forgotten when the job is done. `routine` names what
-- is done again and again: there is one row for each.
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
