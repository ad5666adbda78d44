use keepstone_auth::token::{SigningKey, VerifyingKey};

fn turn(key: VerifyingKey) -> SigningKey {
    key
}

fn main() {
    let _ = turn;
}
