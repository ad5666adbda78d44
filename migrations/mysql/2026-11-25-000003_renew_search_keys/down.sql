DELETE FROM jobs WHERE kind IN ('renew_user_search_keys', 'renew_item_search_keys');
UPDATE items SET description_key = LEFT(description_key, 16000) WHERE LENGTH(description_key) > 65535;
ALTER TABLE items MODIFY description_key TEXT;
