//! Database URLs: the properties, for the tests and for the fuzz target.

use keepstone_persistence::DatabaseUrl;

/// What nobody may see.
const CANARY: &str = "canary-4711";

/// Whatever this is, it is refused, or read the same a second time.
pub fn is_stable(text: &str) {
    let Ok(url) = text.parse::<DatabaseUrl>() else { return };
    assert_eq!(format!("{url:?}"), format!("DatabaseUrl({url})"));
    match &url {
        DatabaseUrl::Postgres(server) | DatabaseUrl::Mysql(server) => {
            let canonical = server.as_str();
            assert!(canonical.starts_with("postgres://") || canonical.starts_with("mysql://"), "{text:?}");
            assert_eq!(canonical.parse(), Ok(url.clone()), "{text:?}");
        }
        DatabaseUrl::SqliteMemory => assert_eq!(url.to_string().parse(), Ok(url.clone()), "{text:?}"),
        DatabaseUrl::SqliteFile(path) => {
            let path = path.to_str().unwrap_or_default();
            assert!(!path.is_empty() && !path.contains('?'), "{text:?}");
            // Spaces around the whole text mean nothing.
            if path.trim_end() == path {
                assert_eq!(url.to_string().parse(), Ok(url.clone()), "{text:?}");
            }
        }
    }
}

/// A password with anything around it, escaped or not, is shown neither by what reads it nor by what refuses it.
pub fn hides_the_password(start: &str, before: &str, behind: &str, place: &str) {
    let text = format!("{start}:{before}{CANARY}{behind}@{place}");
    let shown = match text.parse::<DatabaseUrl>() {
        Ok(url) => format!("{url} {url:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!shown.contains(CANARY), "{text:?}: {shown}");
}
