//! From root to the daemon's own user, for good, with the two things that sessions need: CAP_KILL, to end other people's
//! processes, and the local group `tty`, to write to terminals. Must never leave a way back: not a group, not a saved uid, not a
//! set-uid program to run, not another capability. Started as that user, as its unit does, the daemon keeps CAP_KILL if it was given
//! that, and gives back what else it was. Started as root and without `--user`, it stays what it is.

use jit_model::name::Login;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, geteuid, getgroups, getresgid, getresuid, setgroups, setresgid, setresuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_ambient_set, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
};

use crate::accounts::{Accounts, Group};

/// What is kept of root: to signal processes of any user (capabilities(7), CAP_KILL).
const KEPT: CapabilitySets = CapabilitySets {
    effective: CapabilitySet::KILL,
    permitted: CapabilitySet::KILL,
    inheritable: CapabilitySet::empty(),
};

/// The group to which devpts, sshd and login(1) give every terminal, with the permission to write and not to read.
const TERMINALS: &str = "tty";

/// Whom the daemon becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: Login,
    /// Its uid, never 0.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// The local groups that list it.
    pub groups: Vec<u32>,
    /// The local group that may write to terminals; a host without one shows no warnings there.
    pub terminals: Option<u32>,
}

/// Why the daemon cannot become that user.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// Only root can become somebody else.
    #[error("--user {0} needs root: start jitd as root, or as {0} and without --user")]
    NotRoot(String),
    /// Nobody local of that name.
    #[error("there is no user {0:?} in /etc/passwd: useradd --system {0}, or name another with --user")]
    NoSuchUser(String),
    /// root is what is to be left behind.
    #[error("--user {0} is root: name the daemon's own user")]
    IsRoot(String),
    /// Without it no session of anybody could be ended.
    #[error(
        "CAP_KILL is missing, without which no session can be ended: where the service is described, \
         CapabilityBoundingSet= must have CAP_KILL (a container's runtime must leave it, too), and AmbientCapabilities= \
         where User= is not root"
    )]
    NoKill,
    /// The operating system refused.
    #[error("cannot become uid {uid} ({step}): {error}")]
    Refused {
        /// Whom.
        uid: u32,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        error: Errno,
    },
    /// It said yes and did something else.
    #[error("became uid {0}, but could still become root again; not starting like this")]
    NotForGood(u32),
    /// It said yes and left something.
    #[error("became uid {uid}, but with {what}; not starting like this")]
    TooMuch {
        /// Whom.
        uid: u32,
        /// What is there that should not be.
        what: String,
    },
}

/// Finds the user, from /etc/passwd and /etc/group.
///
/// # Errors
/// When there is none, it is root, we are not root, or root without CAP_KILL.
pub fn user(name: &str, accounts: &mut Accounts) -> Result<User, PrivilegeError> {
    if !geteuid().is_root() {
        return Err(PrivilegeError::NotRoot(name.to_owned()));
    }
    let none = || PrivilegeError::NoSuchUser(name.to_owned());
    let login = Login::new(name).map_err(|_| none())?;
    let account = accounts.account(&login).ok_or_else(none)?;
    if account.uid == 0 {
        return Err(PrivilegeError::IsRoot(name.to_owned()));
    }
    let lists = |group: &&Group| group.members.contains(&login);
    let groups = accounts.groups().iter().filter(lists).map(|group| group.gid).collect();
    // root's own group would be much more than leave to write to terminals.
    let is_tty = |group: &&Group| group.name.as_str() == TERMINALS && group.gid != 0;
    let terminals = accounts.groups().iter().find(is_tty).map(|group| group.gid);
    let has_kill = capabilities(None).is_ok_and(|sets| sets.permitted.contains(CapabilitySet::KILL));
    if !has_kill {
        return Err(PrivilegeError::NoKill);
    }
    Ok(User { name: login, uid: account.uid, gid: account.gid, groups, terminals })
}

/// Becomes the user. To be called before any thread is started: capabilities are a thread's, and threads inherit them.
///
/// # Errors
/// When the system refuses, root could be had back, or anything but CAP_KILL is left.
pub fn drop_to(user: &User) -> Result<(), PrivilegeError> {
    let refused = |step| move |error| PrivilegeError::Refused { uid: user.uid, step, error };
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let groups: Vec<Gid> = user.groups.iter().copied().chain(user.terminals).map(Gid::from_raw).collect();
    setgroups(&groups).map_err(refused("setgroups"))?;
    setresgid(gid, gid, gid).map_err(refused("setresgid"))?;
    empty_bounding_set().map_err(refused("bounding set"))?;
    // Otherwise the change of the uids takes every capability; the execve(2) that nobody does would unset this again.
    prctl::set_keepcaps(true).map_err(refused("keepcaps"))?;
    setresuid(uid, uid, uid).map_err(refused("setresuid"))?;
    set_capabilities(None, KEPT).map_err(errno).map_err(refused("capset"))?;
    clear_ambient_capability_set().map_err(errno).map_err(refused("ambient set"))?;
    prctl::set_keepcaps(false).map_err(refused("keepcaps"))?;
    prctl::set_no_new_privs().map_err(refused("no_new_privs"))?;
    for_good(user, &groups)
}

