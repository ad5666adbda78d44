//! Conversion of errors of the databases and the pool to [`StorageError`].

use deadpool::managed::{PoolError, TimeoutType};
use diesel::result::{
    DatabaseErrorInformation, DatabaseErrorKind as Kind,
    Error::{self, DatabaseError},
};
use diesel_async::pooled_connection::PoolError as ConnectError;
use keepstone_repository::{StorageError, UniqueKey};

/// Classifies an error by its code only. The message may be in any language and may quote what a client sent.
pub fn classify(error: Error) -> StorageError {
    match error {
        DatabaseError(Kind::UniqueViolation, info) => StorageError::Duplicate { key: unique_key(&*info) },
        DatabaseError(Kind::SerializationFailure, info) => StorageError::Contention(info.message().to_owned()),
        DatabaseError(Kind::NotNullViolation | Kind::ForeignKeyViolation | Kind::CheckViolation, info) => {
            StorageError::Corrupt(info.message().to_owned())
        }
        DatabaseError(_, info) => StorageError::Unavailable(info.message().to_owned()),
        Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. } => {
            StorageError::Unavailable(error.to_string())
        }
        other => StorageError::Corrupt(other.to_string()),
    }
}

/// Returns the violated key. PostgreSQL reports it in a separate field.
fn unique_key(info: &(dyn DatabaseErrorInformation + Send + Sync)) -> UniqueKey {
    match info.constraint_name().unwrap_or_else(|| named_key(info.message())) {
        "users_email_key" | "users.users_email_key" | "users.email_key" => UniqueKey::Email,
        "users_username_key" | "users.users_username_key" | "users.username_key" => UniqueKey::Username,
        _ => UniqueKey::Other,
    }
}

/// Extracts the key from a message: the last name in quotes, if there is one. MariaDB and MySQL quote the value, which
/// may be any text, and then the index, in this order in every language. SQLite ends with `: table.column`, unquoted.
fn named_key(message: &str) -> &str {
    match message.rsplit('\'').nth(1) {
        Some(name) => name,
        None => message.rsplit(": ").next().unwrap_or_default(),
    }
}

pub fn classify_pool(error: PoolError<ConnectError>) -> StorageError {
    StorageError::Unavailable(match error {
        PoolError::Timeout(TimeoutType::Wait) => "all connections are in use".to_owned(),
        PoolError::Backend(ConnectError::ConnectionError(error)) => error.to_string(),
        PoolError::Backend(ConnectError::QueryError(error)) => error.to_string(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(message: &str) -> UniqueKey {
        let StorageError::Duplicate { key } =
            classify(DatabaseError(Kind::UniqueViolation, Box::new(message.to_owned())))
        else {
            panic!("expected a duplicate")
        };
        key
    }

    #[test]
    fn the_key_is_found_in_every_language_and_for_any_value() {
        let names = [
            ("users_email_key", UniqueKey::Email),
            ("users_username_key", UniqueKey::Username),
            ("users.users_email_key", UniqueKey::Email),
            ("users.users_username_key", UniqueKey::Username),
            ("users_public_id_key", UniqueKey::Other),
            ("jobs.routine_key", UniqueKey::Other),
        ];
        let values = [
            "x",
            "",
            "x.email_key",
            "x.username_key",
            "x' for key 'users_email_key",
            "x' for key 'users.users_username_key",
            "users.email_key",
            "'",
            ": users.email_key",
        ];
        for (name, expected) in names {
            for value in values {
                for message in [
                    format!("Duplicate entry '{value}' for key '{name}'"),
                    format!("Doppelter Eintrag '{value}' für Schlüssel '{name}'"),
                    format!("Duplicata du champ '{value}' pour la clef '{name}'"),
                    format!("Duplikalt bejegyzes '{value}' a '{name}' kulcs szerint"),
                    format!("Zvojený klíč '{value}' (číslo klíče '{name}')"),
                    format!("'{value}' は索引 '{name}' で重複しています。"),
                    format!("重复条目'{value}'键'{name}'"),
                ] {
                    assert_eq!(key(&message), expected, "{message}");
                }
            }
        }
    }

    #[test]
    fn the_key_is_found_by_the_columns_that_sqlite_names() {
        for (message, expected) in [
            ("UNIQUE constraint failed: users.email_key", UniqueKey::Email),
            ("UNIQUE constraint failed: users.username_key", UniqueKey::Username),
            ("UNIQUE constraint failed: users.public_id", UniqueKey::Other),
            ("UNIQUE constraint failed: refresh_tokens.session_id, refresh_tokens.generation", UniqueKey::Other),
            ("", UniqueKey::Other),
        ] {
            assert_eq!(key(message), expected, "{message}");
        }
    }
}
