//! What modules and daemon say to each other: the frames, the blocking client, the enforcing file, the group map, a line to syslog.
//!
//! This crate is linked into modules that run as guests inside sshd, sudo and login. It is `no_std`, never allocates,
//! never panics, never prints, never reads the environment, keeps no state, and needs no crate but libc. Everything that
//! comes from outside is decoded strictly: what is not understood is an error, and no error means "allow".
#![no_std]

#[cfg(test)]
extern crate std;

pub mod answer;
pub mod clean;
pub mod client;
pub mod enforcing;
pub mod frame;
pub mod local;
pub mod log;
pub mod map;
pub mod question;
pub mod sys;
pub mod time;

pub use answer::{Answer, Verdict};
pub use clean::Cleaned;
pub use frame::{Frame, FrameError};
pub use question::{Phase, Question};

/// Where the daemon answers modules unless a module's `socket=` option says otherwise.
pub const SOCKET: &str = "/run/jitd/pam.sock";

/// The file whose existence means "enforcing".
pub const ENFORCING: &str = "/etc/jitd/enforcing";
