//! From root to the daemon's own user, for good. Must never leave a way back: not a group, not a saved uid, not a
//! set-uid program to run.

use nix::sys::prctl;
use nix::unistd::{Gid, Uid, geteuid, getresgid, getresuid, setgroups, setresgid, setresuid};

use jit_model::name::Login;

use crate::accounts::{Accounts, Group};

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
    /// The operating system refused.
    #[error("cannot become uid {uid} ({step}): {error}")]
    Refused {
        /// Whom.
        uid: u32,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        error: nix::errno::Errno,
    },
    /// It said yes and did something else.
    #[error("became uid {0}, but could still become root again; not starting like this")]
    NotForGood(u32),
}

/// Finds the user, from /etc/passwd and /etc/group.
///
/// # Errors
/// When there is none, it is root, or we are not root.
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
    Ok(User { name: login, uid: account.uid, gid: account.gid, groups })
}

/// Becomes the user. To be called before any thread is started.
///
/// # Errors
/// When the system refuses, or root could be had back.
pub fn drop_to(user: &User) -> Result<(), PrivilegeError> {
    let refused = |step| move |error| PrivilegeError::Refused { uid: user.uid, step, error };
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let groups: Vec<Gid> = user.groups.iter().copied().map(Gid::from_raw).collect();
    setgroups(&groups).map_err(refused("setgroups"))?;
    setresgid(gid, gid, gid).map_err(refused("setresgid"))?;
    setresuid(uid, uid, uid).map_err(refused("setresuid"))?;
    prctl::set_no_new_privs().map_err(refused("no_new_privs"))?;

    let (uids, gids) =
        (getresuid().map_err(refused("getresuid"))?, getresgid().map_err(refused("getresgid"))?);
    let all = uids.real == uid
        && uids.effective == uid
        && uids.saved == uid
        && gids.real == gid
        && gids.effective == gid
        && gids.saved == gid;
    // With all three ids changed and no capability kept, this fails; if it does not, something kept root for us.
    if !all || setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok() {
        return Err(PrivilegeError::NotForGood(user.uid));
    }
    Ok(())
}
