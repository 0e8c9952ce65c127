//! The group map: one file from which libnss_jit.so.2 answers, without asking anybody. docs/groups-map.md has the drawing.
//!
//! The daemon writes it whole and never changes it again, but for one word that says "superseded". It is complete: what it does not name
//! does not exist. Each membership bears the time at which it ends, so that it is right when the daemon is dead. [`layout`] is what stands
//! where, for who writes and who reads; [`read`] answers from it.
//!
//! A reader must never take anything from a file that is not wholly what this says: cut short, damaged, of another version, or none of
//! ours. That is an error, and never an answer that somebody is in a group, or that he is not.

#![forbid(unsafe_code)]

mod checksum;
pub mod layout;
pub mod read;
mod rows;

use core::ffi::CStr;

/// Where the map is. Its directory is the daemon's, below one of root's.
pub const PATH: &CStr = c"/run/jitd/pub/groups.map";

/// Where the next one is for the moment in which the one at [`PATH`] is superseded already. It is whole before that one's word is set, and
/// takes its place after that; so whoever finds the word set finds the next one here, or there.
pub const NEXT: &CStr = c"/run/jitd/pub/groups.map.next";

/// The two once more, step by step, for who looks at each directory on the way.
pub mod steps {
    use core::ffi::CStr;

    /// The directory of root's.
    pub const ROOTS: &CStr = c"/run/jitd";
    /// That of the daemon's, there.
    pub const DAEMONS: &CStr = c"pub";
    /// The map, there.
    pub const MAP: &CStr = c"groups.map";
    /// The next one, there.
    pub const NEXT: &CStr = c"groups.map.next";
}

/// No map is larger, in bytes.
pub const MAX: usize = 64 << 20;
