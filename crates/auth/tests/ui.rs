//! What must not compile. The rule: each file differs in one line from code that does. The messages are the pinned
//! compiler's: `TRYBUILD=overwrite cargo test -p keepstone-auth --test ui` writes them anew.

#[test]
fn what_would_be_unsafe_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
