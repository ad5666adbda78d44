//! The check for weak signing secrets. It returns the reason, never the secret.

use std::collections::BTreeSet;

/// The minimum length: HS256 requires a key as long as its hash (RFC 7518, section 3.2).
pub(super) const LEAST_BYTES: usize = 32;

/// Placeholders of examples and tutorials, in lower case and without punctuation. They are too long to occur in a
/// random secret by chance.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "changethis",
    "changeit",
    "pleasechange",
    "changeinproduction",
    "replaceme",
    "replacethis",
    "replacewith",
    "supersecret",
    "secretkey",
    "yoursecret",
    "yoursuper",
    "yourkey",
    "yourpassword",
    "yourjwt",
    "your256bit",
    "yourapp",
    "mysecret",
    "mysuper",
    "thisisasecret",
    "thesecret",
    "topsecret",
    "verysecret",
    "jwtsecret",
    "devsecret",
    "testsecret",
    "samplesecret",
    "defaultsecret",
    "examplesecret",
    "exampleonly",
    "asecret",
    "asecretkey",
    "stringsecret",
    "insecure",
    "notsecret",
    "notsosecret",
    "donotuse",
    "placeholder",
    "developmentonly",
    "devonly",
    "opensslrand",
    "generateasecret",
    "generatewith",
    "setthis",
    "insertsecret",
    "putyour",
    "enteryour",
    "somesecret",
    "randomsecret",
    "password1",
    "mypassword",
    "letmein123",
    "0123456789",
    "1234567890",
    "abcdefghij",
    "qwertyuiop",
    "correcthorsebattery",
    "loremipsum",
    "keyboardcat",
    // From the tutorial of FastAPI.
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
];
/// Words that are placeholders only if they are the whole secret, or repeat.
const WORDS: &[&str] = &[
    "secret",
    "password",
    "key",
    "test",
    "dev",
    "development",
    "production",
    "example",
    "keepstone",
    "jwt",
    "admin",
    "default",
    "todo",
    "none",
    "null",
    "undefined",
    "x",
];

/// Returns why this secret must not be used in production.
pub(super) fn weakness(secret: &str) -> Option<String> {
    if is_placeholder(secret) {
        return Some("is a well-known placeholder".to_owned());
    }
    let bytes = secret.as_bytes();
    if bytes.len() < LEAST_BYTES {
        return Some(format!("has {} bytes; at least {LEAST_BYTES} are required", bytes.len()));
    }
    if is_repeated(bytes) {
        return Some("repeats itself".to_owned());
    }
    has_little_variety(secret).then(|| "has too few different characters to be random".to_owned())
}

fn is_placeholder(secret: &str) -> bool {
    let plain: String = secret.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let template = |open, close| secret.trim().starts_with(open) && secret.trim().ends_with(close);
    let word = |word: &&str| !plain.is_empty() && plain.replace(*word, "").bytes().all(|byte| byte.is_ascii_digit());
    PLACEHOLDERS.iter().any(|placeholder| plain.contains(placeholder))
        || (WORDS.iter().any(word) && !plain.bytes().all(|byte| byte.is_ascii_digit()))
        || template("<", ">")
        || template("${", "}")
        || template("$(", ")")
        || template("{{", "}}")
}

/// Returns whether it is the repetition of a shorter text.
fn is_repeated(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|period| bytes.iter().zip(bytes.iter().skip(period)).all(|(a, b)| a == b))
}

/// Returns whether it has too few different characters. Hexadecimal digits have only 16, and a random secret rarely
/// has all of them, so the bytes that they encode are counted instead.
fn has_little_variety(secret: &str) -> bool {
    let digits: Option<Vec<u32>> = secret.chars().map(|c| c.to_digit(16)).collect();
    match digits {
        Some(digits) => {
            let pairs: BTreeSet<&[u32]> = digits.chunks(2).collect();
            // Of 16 random bytes (32 digits), fewer than 12 differ in only one of 100,000 cases.
            pairs.len() < 12
        }
        None => secret.bytes().collect::<BTreeSet<u8>>().len() < 16,
    }
}

/// Returns whether images, tutorials or templates use this password for a database or an account.
pub(super) fn is_well_known_password(user: &str, password: &str) -> bool {
    const KNOWN: &[&str] = &[
        "password",
        "passwd",
        "pass",
        "postgres",
        "postgresql",
        "mysql",
        "mariadb",
        "root",
        "admin",
        "user",
        "secret",
        "test",
        "example",
        "changeme",
        "changethis",
        "changeit",
        "1234",
        "12345",
        "123456",
        "12345678",
        "123456789",
        "1234567890",
        "qwerty",
        "toor",
        "password123",
        "mysecretpassword",
        "my-secret-pw",
        "supersecret",
        "db_password",
        "dbpassword",
        "app",
        "fastapi",
        "keepstone",
    ];
    let password = password.to_ascii_lowercase();
    password.is_empty()
        || password == user.to_ascii_lowercase()
        || KNOWN.contains(&password.as_str())
        || is_placeholder(&password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_random_generators_print_is_strong() {
        for secret in [
            "b7f1c0a94d3e58216fa0cbd97e4318255cda0f6e91b83724", // openssl rand -hex 24
            "5f2b8c1d9e7a40363b1f0c8d2e6a94757d3c1b0a8f9e2645c4d7b6a1908f3e52", // -hex 32
            "9c1185a5c5e9fc54612808977ee8f548",                 // -hex 16: 32 bytes, 128 bits
            "kT3vX9qLw2RzB7nYc5HdJ8mFs1PgUeA0iQo6VtKxMh4=",     // -base64 32
            "Zm9vYmFyLWJhei1xdXV4LTEyMy1hYmMtNDU2LWRlZi03ODk",
            "the otter sings of seventeen green umbrellas",
        ] {
            assert_eq!(weakness(secret), None, "{secret}");
        }
    }
}
