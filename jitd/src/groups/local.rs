//! /etc/passwd and /etc/group as the model wants them, made anew only when they have changed.

use std::sync::Arc;

use jit_model::confer::{Local, LocalUser, Nameless};

use crate::accounts::{Account, Accounts, Groups, Passwd};

/// Who and what is local.
#[derive(Debug)]
pub struct Locals {
    accounts: Accounts,
    passwd: Arc<Passwd>,
    group: Arc<Groups>,
    local: Arc<Local>,
}

impl Locals {
    /// Of these files.
    pub fn new(accounts: Accounts) -> Locals {
        Locals { accounts, passwd: Arc::default(), group: Arc::default(), local: Arc::default() }
    }

    /// As it is now: the same value as before if it says the same.
    pub fn get(&mut self) -> Arc<Local> {
        let (passwd, group) = self.accounts.tables();
        if !Arc::ptr_eq(&passwd, &self.passwd) || !Arc::ptr_eq(&group, &self.group) {
            let user = |account: &Account| LocalUser { uid: account.uid, gid: account.gid };
            let local = Local {
                users: passwd
                    .accounts
                    .iter()
                    .map(|(login, account)| (login.clone(), user(account)))
                    .collect(),
                groups: group.groups.iter().map(|group| (group.name.clone(), group.gid)).collect(),
                nameless: Nameless {
                    users: passwd.nameless.iter().map(user).collect(),
                    groups: group.nameless.clone(),
                },
            };
            if local != *self.local {
                self.local = Arc::new(local);
            }
            (self.passwd, self.group) = (passwd, group);
        }
        Arc::clone(&self.local)
    }
}

#[cfg(test)]
mod tests {
    use jit_model::name::{Login, UnixGroup};

    use super::*;

    #[test]
    fn is_another_value_only_when_it_says_something_else() {
        let dir = tempfile::tempdir().unwrap();
        let (passwd, group) = (dir.path().join("passwd"), dir.path().join("group"));
        std::fs::write(&passwd, "alice:x:1000:100:::\n").unwrap();
        std::fs::write(&group, "users:x:100:\n").unwrap();
        let mut locals = Locals::new(Accounts::at(&passwd, &group));
        let first = locals.get();
        assert_eq!(first.users[&Login::new("alice").unwrap()], LocalUser { uid: 1000, gid: 100 });
        assert_eq!(first.groups[&UnixGroup::new("users").unwrap()], 100);
        // A member of a local group is nothing to us.
        std::fs::write(&group, "users:x:100:alice\n").unwrap();
        assert!(Arc::ptr_eq(&first, &locals.get()));
        std::fs::write(&group, "users:x:101:alice\n").unwrap();
        assert_eq!(locals.get().groups[&UnixGroup::new("users").unwrap()], 101);
        std::fs::write(&group, "users:x:101:\ndomain users:x:102:\n").unwrap();
        assert!(locals.get().nameless.groups.contains(&102));
    }
}
