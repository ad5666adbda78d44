-- Search ignores differences of Unicode composition (NFC). New rows have such keys; a job for each table rebuilds the
-- keys of existing rows.
INSERT INTO jobs (public_id, kind, payload, state, attempts, created_at, due_at)
SELECT x'019ab9a0c80070008000000000000001', 'renew_user_search_keys', '{"kind":"renew_user_search_keys"}', 'waiting', 0, CAST(unixepoch('subsec') * 1000000 AS INTEGER), CAST(unixepoch('subsec') * 1000000 AS INTEGER)
WHERE EXISTS (SELECT 1 FROM users);
INSERT INTO jobs (public_id, kind, payload, state, attempts, created_at, due_at)
SELECT x'019ab9a0c80070008000000000000002', 'renew_item_search_keys', '{"kind":"renew_item_search_keys"}', 'waiting', 0, CAST(unixepoch('subsec') * 1000000 AS INTEGER), CAST(unixepoch('subsec') * 1000000 AS INTEGER)
WHERE EXISTS (SELECT 1 FROM items);
