-- Search ignores differences of Unicode composition (NFC). New rows have such keys; a job for each table rebuilds the
-- keys of existing rows.
-- Some characters take three times as many bytes in NFC.
ALTER TABLE items MODIFY description_key MEDIUMTEXT;
INSERT INTO jobs (public_id, kind, payload, state, attempts, created_at, due_at)
SELECT x'019ab9a0c80070008000000000000001', 'renew_user_search_keys', '{"kind":"renew_user_search_keys"}', 'waiting', 0, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM DUAL
WHERE EXISTS (SELECT 1 FROM users);
INSERT INTO jobs (public_id, kind, payload, state, attempts, created_at, due_at)
SELECT x'019ab9a0c80070008000000000000002', 'renew_item_search_keys', '{"kind":"renew_item_search_keys"}', 'waiting', 0, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM DUAL
WHERE EXISTS (SELECT 1 FROM items);
