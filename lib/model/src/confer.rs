//! Which Unix groups live grants confer on this host, on whom, from when until when. A function of values: what the roles say, what the
//! host allows, and what stands in its own /etc/passwd and /etc/group.
//!
//! The host decides what a directory may confer. Must never confer a group of number 0, one that opens a way past the rule
//! (`jit-admin`, break-glass), or one that the host has not allowed; nor must a collision of numbers give anybody another group than the
//! one that is meant. What is refused, is refused with a reason.
//!
//! Whoever a live grant names is in the groups of its role, whatever services it opens and whether or not the host enforces; only
//! an account with uid 0 gets nothing. System accounts are not left out: the door opens for them, too, nothing tells them apart
//! that holds on every host (UID_MIN was 500 once), and who can make a directory name one could as well have it name a person.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::assess::Assessed;
use crate::name::{Login, UnixGroup};
use crate::snapshot::Snapshot;
use crate::time::{Timestamp, Window};

mod number;

pub use number::{ADMIN, DYNAMIC, GroupRefusal, Unfit, gid_of, unfit};

use number::Numbers;
pub(crate) use number::RESERVED;

/// Numbers of users or groups, both ends included. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

/// What the host lets a directory confer: `[groups]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRules {
    /// These groups and no others.
    pub allow: BTreeSet<UnixGroup>,
    /// Where groups that are not local get their numbers from.
    pub gids: IdRange,
}

impl IdRange {
    /// Whether a number lies in it.
    pub fn contains(self, number: u32) -> bool {
        self.first <= number && number <= self.last
    }

    /// Whether some number lies in both.
    pub fn overlaps(self, other: IdRange) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl fmt::Display for IdRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl Default for GroupRules {
    /// Nothing is allowed. The numbers lie above what sssd hands out by default (2,000,200,000) and below what systemd keeps for
    /// itself (2,147,352,576): 16,777,216 of them.
    fn default() -> GroupRules {
        GroupRules { allow: BTreeSet::new(), gids: IdRange { first: 0x7800_0000, last: 0x78ff_ffff } }
    }
}

/// An account of /etc/passwd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalUser {
    /// Its uid.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
}

/// Who and what is local: /etc/passwd and /etc/group, never through NSS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// The accounts.
    pub users: BTreeMap<Login, LocalUser>,
    /// The groups and their numbers.
    pub groups: BTreeMap<UnixGroup, u32>,
    /// What else stands there.
    pub nameless: Nameless,
}

/// Lines of /etc/passwd and /etc/group that are accounts and groups to glibc, and not to jitd: of a name with other characters, of one
/// that was there before with another number, or with fields missing. Their numbers are taken all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nameless {
    /// The accounts.
    pub users: BTreeSet<LocalUser>,
    /// The numbers of the groups.
    pub groups: BTreeSet<u32>,
}

/// Somebody in a group, for a while. One who is in it by several grants is listed once for each stretch of time without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub login: Login,
    /// From then on.
    pub from: Timestamp,
    /// Until then, which is not included: the end of the grant, or when its source will have been silent for too long.
    pub until: Timestamp,
}

/// A group that is conferred here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConferredGroup {
    /// Its number: the local one's, if there is one.
    pub gid: u32,
    /// Who is in it, in the order of logins and then of time; nobody twice at the same time.
    pub members: Vec<Membership>,
}

/// A group that a role names and that is not conferred here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedGroup {
    /// Which.
    pub group: UnixGroup,
    /// By which roles, their names as the directory has them; none if it is only allowed.
    pub roles: BTreeSet<String>,
    /// Why.
    pub why: GroupRefusal,
}

/// No group has more stretches of one person: the first ones, so that what is left out lies far ahead, and comes in as others end. Who may
/// write himself grants could otherwise schedule so many that no map holds them, and take everybody's groups away.
pub const MOST_STRETCHES: usize = 64;

/// No map has more memberships, which would take a fifth of what readers take: with more, of everybody fewer stretches are known, the first
/// ones again. Who may write grants for a group of people could otherwise do to the map with all of them what he cannot do alone.
pub const MOST_MEMBERSHIPS: usize = 1 << 18;

