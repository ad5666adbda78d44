-- `version` counts changes. `search_key` contains the folded texts of a user, separated by a character that cannot be
-- searched for. What SQL folds differently is corrected when the user next changes.
ALTER TABLE users ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN search_key text NOT NULL DEFAULT '';
UPDATE users SET search_key =
    lower(email) || chr(31) || lower(coalesce(username, '')) || chr(31) || lower(coalesce(name, ''));

CREATE INDEX users_created_at ON users (created_at, public_id) WHERE deleted_at IS NULL;
CREATE INDEX users_role ON users (role, created_at, public_id) WHERE deleted_at IS NULL;

-- Without the extension everything works, but search is slower. If the migrating role may not create it, an
-- administrator can.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX users_search ON users USING gin (search_key gin_trgm_ops);
EXCEPTION
    WHEN insufficient_privilege OR feature_not_supported OR undefined_file OR undefined_object THEN
        RAISE WARNING 'no pg_trgm, so searching users reads them all: %', SQLERRM;
END
$$;
