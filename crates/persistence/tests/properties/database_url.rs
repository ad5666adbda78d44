//! The properties of database URLs, shared by the tests and the fuzz target.

use keepstone_persistence::DatabaseUrl;

/// The secret that must never be shown.
const CANARY: &str = "canary-4711";

/// Checks that a text is rejected, or equals itself when it is printed and parsed again.
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
            // White space around the whole text is ignored.
            if path.trim_end() == path {
                assert_eq!(url.to_string().parse(), Ok(url.clone()), "{text:?}");
            }
        }
    }
}

/// Checks that a password, escaped or not, is shown neither by the parsed URL nor by the error.
pub fn hides_the_password(start: &str, before: &str, behind: &str, place: &str) {
    let text = format!("{start}:{before}{CANARY}{behind}@{place}");
    let shown = match text.parse::<DatabaseUrl>() {
        Ok(url) => format!("{url} {url:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!shown.contains(CANARY), "{text:?}: {shown}");
}
