use keepstone_auth::token::{Verifier, VerifyingKeys};

fn verifier(keys: VerifyingKeys) {
    let _ = Verifier::new(keys, "https://id.example.com");
}

fn main() {
    let _ = verifier;
}
