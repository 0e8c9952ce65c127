//! Which number a group has here, or why it may not be conferred. No two groups that are conferred ever share a number.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::{GroupRules, IdRange, Local};
use crate::name::UnixGroup;
use crate::policy::BreakGlass;

/// Why a group that a role names is not conferred here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupRefusal {
    /// `[groups] allow` does not name it.
    #[error("it is not in [groups] allow of this host's jitd.toml")]
    NotAllowed,
    /// It opens a way past the rule.
    #[error("it lets its members past the rule (jit-admin, break-glass), so no directory may confer it")]
    Never,
    /// It is root's group, by its name or by its number here.
    #[error("it is root's group on this host (its name is root, or its number is 0)")]
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
    /// It is local, and so is another group of the same number: whoever is in the one is in the other.
    #[error(
        "its number here, {gid}, is that of the local group {with}, too: give it a number of its own (groupmod --gid)"
    )]
    Alias {
        /// The number.
        gid: u32,
        /// The other.
        with: UnixGroup,
    },
    /// It is local, and so is a group of the same number whose line jitd cannot read.
    #[error(
        "its number here, {gid}, is that of another line of /etc/group, too, whose name is there twice or has characters that jitd \
         does not take: give it a number of its own (groupmod --gid)"
    )]
    Nameless {
        /// The number.
        gid: u32,
    },
    /// It is not local, and a local group has the same name in another case.
    #[error(
        "it differs only in case from the local group {with}: write {with}, if that is the one that is meant"
    )]
    Lookalike {
        /// The other.
        with: UnixGroup,
    },
    /// It is not local, and programs would not take its name for a name.
    #[error("{0}: make a local group of another name")]
    Name(Unfit),
    /// A process cannot have this number: with it among his groups, nobody could log in. Or it is systemd's ([`DYNAMIC`]).
    #[error(
        "its number here, {gid}, is kept for no group, or for systemd's: make a local group of this name with another number"
    )]
    Reserved {
        /// The number.
        gid: u32,
    },
}

/// Why programs would take a name of an account or group for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Where a name or a number may stand (chown, setfacl, systemd), it is the one or the other; chown takes `0.0` for two of them.
    #[error("its name is a number")]
    Number,
    /// `+` (and `-`) includes by NIS, `@` names a netgroup, `$` a variable, `.` a hidden file, this directory or the one above.
    #[error("its name begins with a character other than a letter, a digit or `_`")]
    Beginning,
}

