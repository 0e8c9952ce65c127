//! Who asks for what, as this process can tell. Names are copied into buffers of our own, fit for a frame and a log line;
//! a name that had to be changed for that is nobody's.

use jit_proto::question::{MAX_AUTH_INFO, MAX_NAME};
use jit_proto::{Cleaned, Phase, Question};
use pam::items::{RHost, RUser, Service, Tty, User};

use crate::host::{self, Host};

type Name = Cleaned<MAX_NAME>;

/// Everything that goes into a question.
#[derive(Debug)]
pub(crate) struct Facts {
    phase: Phase,
    service: Name,
    subject: Name,
    uid: Option<u32>,
    target: Option<Name>,
    ruser: Option<Name>,
    rhost: Option<Name>,
    tty: Option<Name>,
    auth_info: Option<Cleaned<MAX_AUTH_INFO>>,
}

/// What the module does with a call.
#[allow(clippy::large_enum_variant, reason = "made once and never moved about; a Box would allocate")]
pub(crate) enum Call {
    /// It asks.
    Ask(Facts),
    /// Root turns into somebody else: not our business, with the daemon alive or dead.
    RootItself,
    /// There is no user to ask about, or no service, or none that fits into a question.
    Nameless,
}

/// Who is in question, by the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// Whoever PAM_USER says: he comes in.
    PamUser,
    /// Whoever started the program: he is in already, and wants to become another. PAM_USER is the other, and PAM_RUSER can be
    /// absent or the other too; the real uid is neither in the caller's hand nor in a configuration's.
    RealUser(u32),
    /// The same, and it is root.
    Root,
}

impl Subject {
    fn of(service: &str, real_uid: u32) -> Subject {
        match (service, real_uid) {
            ("su" | "su-l" | "sudo" | "sudo-i" | "doas", 0) => Subject::Root,
            ("su" | "su-l" | "sudo" | "sudo-i" | "doas", uid) => Subject::RealUser(uid),
            // polkit's helper: set-uid and started by the person's agent, or (from version 126 on) started by systemd as root.
            ("polkit-1", 0) => Subject::PamUser,
            ("polkit-1", uid) => Subject::RealUser(uid),
            _ => Subject::PamUser,
        }
    }
}

impl Facts {
    /// Looks around.
    pub(crate) fn gather(host: &mut Host<'_>, phase: Phase) -> Call {
        let Some(service) = service(host) else { return Call::Nameless };
        let wanted = Subject::of(service.as_str(), host::real_uid());
        let (subject, uid, target) = match wanted {
            Subject::Root => return Call::RootItself,
            Subject::RealUser(uid) => {
                let target = host.item::<User<'_>>().map(|user| Name::line(user.to_bytes()));
                match host::account_of(uid).filter(|account| account.name.is_whole()) {
                    Some(account) => {
                        // sudo names its caller here unless `targetpw` says otherwise: that is no target.
                        let target = target.filter(|target| target.as_str() != account.name.as_str());
                        (account.name, Some(uid), target)
                    }
                    None => (nameless(uid), None, target),
                }
            }
            Subject::PamUser => {
                host.ask_for_user();
                let Some(user) = host.item::<User<'_>>().filter(|user| !user.is_empty()) else {
                    return Call::Nameless;
                };
                let name = Name::line(user.to_bytes());
                let same = |account: &host::Account| {
                    account.name.is_whole() && account.name.as_str().as_bytes() == user.to_bytes()
                };
                let uid = host::account_named(&user).filter(same).map(|account| account.uid);
                (name, uid, None)
            }
        };
        Call::Ask(Facts {
            phase,
            service,
            subject,
            uid,
            target,
            ruser: host.item::<RUser<'_>>().map(|ruser| Name::line(ruser.to_bytes())),
            rhost: host.item::<RHost<'_>>().map(|rhost| Name::line(rhost.to_bytes())),
            tty: host.item::<Tty<'_>>().map(|tty| Name::line(tty.to_bytes())),
            auth_info: host.variable(c"SSH_AUTH_INFO_0").map(|info| Cleaned::lines(info.to_bytes())),
        })
    }

    /// What is to be told when a session ends: of which service, and somebody's name only because a question has one. The daemon
    /// knows the session by the process. No name service is asked here, and nobody is asked for a name: a logout waits for
    /// neither.
    pub(crate) fn at_close(host: &Host<'_>) -> Call {
        let Some(service) = service(host) else { return Call::Nameless };
        let subject = match Subject::of(service.as_str(), host::real_uid()) {
            Subject::Root => return Call::RootItself,
            Subject::RealUser(uid) => nameless(uid),
            Subject::PamUser => match host.item::<User<'_>>().filter(|user| !user.is_empty()) {
                Some(user) => Name::line(user.to_bytes()),
                None => return Call::Nameless,
            },
        };
        Call::Ask(Facts {
            phase: Phase::Close,
            service,
            subject,
            uid: None,
            target: None,
            ruser: None,
            rhost: None,
            tty: None,
            auth_info: None,
        })
    }

    /// The question.
    pub(crate) fn question(&self) -> Question<'_> {
        Question {
            phase: self.phase,
            service: self.service.as_str(),
            subject: self.subject.as_str(),
            uid: self.uid,
            target: self.target.as_ref().map(Cleaned::as_str),
            ruser: self.ruser.as_ref().map(Cleaned::as_str),
            rhost: self.rhost.as_ref().map(Cleaned::as_str),
            tty: self.tty.as_ref().map(Cleaned::as_str),
            auth_info: self.auth_info.as_ref().map(Cleaned::as_str),
            auth_info_cut: self.auth_info.as_ref().is_some_and(Cleaned::was_cut),
        }
    }
}

/// PAM_SERVICE. Cut or changed, it could be taken for another service, one that nobody guards: then it is none.
fn service(host: &Host<'_>) -> Option<Name> {
    let service = host.item::<Service<'_>>().map(|service| Name::line(service.to_bytes()))?;
    (service.is_whole() && !service.as_str().is_empty()).then_some(service)
}

/// What stands for a name where there is none. No login begins with `#`.
fn nameless(uid: u32) -> Name {
    let mut digits = [b'0'; 11];
    let mut rest = uid;
    for room in digits.iter_mut().skip(1).rev() {
        *room = b'0'.saturating_add(u8::try_from(rest.rem_euclid(10)).unwrap_or(0));
        rest = rest.div_euclid(10);
    }
    if let Some(first) = digits.first_mut() {
        *first = b'#';
    }
    Name::line(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_question() {
        for service in ["su", "su-l", "sudo", "sudo-i", "doas"] {
            assert_eq!(Subject::of(service, 0), Subject::Root);
            assert_eq!(Subject::of(service, 1000), Subject::RealUser(1000));
        }
        assert_eq!(Subject::of("polkit-1", 0), Subject::PamUser);
        assert_eq!(Subject::of("polkit-1", 1000), Subject::RealUser(1000));
        for service in
            ["sshd", "login", "remote", "cron", "sudoedit", "Sudo", "su ", "", "runuser", "gdm-password"]
        {
            assert_eq!(Subject::of(service, 0), Subject::PamUser);
            assert_eq!(Subject::of(service, 1000), Subject::PamUser);
        }
    }

    #[test]
    fn somebody_without_a_name_has_a_number() {
        assert_eq!(nameless(1234).as_str(), "#0000001234");
        assert_eq!(nameless(u32::MAX).as_str(), "#4294967295");
    }
}
