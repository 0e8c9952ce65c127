//! SSH keys from a directory: `[keys]`.

use std::collections::BTreeSet;

use jit_model::name::Login;
use jit_settings::Section;

/// See [`keys`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// As whom sshd runs `jitctl authorized-keys` (AuthorizedKeysCommandUser); root and jit-admin may ask anyhow.
    pub user: Option<Login>,
    /// Options of authorized_keys, by name, in lower case, that a directory may set; a key with another one is not handed out.
    pub options: BTreeSet<String>,
}

/// `[keys]`; a directory may set no option without it.
pub(super) fn keys(root: &Section<'_, '_>) -> Keys {
    let Some(section) = root.table("keys") else { return Keys::default() };
    let user = section.parsed("user", Login::new).map(|user| user.value);
    let options = section.list("options", option).unwrap_or_default().into_iter().collect();
    section.finish();
    Keys { user, options }
}

/// What sshd(8) knows ("AUTHORIZED_KEYS FILE FORMAT"), but for the three that are refused below.
const KNOWN: [&str; 19] = [
    "agent-forwarding",
    "command",
    "environment",
    "from",
    "no-agent-forwarding",
    "no-port-forwarding",
    "no-pty",
    "no-touch-required",
    "no-user-rc",
    "no-x11-forwarding",
    "permitlisten",
    "permitopen",
    "port-forwarding",
    "pty",
    "restrict",
    "tunnel",
    "user-rc",
    "verify-required",
    "x11-forwarding",
];

fn option(text: &str) -> Result<String, String> {
    let name = text.to_ascii_lowercase();
    match name.as_str() {
        "expiry-time" => Err(
            "jitctl sets `expiry-time` itself, to the end of the grant or what a key says before it: take it out".to_owned(),
        ),
        "cert-authority" => Err(
            "with `cert-authority` a person's key would let in whomever it signs for: take it out, and name the authority in sshd's TrustedUserCAKeys"
                .to_owned(),
        ),
        "principals" => Err(
            "`principals` means something with `cert-authority` only, which no directory may set: take it out".to_owned(),
        ),
        known if KNOWN.contains(&known) => Ok(name),
        other => Err(format!(
            "`{}` is no option of authorized_keys; known are {}",
            other.escape_debug(),
            KNOWN.join(", ")
        )),
    }
}
