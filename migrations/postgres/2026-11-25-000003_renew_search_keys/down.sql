DELETE FROM jobs WHERE kind IN ('renew_user_search_keys', 'renew_item_search_keys');
