//! `~/.config/jit/config.toml`, else `/etc/jit/client.toml`: where the directory is, as whom to bind, with which key to sign.

use std::path::PathBuf;

use jit_directory::decode::Reading;
use jit_directory::ldap::LdapConfig;

use crate::cli::Cli;
use crate::report::Failure;

/// For everybody on this machine.
pub const SYSTEM: &str = "/etc/jit/client.toml";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// Which file it is.
    pub path: PathBuf,
    /// How the directory is reached, and as whom.
    pub directory: LdapConfig,
    /// How its entries are to be read.
    pub reading: Reading,
    /// What approvals are signed with, where they must be: a public key whose private half the agent has, or the file of the key. None:
    /// the first key of the agent that a list of signers would take.
    pub key: Option<PathBuf>,
    /// A list of signers to check other people's signatures by; without one they are shown as they claim to be, and hosts check them.
    pub allowed_signers: Option<PathBuf>,
}

/// Finds and reads the file.
///
/// # Errors
/// When there is none, with what to write; or with every fault and its line.
pub fn load(_cli: &Cli) -> Result<ClientConfig, Failure> {
    Err(Failure::usage("no directory is configured"))
}
