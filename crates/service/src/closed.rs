//! Password hashes that are not (yet) accepted for login. The stored value is not a valid hash, and login treats it
//! like the password of an unknown account.

use secrecy::{ExposeSecret, SecretString};

/// The prefix of a hash that becomes valid once the address is confirmed.
const UNTIL_CONFIRMED: &str = "until-confirmed:";
/// The placeholder for a password that is never accepted again.
const FOR_EVER: &str = "closed";

/// Returns a stored value that is not accepted for login until [`opened`].
pub fn until_confirmed(hash: &SecretString) -> SecretString {
    format!("{UNTIL_CONFIRMED}{}", hash.expose_secret()).into()
}

/// Returns the stored value that replaces a password which another person may know.
pub fn for_ever() -> SecretString {
    FOR_EVER.into()
}

/// Returns whether a stored value is not accepted for login.
pub fn is_closed(kept: &SecretString) -> bool {
    kept.expose_secret() == FOR_EVER || opened(kept).is_some()
}

/// Returns the hash that is valid from now on, if the stored value was waiting for confirmation.
pub fn opened(kept: &SecretString) -> Option<SecretString> {
    kept.expose_secret().strip_prefix(UNTIL_CONFIRMED).map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use keepstone_auth::password::PasswordHash;

    use super::*;

    #[test]
    fn a_closed_password_is_not_a_hash_and_is_opened_only_if_it_was_waiting() {
        let hash = SecretString::from("$2b$12$WApznUPhDubN0oeveSXHp.Rk0rMEVVRM9xr9p.mZFnIcTTTJC6VvC");
        assert!(!is_closed(&hash) && opened(&hash).is_none());
        let waiting = until_confirmed(&hash);
        for closed in [&waiting, &for_ever()] {
            assert!(is_closed(closed) && PasswordHash::parse(closed.expose_secret()).is_err());
        }
        assert_eq!(opened(&waiting).unwrap().expose_secret(), hash.expose_secret());
        assert!(opened(&for_ever()).is_none());
    }
}
