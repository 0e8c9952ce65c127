//! Our rpms, put on hosts by rpm itself, with their scriptlets. Such a host is a Debian with rpm and without systemd, as where an image is
//! made: what our packages require of RHEL is provided by a package of no files that is made here ([`rpms::Rpms::host`]), so rpm checks every
//! requirement. authselect is a stand-in (`jit_tests::authselect`) and its profiles are miniatures; on a real RHEL nothing of this has run.

mod authselect;
mod contents;
mod erasing;
mod installing;
mod rpms;
mod site;
mod stacks;
