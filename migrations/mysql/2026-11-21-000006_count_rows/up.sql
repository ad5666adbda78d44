-- The numbers of users (except deleted ones), items and audit events, maintained by triggers to avoid counting rows.
-- Each number is the sum of sixteen rows, so that writers do not wait for each other. The triggers come first: a server
-- with a binary log may reject them (it then requires log_bin_trust_function_creators), and nothing has been changed by
-- then.
CREATE TRIGGER users_count_insert AFTER INSERT ON users FOR EACH ROW
    UPDATE row_counts SET count = count + 1
    WHERE counted = 'users' AND part = CONNECTION_ID() % 16 AND NEW.deleted_at IS NULL;
CREATE TRIGGER users_count_delete AFTER DELETE ON users FOR EACH ROW
    UPDATE row_counts SET count = count - 1
    WHERE counted = 'users' AND part = CONNECTION_ID() % 16 AND OLD.deleted_at IS NULL;
CREATE TRIGGER users_count_update AFTER UPDATE ON users FOR EACH ROW
    UPDATE row_counts SET count = count + (NEW.deleted_at IS NULL) - (OLD.deleted_at IS NULL)
    WHERE counted = 'users' AND part = CONNECTION_ID() % 16 AND (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL);
CREATE TRIGGER items_count_insert AFTER INSERT ON items FOR EACH ROW
    UPDATE row_counts SET count = count + 1 WHERE counted = 'items' AND part = CONNECTION_ID() % 16;
CREATE TRIGGER items_count_delete AFTER DELETE ON items FOR EACH ROW
    UPDATE row_counts SET count = count - 1 WHERE counted = 'items' AND part = CONNECTION_ID() % 16;
CREATE TRIGGER audit_events_count_insert AFTER INSERT ON audit_events FOR EACH ROW
    UPDATE row_counts SET count = count + 1 WHERE counted = 'audit_events' AND part = CONNECTION_ID() % 16;
CREATE TRIGGER audit_events_count_delete AFTER DELETE ON audit_events FOR EACH ROW
    UPDATE row_counts SET count = count - 1 WHERE counted = 'audit_events' AND part = CONNECTION_ID() % 16;

CREATE TABLE row_counts (
    counted VARCHAR(16) NOT NULL,
    part    INT         NOT NULL,
    count   BIGINT      NOT NULL,
    PRIMARY KEY (counted, part)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO row_counts
    SELECT counted, fours.n + ones.n, 0
    FROM (SELECT 'users' AS counted UNION SELECT 'items' UNION SELECT 'audit_events') AS tables,
         (SELECT 0 AS n UNION SELECT 4 UNION SELECT 8 UNION SELECT 12) AS fours,
         (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3) AS ones;
UPDATE row_counts SET count = (SELECT COUNT(*) FROM users WHERE deleted_at IS NULL) WHERE counted = 'users' AND part = 0;
UPDATE row_counts SET count = (SELECT COUNT(*) FROM items) WHERE counted = 'items' AND part = 0;
UPDATE row_counts SET count = (SELECT COUNT(*) FROM audit_events) WHERE counted = 'audit_events' AND part = 0;
