use keepstone_auth::token::{AccessToken, RefreshClaims, Secret, SigningKey};

fn shows<T: std::fmt::Display>() {}

fn main() {
    shows::<Secret>();
    shows::<SigningKey>();
    shows::<AccessToken>();
    shows::<RefreshClaims>();
}
