DROP TABLE items_search;
DROP TABLE items;
