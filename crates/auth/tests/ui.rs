//! Code that must not compile. Each file differs in one line from code that compiles. The messages are those of the
//! pinned compiler: `TRYBUILD=overwrite cargo test -p keepstone-auth --test ui` updates them.

#[test]
fn unsafe_uses_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
