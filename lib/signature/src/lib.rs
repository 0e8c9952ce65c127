//! What approvers sign, and whose signatures count.
//!
//! An approval carries a [`statement`]: the digest of the grant, who approves, when, and until when at the latest, followed by an
//! OpenSSH signature over these very bytes (SSHSIG, namespace [`NAMESPACE`]). A host checks it offline, against root's list of
//! signers (OpenSSH's `allowed_signers`, see ssh-keygen(1)). Functions of values: no file, no clock, no agent. Must never call
//! good what `ssh-keygen -Y verify` would not.

pub mod allowed;
mod armor;
mod blob;
mod key;
pub mod statement;
pub mod verify;

pub use allowed::AllowedSigners;
pub use statement::{Statement, attribute, split};
pub use verify::check;

/// What the signatures are made for, so that none made for something else counts here.
pub const NAMESPACE: &str = "jit-approval";
