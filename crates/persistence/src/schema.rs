//! The tables, common to all three databases. Column types that differ are in [`types`](crate::types).

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::types::{PublicId, UtcDateTime};

    users (id) {
        id -> BigInt,
        public_id -> PublicId,
        email -> Text,
        email_key -> Nullable<Text>,
        pending_email -> Nullable<Text>,
        username -> Nullable<Text>,
        username_key -> Nullable<Text>,
        name -> Nullable<Text>,
        role -> Text,
        is_active -> Bool,
        email_verified -> Bool,
        password_hash -> Text,
        created_at -> UtcDateTime,
        updated_at -> UtcDateTime,
        deleted_at -> Nullable<UtcDateTime>,
        version -> BigInt,
        search_key -> Text,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::{PublicId, UtcDateTime};

    items (id) {
        id -> BigInt,
        public_id -> PublicId,
        owner_id -> BigInt,
        title -> Text,
        title_key -> Text,
        description -> Nullable<Text>,
        description_key -> Nullable<Text>,
        version -> BigInt,
        created_at -> UtcDateTime,
        updated_at -> UtcDateTime,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::{PublicId, UtcDateTime};

    sessions (id) {
        id -> BigInt,
        public_id -> PublicId,
        user_id -> BigInt,
        created_at -> UtcDateTime,
        last_used_at -> UtcDateTime,
        expires_at -> UtcDateTime,
        ended_at -> Nullable<UtcDateTime>,
        end_reason -> Nullable<Text>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Integer, Nullable};
    use crate::types::UtcDateTime;

    refresh_tokens (id) {
        id -> BigInt,
        session_id -> BigInt,
        digest -> Binary,
        generation -> Integer,
        issued_at -> UtcDateTime,
        consumed_at -> Nullable<UtcDateTime>,
        retry_key -> Nullable<Binary>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::{PublicId, UtcDateTime};

    audit_events (id) {
        id -> BigInt,
        public_id -> PublicId,
        at -> UtcDateTime,
        kind -> Text,
        actor_id -> Nullable<PublicId>,
        user_id -> Nullable<PublicId>,
        session_id -> Nullable<PublicId>,
        ip -> Nullable<Text>,
        request_id -> Nullable<Text>,
        detail -> Text,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::types::{PublicId, UtcDateTime};

    idempotent_requests (id) {
        id -> BigInt,
        request -> Binary,
        body -> Binary,
        attempt_id -> PublicId,
        begun_at -> UtcDateTime,
        answer -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::types::{PublicId, UtcDateTime};

    jobs (id) {
        id -> BigInt,
        public_id -> PublicId,
        kind -> Text,
        routine -> Nullable<Text>,
        payload -> Nullable<Text>,
        state -> Text,
        attempts -> Integer,
        created_at -> UtcDateTime,
        due_at -> Nullable<UtcDateTime>,
        finished_at -> Nullable<UtcDateTime>,
        last_error -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Text};
    use crate::types::{PublicId, UtcDateTime};

    mail_tokens (id) {
        id -> BigInt,
        public_id -> PublicId,
        user_id -> BigInt,
        purpose -> Text,
        email -> Text,
        digest -> Binary,
        expires_at -> UtcDateTime,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Text};
    use crate::types::{PublicId, UtcDateTime};

    email_changes (id) {
        id -> BigInt,
        public_id -> PublicId,
        user_id -> PublicId,
        old_email -> Text,
        old_email_key -> Text,
        digest -> Binary,
        expires_at -> UtcDateTime,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Text};

    row_counts (counted, part) {
        counted -> Text,
        part -> Integer,
        count -> BigInt,
    }
}

joinable!(items -> users (owner_id));
joinable!(sessions -> users (user_id));
joinable!(refresh_tokens -> sessions (session_id));
joinable!(mail_tokens -> users (user_id));
allow_tables_to_appear_in_same_query!(users, items, sessions, refresh_tokens, mail_tokens);

table! {
    /// diesel's list of applied migrations.
    #[sql_name = "__diesel_schema_migrations"]
    schema_migrations (version) {
        version -> Text,
    }
}
