//! Names the hash formats of other systems by their prefixes, for the messages of a user import.

/// A hash format of another system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignScheme {
    /// The name of the format, such as "Django's PBKDF2".
    pub name: &'static str,
    /// Whether this build verifies such hashes.
    pub is_verified: bool,
}

/// Formats that the feature `legacy-hashes` verifies.
const LEGACY: [(&str, &str); 11] = [
    ("$bcrypt-sha256$", "passlib's bcrypt_sha256"),
    ("bcrypt_sha256$", "Django's bcrypt_sha256"),
    ("bcrypt$", "Django's bcrypt"),
    ("argon2$", "Django's Argon2"),
    ("pbkdf2_", "Django's PBKDF2"),
    ("pbkdf2:", "Werkzeug's PBKDF2"),
    ("$pbkdf2$", "passlib's PBKDF2"),
    ("$pbkdf2-sha256$", "passlib's PBKDF2"),
    ("$pbkdf2-sha512$", "passlib's PBKDF2"),
    ("scrypt$", "Django's scrypt"),
    ("scrypt:", "Werkzeug's scrypt"),
];

/// Formats that are never verified.
const UNSUPPORTED: [(&str, &str); 15] = [
    ("$scrypt$", "passlib's scrypt"),
    ("$argon2d$", "Argon2d"),
    ("$2x$", "the faulty bcrypt of 2011"),
    ("$2$", "the first bcrypt"),
    ("$1$", "md5_crypt"),
    ("$apr1$", "Apache's MD5"),
    ("$5$", "sha256_crypt"),
    ("$6$", "sha512_crypt"),
    ("$7$", "scrypt"),
    ("$y$", "yescrypt"),
    ("$gy$", "gost-yescrypt"),
    ("$sha1$", "sha1_crypt"),
    ("$P$", "phpass"),
    ("$H$", "phpass"),
    ("{", "LDAP"),
];

/// Names the format of a hash that [`PasswordHash::parse`](super::PasswordHash::parse) rejects, if the prefix is known.
///
/// A rejected hash whose format is verified by this build is damaged.
#[must_use]
pub fn foreign_scheme(hash: &str) -> Option<ForeignScheme> {
    let named = |schemes: &[(&str, &'static str)]| {
        schemes.iter().find(|(prefix, _name)| hash.starts_with(prefix)).map(|(_prefix, name)| *name)
    };
    let legacy = named(&LEGACY).map(|name| ForeignScheme { name, is_verified: cfg!(feature = "legacy-hashes") });
    legacy.or_else(|| named(&UNSUPPORTED).map(|name| ForeignScheme { name, is_verified: false }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::PasswordHash;

    #[test]
    fn only_known_prefixes_are_named() {
        for (prefix, name) in LEGACY.into_iter().chain(UNSUPPORTED) {
            let hash = format!("{prefix}damaged");
            assert!(PasswordHash::parse(&hash).is_err(), "{prefix}");
            assert_eq!(foreign_scheme(&hash).unwrap().name, name, "an earlier prefix must not hide this prefix");
        }
        for hash in ["$2a$12$", "$2b$12$", "$2y$12$", "$argon2id$v=19$", "$argon2i$v=19$", "", "secret"] {
            assert_eq!(foreign_scheme(hash), None, "{hash}");
        }
    }
}
