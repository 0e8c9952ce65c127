//! What is asked: may this person use this service now? Facts gathered at the edges, as values.

use std::collections::BTreeSet;

use crate::name::{Login, Service, UnixGroup};

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The PAM service.
    pub service: Service,
    /// Whose access is in question: PAM_USER for sshd and login, the calling user for su and sudo.
    pub subject: Login,
    /// The subject's uid on this host.
    pub uid: u32,
    /// Whether /etc/passwd has an account of exactly this name and uid. Break-glass needs it: nobody gets in by a name that
    /// some directory made up.
    pub local: bool,
    /// The groups of /etc/group that list the subject, and his primary group there; never through NSS.
    pub local_groups: BTreeSet<UnixGroup>,
    /// PAM_RHOST as given: an address, a host name, or nothing.
    pub rhost: Option<String>,
    /// PAM_TTY as given.
    pub tty: Option<String>,
}

impl Question {
    /// Whether it is asked from a local console: a virtual terminal, a serial line or a hypervisor's console, and no
    /// remote host. PAM_TTY is set by the service, not by the person.
    pub fn on_console(&self) -> bool {
        let tty = self.tty.as_deref().unwrap_or_default();
        let tty = tty.strip_prefix("/dev/").unwrap_or(tty);
        let numbered = |kind: &str| {
            let number = tty.strip_prefix(kind);
            number.is_some_and(|n| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
        };
        let local = self.rhost.as_deref().unwrap_or_default().is_empty();
        local && (tty == "console" || ["tty", "ttyS", "ttyAMA", "hvc", "xvc"].into_iter().any(numbered))
    }
}
