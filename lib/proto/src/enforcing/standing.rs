//! The rule without the directory: who is asked at all, and who passes by break-glass. Pure; the local accounts come in as a
//! trait, so that tests need no /etc.

use core::net::IpAddr;

use super::{Exempt, Network, Rule, Rules, Switch, Who};
use crate::local::Accounts;

/// Who asks for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// PAM_SERVICE.
    pub service: &'a str,
    /// The subject's login.
    pub user: &'a str,
    /// The subject's uid; `None` when the account is not certain, and then nobody is exempt and no glass breaks.
    pub uid: Option<u32>,
    /// PAM_RHOST, as given.
    pub rhost: Option<&'a str>,
    /// PAM_TTY, as given.
    pub tty: Option<&'a str>,
}

/// Where somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Only a live grant lets this person in.
    Guarded,
    /// Standing access.
    Exempt,
    /// Break-glass: to be let in, with an alert.
    BreakGlass,
    /// The rule does not apply to this service, or to this host.
    NotGuarded,
}

impl Rules<'_> {
    /// Where somebody stands. Does not look at [`Rules::until`]; that is [`super::read`]'s.
    pub fn standing(&self, asked: &Asked<'_>, accounts: &mut impl Accounts) -> Standing {
        let guarded = self.iter().any(|rule| rule == Rule::Guard(asked.service));
        if self.production == Switch::No || !guarded {
            return Standing::NotGuarded;
        }
        let Some(uid) = asked.uid else {
            return Standing::Guarded;
        };
        let local = accounts.uid_of(asked.user);
        // The name means somebody else here than the one who asks: the local groups that list it are not his.
        let mut is_member =
            |group: &str| local.is_none_or(|local| local == uid) && accounts.is_member(asked.user, group);
        let mut exempt = self.iter().filter_map(|rule| match rule {
            Rule::Exempt(exempt) => Some(exempt),
            _ => None,
        });
        if exempt.any(|exempt| exempt.covers(asked, &mut is_member)) {
            return Standing::Exempt;
        }
        // Break-glass never depends on a directory: whoever is not in /etc/passwd under this uid is somebody else.
        if local == Some(uid) && self.breaks_glass(asked, uid, accounts) {
            return Standing::BreakGlass;
        }
        Standing::Guarded
    }

    fn breaks_glass(&self, asked: &Asked<'_>, uid: u32, accounts: &mut impl Accounts) -> bool {
        let console = self.console == Switch::Yes && uid == 0 && on_console(asked.tty, asked.rhost);
        console
            || self.iter().any(|rule| match rule {
                Rule::BreakGlassUser(name) => name == asked.user,
                Rule::BreakGlassGroup(group) => accounts.is_member(asked.user, group),
                _ => false,
            })
    }
}

impl Exempt<'_> {
    fn covers(&self, asked: &Asked<'_>, is_member: &mut impl FnMut(&str) -> bool) -> bool {
        let service =
            self.services.is_none_or(|list| list.split(',').any(|service| service == asked.service));
        let from = self.from.is_none_or(|list| {
            let address =
                asked.rhost.and_then(|rhost| rhost.parse::<IpAddr>().ok()).map(|ip| ip.to_canonical());
            let inside = |ip| list.split(',').filter_map(Network::parse).any(|network| network.contains(ip));
            address.is_some_and(inside)
        });
        service
            && from
            && match self.who {
                Who::User(name) => name == asked.user,
                Who::Group(group) => is_member(group),
            }
    }
}

/// Whether a terminal is one that needs hands on the machine: a virtual or serial console, and no remote host.
pub(super) fn on_console(tty: Option<&str>, rhost: Option<&str>) -> bool {
    let Some(tty) = tty else {
        return false;
    };
    let name = tty.strip_prefix("/dev/").unwrap_or(tty);
    let numbered = |prefix: &str| {
        name.strip_prefix(prefix)
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let local = name == "console" || ["tty", "ttyS", "ttyAMA", "hvc"].into_iter().any(numbered);
    local && rhost.is_none_or(str::is_empty)
}