/// Whether a name that is not local is no fit one, though it may be written so. What a host has in its own files, it may have.
pub fn unfit(name: &str) -> Option<Unfit> {
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') && name.starts_with(|c: char| c.is_ascii_digit())
    {
        return Some(Unfit::Number);
    }
    (!name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')).then_some(Unfit::Beginning)
}

/// The number of a group that is not local: the same on every host with this range. The first eight bytes of the SHA-256 of its name, as a
/// number, modulo the size of the range.
pub fn gid_of(name: &UnixGroup, range: IdRange) -> u32 {
    let digest: [u8; 32] = Sha256::digest(name.as_str()).into();
    let number = digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    let size = u64::from(range.last.saturating_sub(range.first)).saturating_add(1);
    let offset = number.checked_rem(size).and_then(|offset| u32::try_from(offset).ok());
    range.first.saturating_add(offset.unwrap_or(0))
}

/// (gid_t) -1 is no number to the kernel: setgroups(2) with it among the others fails, and so would each login. The one before and the two
/// of 16 bits stand for nobody.
pub(crate) const RESERVED: [u32; 4] = [65_534, 65_535, u32::MAX - 1, u32::MAX];

/// systemd gives these to services with DynamicUser= (systemd.exec(5)): accounts and groups of the host that stand in no file.
pub const DYNAMIC: IdRange = IdRange { first: 61_184, last: 65_519 };

/// The numbers of this host's groups, looked up from both sides.
pub(super) struct Numbers<'a> {
    rules: &'a GroupRules,
    local: &'a Local,
    glass: &'a BreakGlass,
    /// Local groups by their numbers.
    local_by_gid: BTreeMap<u32, BTreeSet<&'a UnixGroup>>,
    /// Allowed groups that are not local, by the numbers that their names come to.
    derived_by_gid: BTreeMap<u32, BTreeSet<&'a UnixGroup>>,
    /// Local groups by their names in lower case.
    local_by_lower: BTreeMap<String, &'a UnixGroup>,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(rules: &'a GroupRules, local: &'a Local, glass: &'a BreakGlass) -> Numbers<'a> {
        let mut numbers = Numbers {
            rules,
            local,
            glass,
            local_by_gid: BTreeMap::new(),
            derived_by_gid: BTreeMap::new(),
            local_by_lower: BTreeMap::new(),
        };
        for (group, gid) in &local.groups {
            numbers.local_by_gid.entry(*gid).or_default().insert(group);
            numbers.local_by_lower.insert(group.as_str().to_ascii_lowercase(), group);
        }
        for group in rules.allow.iter().filter(|group| !local.groups.contains_key(*group)) {
            numbers.derived_by_gid.entry(gid_of(group, rules.gids)).or_default().insert(group);
        }
        numbers
    }

    /// The number under which a group is conferred.
    pub(super) fn of(&self, group: &UnixGroup) -> Result<u32, GroupRefusal> {
        let same = |other: &str| group.as_str().eq_ignore_ascii_case(other);
        if same(ADMIN) || self.glass.groups.iter().any(|glass| same(glass.as_str())) {
            return Err(GroupRefusal::Never);
        }
        let local = self.local.groups.get(group).copied();
        if group.as_str() == ROOT || local == Some(0) {
            return Err(GroupRefusal::Root);
        }
        if !self.rules.allow.contains(group) {
            return Err(GroupRefusal::NotAllowed);
        }
        match local {
            Some(gid) => self.local(group, gid),
            None => self.derived(group),
        }
    }

    fn local(&self, group: &UnixGroup, gid: u32) -> Result<u32, GroupRefusal> {
        if gid == u32::MAX {
            return Err(GroupRefusal::Reserved { gid });
        }
        match other(&self.local_by_gid, gid, group) {
            Some(with) => Err(GroupRefusal::Alias { gid, with: with.clone() }),
            None if self.local.nameless.groups.contains(&gid) => Err(GroupRefusal::Nameless { gid }),
            None => Ok(gid),
        }
    }

    fn derived(&self, group: &UnixGroup) -> Result<u32, GroupRefusal> {
        if let Some(unfit) = unfit(group.as_str()) {
            return Err(GroupRefusal::Name(unfit));
        }
        if let Some(with) = self.local_by_lower.get(&group.as_str().to_ascii_lowercase()) {
            return Err(GroupRefusal::Lookalike { with: (*with).clone() });
        }
        let gid = gid_of(group, self.rules.gids);
        if gid == 0 {
            return Err(GroupRefusal::Root);
        }
        if RESERVED.contains(&gid) || DYNAMIC.contains(gid) {
            return Err(GroupRefusal::Reserved { gid });
        }
        if let Some(by) = other(&self.local_by_gid, gid, group) {
            return Err(GroupRefusal::Taken { gid, by: format!("the group {by}") });
        }
        if let Some((login, _)) = self.local.users.iter().find(|(_, user)| user.gid == gid) {
            return Err(GroupRefusal::Taken { gid, by: format!("the account {login} (its primary group)") });
        }
        let nameless = &self.local.nameless;
        if nameless.groups.contains(&gid) || nameless.users.iter().any(|user| user.gid == gid) {
            let by = "a line of /etc/group or /etc/passwd that jitd cannot read".to_owned();
            return Err(GroupRefusal::Taken { gid, by });
        }
        match other(&self.derived_by_gid, gid, group) {
            Some(with) => Err(GroupRefusal::Collision { gid, with: with.clone() }),
            None => Ok(gid),
        }
    }
}

fn other<'a>(
    by_gid: &BTreeMap<u32, BTreeSet<&'a UnixGroup>>,
    gid: u32,
    group: &UnixGroup,
) -> Option<&'a UnixGroup> {
    by_gid.get(&gid)?.iter().find(|other| **other != group).copied()
}

/// Its members may ask about everybody and end sessions.
pub const ADMIN: &str = "jit-admin";
const ROOT: &str = "root";
