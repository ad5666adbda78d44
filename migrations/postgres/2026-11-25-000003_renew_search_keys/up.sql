-- Search ignores differences of Unicode composition (NFC). New rows have such keys; a job for each table rebuilds the
-- keys of existing rows.
INSERT INTO jobs (public_id, kind, payload, state, attempts, created_at, due_at)
SELECT '019ab9a0c80070008000000000000001'::uuid, 'renew_user_search_keys', '{"kind":"renew_user_search_keys"}', 'waiting', 0, clock_timestamp(), clock_timestamp()
WHERE EXISTS (SELECT 1 FROM users);
INSERT INTO jobs (public_id, kind, payload, state, attempts, created_at, due_at)
SELECT '019ab9a0c80070008000000000000002'::uuid, 'renew_item_search_keys', '{"kind":"renew_item_search_keys"}', 'waiting', 0, clock_timestamp(), clock_timestamp()
WHERE EXISTS (SELECT 1 FROM items);
