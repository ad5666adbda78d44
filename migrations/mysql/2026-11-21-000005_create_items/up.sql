-- The `_key` columns contain the folded texts, which are searched. No index serves the search, because MariaDB has none
-- for substrings.
CREATE TABLE items (
    id              BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    public_id       BINARY(16)   NOT NULL,
    owner_id        BIGINT       NOT NULL,
    title           VARCHAR(255) NOT NULL,
    title_key       VARCHAR(765) NOT NULL,
    description     TEXT,
    description_key TEXT,
    version         BIGINT       NOT NULL,
    created_at      DATETIME(6)  NOT NULL,
    updated_at      DATETIME(6)  NOT NULL,
    UNIQUE KEY items_public_id_key (public_id),
    KEY items_created_at (created_at, public_id),
    KEY items_owner (owner_id, created_at, public_id),
    FOREIGN KEY (owner_id) REFERENCES users (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
