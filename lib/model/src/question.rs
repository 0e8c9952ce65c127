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
