//! Sessions on a host without systemd and logind: known by the kernel's marks and the tree.

use jit_tests::sessions::Kind;

jit_tests::session_cases!(Kind::Plain);

#[test]
fn without_marks_the_tree_is_known() -> jit_tests::trouble::Result<()> {
    jit_tests::sessions::ends::without_marks_the_tree_is_known()
}
