-- The `_key` columns contain the canonical form, which must be unique and is compared byte for byte. They are NULL for
-- deleted users, which frees the address and the user name.
CREATE TABLE users (
    id             BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    public_id      BINARY(16)   NOT NULL,
    email          VARCHAR(254) NOT NULL,
    email_key      VARCHAR(254),
    username       VARCHAR(50),
    username_key   VARCHAR(50),
    name           VARCHAR(100),
    role           VARCHAR(32)  NOT NULL,
    is_active      BOOLEAN      NOT NULL,
    email_verified BOOLEAN      NOT NULL,
    password_hash  VARCHAR(255) NOT NULL,
    created_at     DATETIME(6)  NOT NULL,
    updated_at     DATETIME(6)  NOT NULL,
    deleted_at     DATETIME(6),
    UNIQUE KEY users_public_id_key (public_id),
    UNIQUE KEY users_email_key (email_key),
    UNIQUE KEY users_username_key (username_key)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
