//! What the host's own configuration says about who is asked at all: guarded services, exemptions, break-glass.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::host::HostNames;
use crate::name::{Login, Service, UnixGroup};

/// An IP network, as in `10.0.0.0/8` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Any address inside.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix: u8,
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
