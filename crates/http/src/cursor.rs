//! Cursors: positions in a list, authenticated by a keyed digest. A client cannot create or change a cursor, or use it
//! for another list.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keepstone_auth::token::Secret;
use keepstone_domain::{Position, Timestamp};
use uuid::Uuid;

/// The length of a time and an id, in bytes.
const POSITION: usize = 24;
/// The length of the truncated keyed digest, in bytes: 128 bits.
const MAC: usize = 16;

/// The writer and reader of cursors. Nodes that serve the same clients share the secret.
#[derive(Clone)]
pub struct Cursors(Secret);

impl Cursors {
    /// Creates a writer and reader with a secret that must not be used for any other purpose.
    #[must_use]
    pub const fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// Returns the cursor of a position in a list. `list` identifies the list: its path and its filters.
    #[must_use]
    pub fn write(&self, list: &[&[u8]], position: Position) -> String {
        let mut bytes = [0; POSITION + MAC];
        bytes[..8].copy_from_slice(&position.created_at.as_micros().to_be_bytes());
        bytes[8..POSITION].copy_from_slice(position.id.as_bytes());
        let mac = self.0.mac(&parts(list, &bytes[..POSITION]));
        bytes[POSITION..].copy_from_slice(&mac[..MAC]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns the position, or `None` if this is not a cursor of the list.
    #[must_use]
    pub fn read(&self, list: &[&[u8]], cursor: &str) -> Option<Position> {
        let bytes: [u8; POSITION + MAC] = URL_SAFE_NO_PAD.decode(cursor).ok()?.try_into().ok()?;
        let (position, mac) = bytes.split_at(POSITION);
        let (time, id) = position.split_first_chunk::<8>()?;
        if !self.0.is_mac(&parts(list, position), mac) {
            return None;
        }
        Some(Position {
            created_at: Timestamp::from_micros(i64::from_be_bytes(*time))?,
            id: Uuid::from_slice(id).ok()?,
        })
    }
}

fn parts<'a>(list: &[&'a [u8]], position: &'a [u8]) -> Vec<&'a [u8]> {
    [position].into_iter().chain(list.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: &[&[u8]] = &[b"/api/v1/items/search", b"q", b"ada"];

    fn cursors() -> Cursors {
        Cursors::new(Secret::new("k".repeat(32)).unwrap())
    }

    proptest! {
        #[test]
        fn a_written_cursor_can_be_read_only_for_its_list(micros in -62_135_596_800_000_000_i64..253_402_300_799_999_999, id: u128) {
            let created_at = Timestamp::from_micros(micros).unwrap();
            let position = Position { created_at, id: Uuid::from_u128(id) };
            let cursor = cursors().write(LIST, position);
            prop_assert_eq!(cursors().read(LIST, &cursor), Some(position));
            prop_assert_eq!(cursors().read(&[b"/api/v1/items/search", b"q", b"bob"], &cursor), None);
            prop_assert_eq!(cursors().read(&LIST[..1], &cursor), None);
        }

        #[test]
        fn a_changed_cursor_is_rejected(bit in 0..(POSITION + MAC) * 8) {
            let position = Position { created_at: Timestamp::UNIX_EPOCH, id: Uuid::max() };
            let mut bytes = URL_SAFE_NO_PAD.decode(cursors().write(LIST, position)).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(cursors().read(LIST, &URL_SAFE_NO_PAD.encode(bytes)), None);
        }

        #[test]
        fn arbitrary_text_is_rejected(text: String) {
            prop_assert_eq!(cursors().read(LIST, &text), None);
        }
    }
}
