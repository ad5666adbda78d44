use keepstone_auth::token::{AccessGrant, Verifier};

fn sign(verifier: &Verifier, grant: &AccessGrant<'_>) {
    let _ = verifier.access(grant, std::time::SystemTime::now());
}

fn main() {
    let _ = sign;
}
