use keepstone_auth::password::PasswordHash;
use keepstone_auth::token::{RefreshClaims, Secret, SigningKey, VerifyingKey};

fn writes<T: serde::Serialize>() {}

fn main() {
    writes::<Secret>();
    writes::<SigningKey>();
    writes::<VerifyingKey>();
    writes::<RefreshClaims>();
    writes::<PasswordHash>();
}
