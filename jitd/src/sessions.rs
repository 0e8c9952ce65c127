//! Sessions: opened under a grant, remembered across a restart, warned before the end, ended with all that belongs to them.
//!
//! The way of the data: pam.sock registers openings and closings in the [`registry`] (on disk before the module has its answer); the
//! [`warden`], on a thread of its own, asks the model what becomes of each session whenever the view, the mode or the time says
//! so; what is over goes to [`ending`], which freezes, ends and verifies; who belongs to a session says [`claim`], a pure function
//! of the [`process`] table.
//!
//! Must never signal a process that is not provably the session's or the person's: not another person's, not another
//! session's, not a daemon's. Must never end a session because the daemon does not know: see jit_model::session.

pub mod claim;
pub mod ending;
mod logind;
pub mod peer;
pub mod process;
pub mod record;
pub mod registry;
pub mod signals;
pub mod state;
pub mod terminal;
#[cfg(test)]
pub(crate) mod testing;
pub mod timer;
pub mod warden;
pub mod words;
