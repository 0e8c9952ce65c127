//! Root's list of signers: OpenSSH's `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS).

/// Whose keys count, for what, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners {}
