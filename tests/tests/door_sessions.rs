//! Sessions on a host without systemd and logind: known by the kernel's marks and the tree.

use jit_tests::sessions::Kind;

jit_tests::session_cases!(Kind::Plain);
