//! Which Unix groups live grants confer on this host, on whom, from when until when. A function of values: what the roles say, what the
//! host allows, and what stands in its own /etc/passwd and /etc/group.
//!
//! The host decides what a directory may confer. Must never confer a group of number 0, one that opens a way past the rule
//! (`jit-admin`, break-glass), or one that the host has not allowed; nor must a collision of numbers give anybody another group than the
//! one that is meant. What is refused, is refused with a reason.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::{Login, UnixGroup};
use crate::time::Timestamp;

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

impl Default for GroupRules {
    /// Nothing is allowed. The numbers lie above what sssd hands out by default (2,000,200,000) and below what systemd keeps for
    /// itself (2,147,352,576): 16,777,216 of them.
    fn default() -> GroupRules {
        GroupRules { allow: BTreeSet::new(), gids: IdRange { first: 0x7800_0000, last: 0x78ff_ffff } }
    }
}

/// An account of /etc/passwd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Why a group that a role names is not conferred here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupRefusal {
    /// `[groups] allow` does not name it.
    #[error("it is not in [groups] allow of this host's jitd.toml")]
    NotAllowed,
    /// It opens a way past the rule.
    #[error("it lets its members past the rule (jit-admin, break-glass), so no directory may confer it")]
    Never,
    /// Its number here is 0.
    #[error("its number on this host is 0, root's group")]
    Root,
    /// The number that comes from its name belongs to another group or account here.
    #[error(
        "the number that its name comes to, {gid}, is that of {by} here: make a local group of this name with another number"
    )]
    Taken {
        /// The number.
        gid: u32,
        /// Whose it is.
        by: String,
    },
    /// Two allowed names come to one number.
    #[error(
        "its name comes to the same number, {gid}, as that of {with}: make a local group for one of them"
    )]
    Collision {
        /// The number.
        gid: u32,
        /// The other.
        with: UnixGroup,
    },
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

/// What live and scheduled grants confer here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conferred {
    /// The groups by name: those that are allowed and not local, so that their numbers have a name, and of the local ones those
    /// that somebody is in.
    pub groups: BTreeMap<UnixGroup, ConferredGroup>,
    /// What is not conferred.
    pub refused: Vec<RefusedGroup>,
}
