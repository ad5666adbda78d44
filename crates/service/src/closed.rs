//! Passwords that nobody gets in with for now. What is kept of one is the hash of no password, and is verified as that
//! of nobody.

use secrecy::{ExposeSecret, SecretString};

/// Stands before a hash that counts once the address is confirmed.
const UNTIL_CONFIRMED: &str = "until-confirmed:";
/// Stands for a password that never counts again.
const FOR_EVER: &str = "closed";

/// Keeps a password from counting until [`opened`].
pub fn until_confirmed(hash: &SecretString) -> SecretString {
    format!("{UNTIL_CONFIRMED}{}", hash.expose_secret()).into()
}

/// In the place of a password that somebody else may know.
pub fn for_ever() -> SecretString {
    FOR_EVER.into()
}

/// Whether nobody gets in with it.
pub fn is_closed(kept: &SecretString) -> bool {
    kept.expose_secret() == FOR_EVER || opened(kept).is_some()
}

/// The hash that counts from now on, if it has waited.
pub fn opened(kept: &SecretString) -> Option<SecretString> {
    kept.expose_secret().strip_prefix(UNTIL_CONFIRMED).map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use keepstone_auth::password::PasswordHash;

    use super::*;

    #[test]
    fn what_is_closed_is_no_hash_and_is_opened_only_if_it_waited() {
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
