use keepstone_auth::token::{KeySet, VerifyingKey};

fn set(key: VerifyingKey) -> KeySet {
    KeySet::new(key)
}

fn main() {
    let _ = set;
}
