-- The numbers of users (except deleted ones), items and audit events, maintained by triggers to avoid counting rows.
-- Each number is the sum of sixteen rows, so that writers do not wait for each other.
CREATE TABLE row_counts (
    counted text   NOT NULL,
    part    int    NOT NULL,
    count   bigint NOT NULL,
    PRIMARY KEY (counted, part)
) WITH (fillfactor = 50);

INSERT INTO row_counts SELECT counted, part, 0
FROM unnest(ARRAY['users', 'items', 'audit_events']) counted, generate_series(0, 15) part;
UPDATE row_counts SET count = (SELECT count(*) FROM users WHERE deleted_at IS NULL) WHERE counted = 'users' AND part = 0;
UPDATE row_counts SET count = (SELECT count(*) FROM items) WHERE counted = 'items' AND part = 0;
UPDATE row_counts SET count = (SELECT count(*) FROM audit_events) WHERE counted = 'audit_events' AND part = 0;

CREATE FUNCTION count_rows(what text, difference bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE row_counts SET count = count + difference WHERE counted = what AND part = pg_backend_pid() % 16
$$;

CREATE FUNCTION count_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM count_rows('users', 1);
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM count_rows('users', -1);
    ELSIF NEW.deleted_at IS NULL THEN
        PERFORM count_rows('users', 1);
    ELSE
        PERFORM count_rows('users', -1);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER users_count_insert AFTER INSERT ON users
    FOR EACH ROW WHEN (NEW.deleted_at IS NULL) EXECUTE FUNCTION count_users();
CREATE TRIGGER users_count_delete AFTER DELETE ON users
    FOR EACH ROW WHEN (OLD.deleted_at IS NULL) EXECUTE FUNCTION count_users();
CREATE TRIGGER users_count_update AFTER UPDATE OF deleted_at ON users
    FOR EACH ROW WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL)) EXECUTE FUNCTION count_users();

CREATE FUNCTION count_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM count_rows(TG_TABLE_NAME, (SELECT count(*) FROM changed));
    ELSE
        PERFORM count_rows(TG_TABLE_NAME, -(SELECT count(*) FROM changed));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER items_count_insert AFTER INSERT ON items
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_changed();
CREATE TRIGGER items_count_delete AFTER DELETE ON items
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_changed();
CREATE TRIGGER audit_events_count_insert AFTER INSERT ON audit_events
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_changed();
CREATE TRIGGER audit_events_count_delete AFTER DELETE ON audit_events
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_changed();
