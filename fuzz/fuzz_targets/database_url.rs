//! Fuzzes `DATABASE_URL` with the whole text. Also uses its first three lines: before and behind a canary in a
//! password, and as the location of the database.
#![no_main]

#[path = "../../crates/persistence/tests/properties/database_url.rs"]
mod database_url;

libfuzzer_sys::fuzz_target!(|text: &str| {
    database_url::is_stable(text);
    let mut lines = text.splitn(3, '\n');
    if let (Some(before), Some(behind), Some(place)) = (lines.next(), lines.next(), lines.next()) {
        for start in ["postgres://user", "mysql+aiomysql://user", "oracle://user"] {
            database_url::hides_the_password(start, before, behind, place);
        }
    }
});