/// What live and scheduled grants confer here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conferred {
    /// The groups by name: those that are allowed and not local, so that their numbers have a name, and of the local ones those
    /// that somebody is in.
    pub groups: BTreeMap<UnixGroup, ConferredGroup>,
    /// What is not conferred, in the order of names.
    pub refused: Vec<RefusedGroup>,
}

/// What the grants of a snapshot confer from `now` on: what has ended by then is left out, what begins later is in it. At each second
/// those are in a group whom a grant names that is live then and, if nothing more is heard of its source, still counts at the door; but for
/// what lies beyond [`MOST_STRETCHES`] and [`MOST_MEMBERSHIPS`], which is never what is live at `now`.
pub fn confer(snapshot: &Snapshot, rules: &GroupRules, local: &Local, now: Timestamp) -> Conferred {
    let named = named(snapshot, now);
    let numbers = Numbers::new(rules, local, &snapshot.policy().break_glass);
    let mut conferred = Conferred::default();
    let all: BTreeSet<&UnixGroup> = rules.allow.iter().chain(named.keys().copied()).collect();
    for group in all {
        let named = named.get(group);
        match numbers.of(group) {
            Ok(gid) => {
                let members = named.map_or_else(Vec::new, |named| named.members(local));
                if !members.is_empty() || !local.groups.contains_key(group) {
                    conferred.groups.insert(group.clone(), ConferredGroup { gid, members });
                }
            }
            Err(why) => {
                let roles = named.map_or_else(BTreeSet::new, |named| {
                    named.roles.iter().map(|role| (*role).to_owned()).collect()
                });
                conferred.refused.push(RefusedGroup { group: group.clone(), roles, why });
            }
        }
    }
    bound(&mut conferred.groups);
    conferred
}

/// Keeps to [`MOST_MEMBERSHIPS`]. Everybody's first stretch stays: nobody loses a group by what others write.
fn bound(groups: &mut BTreeMap<UnixGroup, ConferredGroup>) {
    let mut most = MOST_STRETCHES;
    while most > 1 && groups.values().map(|group| group.members.len()).sum::<usize>() > MOST_MEMBERSHIPS {
        most /= 2;
        for group in groups.values_mut() {
            let people = group.members.chunk_by(|a, b| a.login == b.login);
            group.members = people.flat_map(|stretches| stretches.iter().take(most)).cloned().collect();
        }
    }
}

/// What grants say of a group.
#[derive(Default)]
struct Named<'a> {
    roles: BTreeSet<&'a str>,
    holders: BTreeMap<&'a Login, Vec<Window>>,
}

/// The groups that the roles of the grants name, with everybody's stretches of time that are not over.
fn named(snapshot: &Snapshot, now: Timestamp) -> BTreeMap<&UnixGroup, Named<'_>> {
    let mut all: BTreeMap<&UnixGroup, Named<'_>> = BTreeMap::new();
    for grant in snapshot.grants() {
        let (Assessed::Granted { window, .. }, Some(role)) = (&grant.assessed, &grant.role) else { continue };
        let Some(silent) = snapshot.counts_until(&grant.source) else { continue };
        let counts = Window::new(window.start(), window.end().min(silent));
        let Some(counts) = counts.filter(|counts| now < counts.end()) else { continue };
        for group in &role.local_groups {
            let named = all.entry(group).or_default();
            named.roles.insert(&role.name);
            for login in grant.logins.keys() {
                named.holders.entry(login).or_default().push(counts);
            }
        }
    }
    all
}

impl Named<'_> {
    fn members(&self, local: &Local) -> Vec<Membership> {
        let root = |login: &Login| local.users.get(login).is_some_and(|user| user.uid == 0);
        let people = self.holders.iter().filter(|(login, _)| !root(login));
        people.flat_map(|(login, windows)| joined(login, windows.clone())).collect()
    }
}

/// The stretches of one person, those that overlap or touch as one.
fn joined(login: &Login, mut windows: Vec<Window>) -> Vec<Membership> {
    windows.sort_unstable_by_key(|window| (window.start(), window.end()));
    let mut joined: Vec<Membership> = Vec::new();
    for window in windows {
        let full = joined.len() >= MOST_STRETCHES;
        match joined.last_mut() {
            Some(last) if window.start() <= last.until => last.until = last.until.max(window.end()),
            _ if full => break,
            _ => joined.push(Membership { login: login.clone(), from: window.start(), until: window.end() }),
        }
    }
    joined
}
