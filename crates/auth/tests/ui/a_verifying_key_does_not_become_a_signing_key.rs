use keepstone_auth::token::{SigningKey, VerifyingKey};

fn turn(key: VerifyingKey) -> SigningKey {
    SigningKey::from(key)
}

fn main() {
    let _ = turn;
}