/// Who started the daemon as somebody who is not root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// A service manager, which holds the sockets: it must have given what sessions need.
    ByManager,
    /// A person, or a test: what there is not will be missed later, and said then.
    ByHand,
}

/// Keeps CAP_KILL alone of what the daemon was started with as somebody who is not root; no program that it ran would have even that.
/// To be called before any thread is started.
///
/// # Errors
/// When the system refuses, or the service manager did not give CAP_KILL.
pub fn keep(started: Started) -> Result<(), PrivilegeError> {
    let uid = geteuid().as_raw();
    let refused = |step| move |error| PrivilegeError::Refused { uid, step, error };
    let given = capabilities(None).map_err(errno).map_err(refused("capget"))?;
    clear_ambient_capability_set().map_err(errno).map_err(refused("ambient set"))?;
    let kill = given.permitted & CapabilitySet::KILL;
    if kill.is_empty() && started == Started::ByManager {
        return Err(PrivilegeError::NoKill);
    }
    let kept = CapabilitySets { effective: kill, permitted: kill, inheritable: CapabilitySet::empty() };
    // Inheritable alone is nothing to a program without capabilities of its own, and the unit's filter knows no capset(2).
    let given = CapabilitySets { inheritable: CapabilitySet::empty(), ..given };
    if given != kept {
        set_capabilities(None, kept).map_err(errno).map_err(refused("capset"))?;
    }
    prctl::set_no_new_privs().map_err(refused("no_new_privs"))
}

/// Proves it, by what the kernel says and by trying.
fn for_good(user: &User, groups: &[Gid]) -> Result<(), PrivilegeError> {
    let refused = |step| move |error| PrivilegeError::Refused { uid: user.uid, step, error };
    let too_much = |what: String| PrivilegeError::TooMuch { uid: user.uid, what };
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let (uids, gids) =
        (getresuid().map_err(refused("getresuid"))?, getresgid().map_err(refused("getresgid"))?);
    let all = uids.real == uid
        && uids.effective == uid
        && uids.saved == uid
        && gids.real == gid
        && gids.effective == gid
        && gids.saved == gid;
    let root = (Uid::from_raw(0), Gid::from_raw(0));
    // With all three ids changed and neither CAP_SETUID nor CAP_SETGID kept, these fail; if not, something kept root for us.
    let back = setresuid(root.0, root.0, root.0).is_ok()
        || (user.gid != 0 && setresgid(root.1, root.1, root.1).is_ok())
        || setgroups(&[root.1]).is_ok();
    if !all || back {
        return Err(PrivilegeError::NotForGood(user.uid));
    }
    let has = getgroups().map_err(refused("getgroups"))?;
    if let Some(group) = has.iter().find(|group| !groups.contains(group)) {
        return Err(too_much(format!("group {group}")));
    }
    let left = capabilities(None).map_err(errno).map_err(refused("capget"))?;
    if left != KEPT {
        return Err(too_much(format!("{left:?} instead of CAP_KILL alone")));
    }
    let ambient = |set: &CapabilitySet| capability_is_in_ambient_set(*set).unwrap_or(false);
    if let Some(set) = known().find(ambient) {
        return Err(too_much(format!("the ambient capability {set:?}")));
    }
    if !prctl::get_no_new_privs().map_err(refused("no_new_privs"))? {
        return Err(too_much("set-uid programs to run".to_owned()));
    }
    Ok(())
}

/// No program that is run later has more than we keep. Without CAP_SETPCAP, which a service manager may have taken, the set stays
/// as it is: no_new_privs says the same.
fn empty_bounding_set() -> Result<(), Errno> {
    for set in known().filter(|set| capability_is_in_bounding_set(*set).unwrap_or(false)) {
        match remove_capability_from_bounding_set(set).map_err(errno) {
            Err(Errno::EPERM) => return Ok(()),
            other => other?,
        }
    }
    Ok(())
}

/// Every capability that this kernel knows, one by one: also those that are younger than this program.
fn known() -> impl Iterator<Item = CapabilitySet> {
    let each = (0..u64::BITS).map(|number| CapabilitySet::from_bits_retain(1 << number));
    each.take_while(|set| capability_is_in_bounding_set(*set).is_ok())
}

fn errno(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}
