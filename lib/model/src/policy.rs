//! What the host's own configuration says about who is asked at all: guarded services, exemptions, break-glass.
//!
//! Everything here opens a door without a directory, so it must match narrowly: what cannot be understood does not match.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::host::HostNames;
use crate::name::{Login, Service, UnixGroup};
use crate::question::Question;

/// The services that are guarded unless the configuration says otherwise: every usual way to a shell or to another uid.
pub const GUARDED: [&str; 14] = [
    "sshd",
    "login",
    "remote",
    "sudo",
    "sudo-i",
    "su",
    "su-l",
    "doas",
    "polkit-1",
    "cockpit",
    "gdm-password",
    "lightdm",
    "sddm",
    "xrdp-sesman",
];

/// Services that run things for people in the background: guarded only for those who hold or lately held a grant, so that
/// applications' users are untouched and nobody's crontab outlives his grant.
pub const BACKGROUND: [&str; 4] = ["cron", "crond", "atd", "systemd-user"];

/// An IP network, as in `10.0.0.0/8` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Any address inside.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix: u8,
}

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no network: write an address or an address and a prefix, such as 10.0.0.0/8 or 2001:db8::/32"
)]
pub struct NetworkError(pub String);

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or an address alone. A network of v4-mapped addresses is the v4 network.
    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let bad = || NetworkError(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u8 = match prefix {
            None => longest,
            Some(digits) if (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| bad())?
            }
            Some(_) => return Err(bad()),
        };
        if prefix > longest {
            return Err(bad());
        }
        match (address, address.to_canonical()) {
            (IpAddr::V6(_), mapped @ IpAddr::V4(_)) => {
                Ok(Network { address: mapped, prefix: prefix.checked_sub(96).ok_or_else(bad)? })
            }
            _ => Ok(Network { address, prefix }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    /// Whether `address` lies inside. A v4-mapped IPv6 address (`::ffff:10.0.0.1`, as dual-stack sockets show IPv4) is its
    /// IPv4 address; beyond that neither family lies in a network of the other.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(self.prefix.into())).unwrap_or(0);
                (Ipv4Addr::to_bits(network) ^ Ipv4Addr::to_bits(address)) & mask == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(self.prefix.into())).unwrap_or(0);
                (Ipv6Addr::to_bits(network) ^ Ipv6Addr::to_bits(address)) & mask == 0
            }
            _ => false,
        }
    }
}

/// Who an exemption is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// One local or directory login.
    User(Login),
    /// Members of a group in /etc/group.
    Group(UnixGroup),
}

/// Standing access, as narrow as it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exempt {
    /// For whom.
    pub who: Who,
    /// For these services; empty means all guarded ones.
    pub services: BTreeSet<Service>,
    /// Only from these networks; empty means from anywhere, local logins too. With networks, a question without a
    /// remote address (or with a host name in its place) is not exempt.
    pub from: Vec<Network>,
}

impl Exempt {
    /// Whether this exemption is for the person who asks, for some service or from somewhere.
    pub fn names(&self, question: &Question) -> bool {
        match &self.who {
            Who::User(login) => *login == question.subject,
            Who::Group(group) => question.local_groups.contains(group),
        }
    }

    /// Whether this exemption is for the question.
    pub fn covers(&self, question: &Question) -> bool {
        let service = self.services.is_empty() || self.services.contains(&question.service);
        // A host name in PAM_RHOST comes from whoever owns the address's reverse zone: no evidence.
        let address = || question.rhost.as_deref().and_then(|rhost| rhost.parse::<IpAddr>().ok());
        let from = self.from.is_empty()
            || address().is_some_and(|address| self.from.iter().any(|network| network.contains(address)));
        self.names(question) && service && from
    }
}

/// The few ways in that never depend on the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BreakGlass {
    /// Logins that pass every guarded service.
    pub users: BTreeSet<Login>,
    /// Local groups whose members do.
    pub groups: BTreeSet<UnixGroup>,
    /// root, and the above, on a local console.
    pub console: bool,
}

/// Which of the ways in without a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Glass {
    /// The user is listed.
    User,
    /// The user is in this local group, which is listed.
    Group(UnixGroup),
    /// root on a local console.
    Console,
}

impl BreakGlass {
    /// The way in without a directory that is open to the question, if there is one. Names count only for accounts of this
    /// host's own; uid 0 on the console needs no name.
    pub fn way_in(&self, question: &Question) -> Option<Glass> {
        if question.local && self.users.contains(&question.subject) {
            return Some(Glass::User);
        }
        if let Some(group) =
            self.groups.intersection(&question.local_groups).next().filter(|_| question.local)
        {
            return Some(Glass::Group(group.clone()));
        }
        (self.console && question.uid == 0 && question.on_console()).then_some(Glass::Console)
    }
}

/// To whom and to what the rule applies on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether this is a production host; if not, nothing is guarded.
    pub production: bool,
    /// The names the host answers to.
    pub host: HostNames,
    /// Services to which the rule applies.
    pub guarded: BTreeSet<Service>,
    /// Services to which it applies only for people who hold or lately held a grant.
    pub background: BTreeSet<Service>,
    /// Standing access.
    pub exempt: Vec<Exempt>,
    /// Ways in without a directory.
    pub break_glass: BreakGlass,
}

impl Policy {
    /// Which exemption is for the question: the index in the configuration.
    pub fn exemption(&self, question: &Question) -> Option<usize> {
        self.exempt.iter().position(|exempt| exempt.covers(question))
    }

    /// Whether standing access or break-glass names the person who asks, whatever the service, the place and the kind of
    /// account. Opens no door: it only spares what is his.
    pub fn spares(&self, question: &Question) -> bool {
        let glass = &self.break_glass;
        self.exempt.iter().any(|exempt| exempt.names(question))
            || glass.users.contains(&question.subject)
            || !glass.groups.is_disjoint(&question.local_groups)
    }
}

#[cfg(test)]
mod tests;
