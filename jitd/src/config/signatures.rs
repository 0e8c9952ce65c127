//! Whose signatures count: `[signatures]`.

use std::path::PathBuf;

use jit_settings::Section;

use super::values;

/// Where the list of signers lies unless told otherwise.
const ALLOWED_SIGNERS: &str = "/etc/jitd/allowed_signers";

/// See [`signatures`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// The list of signers (ssh-keygen(1), ALLOWED SIGNERS).
    pub allowed_signers: PathBuf,
}

/// `[signatures]`; the usual place without it.
pub(super) fn signatures(root: &Section<'_, '_>) -> Signatures {
    let mut signatures = Signatures { allowed_signers: ALLOWED_SIGNERS.into() };
    let Some(section) = root.table("signatures") else { return signatures };
    if let Some(path) = section.parsed("allowed_signers", values::path) {
        signatures.allowed_signers = path.value;
    }
    section.finish();
    signatures
}
