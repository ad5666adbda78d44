//! Verifying retains no memory. This test has its own process, because other tests would distort the measurement.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::{Duration, SystemTime};

use keepstone_auth::token::{AccessGrant, Issuer, KeySet, Profile, Secret, SigningKey};

/// Returns the resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn verifying_many_tokens_takes_no_more_memory_than_verifying_a_few() {
    let secret = Secret::new("the 32 bytes or more that only the issuer knows").unwrap();
    let access = KeySet::new(SigningKey::hs256(&secret));
    let refresh = KeySet::new(SigningKey::hs256(&secret.for_refresh_tokens()));
    let profile = Profile::new("us", "us", Duration::from_mins(30));
    let issuer = Issuer::new(access, refresh, profile).unwrap();
    let (now, session_id) = (SystemTime::now(), uuid::Uuid::now_v7());
    let grant = AccessGrant { subject: "ada", role: "user", scope: "items:read", session_id, authenticated_at: now };
    let token = issuer.access(&grant, now).unwrap().token;
    let verify = |times: u32| {
        for _ in 0..times {
            issuer.verifier().verify_access(&token).unwrap();
            issuer.verifier().verify_access("no.token.atall").unwrap_err();
        }
        resident()
    };
    let few = verify(1_000);
    let many = verify(50_000);
    assert!(many <= few + 512, "{few} KiB became {many} KiB");
}
