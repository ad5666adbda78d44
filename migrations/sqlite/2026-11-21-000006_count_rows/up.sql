-- The numbers of users (except deleted ones), items and audit events, maintained by triggers to avoid counting rows.
-- Servers have several rows for each, so that writers do not wait for each other. SQLite has one writer, so one row is
-- enough.
CREATE TABLE row_counts (
    counted TEXT    NOT NULL,
    part    INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (counted, part)
) STRICT, WITHOUT ROWID;

INSERT INTO row_counts SELECT 'users', 0, count(*) FROM users WHERE deleted_at IS NULL;
INSERT INTO row_counts SELECT 'items', 0, count(*) FROM items;
INSERT INTO row_counts SELECT 'audit_events', 0, count(*) FROM audit_events;

CREATE TRIGGER users_count_insert AFTER INSERT ON users WHEN new.deleted_at IS NULL BEGIN
    UPDATE row_counts SET count = count + 1 WHERE counted = 'users' AND part = 0;
END;
CREATE TRIGGER users_count_delete AFTER DELETE ON users WHEN old.deleted_at IS NULL BEGIN
    UPDATE row_counts SET count = count - 1 WHERE counted = 'users' AND part = 0;
END;
CREATE TRIGGER users_count_update AFTER UPDATE OF deleted_at ON users
WHEN (old.deleted_at IS NULL) <> (new.deleted_at IS NULL) BEGIN
    UPDATE row_counts SET count = count + (new.deleted_at IS NULL) - (old.deleted_at IS NULL)
    WHERE counted = 'users' AND part = 0;
END;
CREATE TRIGGER items_count_insert AFTER INSERT ON items BEGIN
    UPDATE row_counts SET count = count + 1 WHERE counted = 'items' AND part = 0;
END;
CREATE TRIGGER items_count_delete AFTER DELETE ON items BEGIN
    UPDATE row_counts SET count = count - 1 WHERE counted = 'items' AND part = 0;
END;
CREATE TRIGGER audit_events_count_insert AFTER INSERT ON audit_events BEGIN
    UPDATE row_counts SET count = count + 1 WHERE counted = 'audit_events' AND part = 0;
END;
CREATE TRIGGER audit_events_count_delete AFTER DELETE ON audit_events BEGIN
    UPDATE row_counts SET count = count - 1 WHERE counted = 'audit_events' AND part = 0;
END;
