//! Sessions on a host with systemd and logind.

use jit_tests::sessions::Kind;

jit_tests::session_cases!(Kind::Booted);

#[test]
fn what_lingers_ends_with_the_last_grant() -> jit_tests::trouble::Result<()> {
    jit_tests::sessions::ordinary::what_lingers_ends_with_the_last_grant()
}
