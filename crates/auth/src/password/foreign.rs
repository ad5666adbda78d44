//! Hashes of other systems that nothing here verifies, by their names: whoever imports users should hear more than
//! "unknown".

/// How such hashes begin, and what they are called.
const SCHEMES: [(&str, &str); 24] = [
    ("$bcrypt-sha256$", "passlib's bcrypt_sha256"),
    ("bcrypt_sha256$", "Django's bcrypt_sha256"),
    ("bcrypt$", "Django's bcrypt, which has a bcrypt hash behind its first \"$\""),
    ("argon2$", "Django's argon2, which has an argon2 hash behind \"argon2\""),
    ("pbkdf2_", "Django's PBKDF2"),
    ("pbkdf2:", "Werkzeug's PBKDF2"),
    ("$pbkdf2", "passlib's PBKDF2"),
    ("scrypt$", "Django's scrypt"),
    ("scrypt:", "Werkzeug's scrypt"),
    ("$scrypt$", "passlib's scrypt"),
    ("$argon2d$", "argon2d"),
    ("$2x$", "a faulty bcrypt of 2011"),
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

/// What a hash is called that [`PasswordHash::parse`](super::PasswordHash::parse) refuses, if its beginning tells.
#[must_use]
pub fn foreign_scheme(hash: &str) -> Option<&'static str> {
    SCHEMES.iter().find(|(prefix, _name)| hash.starts_with(prefix)).map(|(_prefix, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::PasswordHash;

    #[test]
    fn what_is_named_is_not_verified_and_what_is_verified_is_not_named() {
        for (prefix, name) in SCHEMES {
            let hash = format!("{prefix}v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2");
            assert!(PasswordHash::parse(&hash).is_err(), "{prefix}");
            assert_eq!(foreign_scheme(&hash), Some(name), "an earlier line must not hide this one");
        }
        for ours in ["$2a$12$", "$2b$12$", "$2y$12$", "$argon2id$v=19$", "$argon2i$v=19$", "", "secret"] {
            assert_eq!(foreign_scheme(ours), None, "{ours}");
        }
    }
}
