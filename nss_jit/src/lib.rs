//! `libnss_jit.so.2`: the groups, and if the host says so the people, of live grants, for glibc's name service switch (nss(5)).
//!
//! It answers from the group map alone ([`jit_proto::map`]): nobody is asked, and where there is no map the answer is "unavailable". A
//! guest in every process of the host that looks up a name: it never allocates (but for glibc's list in initgroups(3), by realloc(3), as
//! glibc wants it), waits for a lock, prints, keeps a descriptor or a state that a fork breaks, and never panics. The last is proved at each
//! build for installation: there the panic handler calls a function that does not exist, so a panic that could be reached does not link.
//!
//! - [`host`]: the entry points, and all that is unsafe
//! - [`current`]: the map that counts now
//! - [`slots`]: which mapping is the current one
//! - [`answer`]: from the map to what goes where
//! - [`room`]: glibc's buffer, piece by piece
#![cfg_attr(panic = "abort", no_std)]

mod answer;
mod current;
mod host;
mod room;
mod slots;
