//! Who is local: /etc/passwd and /etc/group as files. Never through NSS: what a directory says about names and groups must
//! not open a way in that is meant not to depend on a directory, and a hanging name service must not hold up an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jit_model::name::{Login, UnixGroup};

use crate::watched::{Content, Links, Watched};

/// No host's /etc/passwd or /etc/group is longer; a longer one is not read, and the last good one holds.
const LIMIT: u64 = 16 << 20;

/// An account of /etc/passwd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// Its uid.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
}

/// What a passwd(5) file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Passwd {
    /// The accounts, by name. As with getpwnam(3), the first line of a name counts.
    pub accounts: BTreeMap<Login, Account>,
    /// Those of lines that glibc takes, and that are none of these: getpwuid(3) finds them.
    pub nameless: BTreeSet<Account>,
}

/// What a group(5) file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// The groups. The first line of a name counts.
    pub groups: Vec<Group>,
    /// The numbers of lines that glibc takes, and that are none of these.
    pub nameless: BTreeSet<u32>,
}

/// Reads passwd(5). Lines that are no account (NIS inclusions and the malformed) are passed over, but for their numbers.
pub fn parse_passwd(bytes: &[u8]) -> Passwd {
    let mut passwd = Passwd::default();
    for fields in lines(bytes) {
        let named = match fields.as_slice() {
            &[name, _, uid, gid, _, _, _] => login(name).zip(number(uid).zip(number(gid))),
            _ => None,
        };
        let account = |(uid, gid)| Account { uid, gid };
        let kept = named.map(|(login, ids)| *passwd.accounts.entry(login).or_insert(account(ids)));
        let found = fields.get(2).zip(fields.get(3)).filter(|_| is_entry(&fields));
        let found = found.and_then(|(uid, gid)| Some(account((as_glibc(uid)?, as_glibc(gid)?))));
        passwd.nameless.extend(found.filter(|found| kept != Some(*found)));
    }
    passwd
}

/// A group of /etc/group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: UnixGroup,
    /// Its gid.
    pub gid: u32,
    /// Whom its line lists.
    pub members: BTreeSet<Login>,
}

/// Reads group(5), in the same way.
pub fn parse_group(bytes: &[u8]) -> Groups {
    let mut seen: BTreeMap<UnixGroup, u32> = BTreeMap::new();
    let mut all = Groups::default();
    for fields in lines(bytes) {
        let named = match fields.as_slice() {
            &[name, _, gid, members] => group_name(name).zip(number(gid)).map(|of| (of, members)),
            _ => None,
        };
        let mut kept = None;
        if let Some(((name, gid), members)) = named {
            kept = Some(*seen.entry(name.clone()).or_insert_with(|| {
                let members = members.split(|&b| b == b',').filter_map(login).collect();
                all.groups.push(Group { name, gid, members });
                gid
            }));
        }
        let found = fields.get(2).filter(|_| is_entry(&fields)).and_then(|gid| as_glibc(gid));
        all.nameless.extend(found.filter(|found| kept != Some(*found)));
    }
    all
}

/// Whether a line is an entry to glibc, whatever is in it: no comment, and nothing of NIS.
fn is_entry(fields: &[&[u8]]) -> bool {
    let name = fields.first().map_or(&[][..], |name| name.trim_ascii_start());
    !matches!(name.first(), None | Some(b'#' | b'+' | b'-'))
}

/// A number as strtoul(3) reads it, which glibc does.
fn as_glibc(field: &[u8]) -> Option<u32> {
    let field = field.trim_ascii_start();
    number(field.strip_prefix(b"+").unwrap_or(field))
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    bytes.split(|&b| b == b'\n').map(|line| line.split(|&b| b == b':').collect())
}

fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok()
}

fn group_name(field: &[u8]) -> Option<UnixGroup> {
    text(field).filter(|name| !name.starts_with(['+', '-'])).and_then(|name| UnixGroup::new(name).ok())
}

fn login(field: &[u8]) -> Option<Login> {
    // `+` and `-` at the beginning include or exclude by NIS (nsswitch `compat`); they name no account.
    text(field).filter(|name| !name.starts_with(['+', '-'])).and_then(|name| Login::new(name).ok())
}

fn number(field: &[u8]) -> Option<u32> {
    let digits = text(field)?;
    // parse() would take a sign.
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The local accounts and groups as they are now.
#[derive(Debug)]
pub struct Accounts {
    passwd: Watched<Arc<Passwd>>,
    group: Watched<Arc<Groups>>,
}

impl Accounts {
    /// Of this host.
    pub fn of_host() -> Accounts {
        Accounts::at("/etc/passwd", "/etc/group")
    }

    /// Of two files, for tests.
    pub fn at(passwd: impl Into<PathBuf>, group: impl Into<PathBuf>) -> Accounts {
        Accounts {
            passwd: Watched::new(passwd, Links::Followed, LIMIT, Arc::default()),
            group: Watched::new(group, Links::Followed, LIMIT, Arc::default()),
        }
    }

    fn passwd(&mut self) -> &Arc<Passwd> {
        self.passwd.get(|content, before| match content {
            Content::Bytes(bytes, _) => Arc::new(parse_passwd(bytes)),
            // It is replaced by rename, so it is never absent for a moment: what was true a moment ago is the best guess.
            Content::Absent | Content::Unreadable(_) => before,
        })
    }

    fn group(&mut self) -> &Arc<Groups> {
        self.group.get(|content, before| match content {
            Content::Bytes(bytes, _) => Arc::new(parse_group(bytes)),
            Content::Absent | Content::Unreadable(_) => before,
        })
    }

    /// The groups.
    pub fn groups(&mut self) -> &[Group] {
        &self.group().groups
    }

    /// All accounts and groups: the very same values as before, if neither file can have changed.
    pub fn tables(&mut self) -> (Arc<Passwd>, Arc<Groups>) {
        (Arc::clone(self.passwd()), Arc::clone(self.group()))
    }

    /// The account of this name.
    pub fn account(&mut self, login: &Login) -> Option<Account> {
        self.passwd().accounts.get(login).copied()
    }

    /// The name of a uid; the first of several.
    pub fn login_of(&mut self, uid: u32) -> Option<Login> {
        self.passwd().accounts.iter().find(|(_, account)| account.uid == uid).map(|(login, _)| login.clone())
    }

    /// Whether a login is a local account of that uid; and the groups that list it, with its primary group if it is one.
    pub fn standing(&mut self, login: &Login, uid: u32) -> (bool, BTreeSet<UnixGroup>) {
        let account = self.account(login);
        // The name means somebody else here than the one who asks: he has nothing of it.
        if account.is_some_and(|account| account.uid != uid) {
            return (false, BTreeSet::new());
        }
        let gid = account.map(|account| account.gid);
        let has = |group: &&Group| Some(group.gid) == gid || group.members.contains(login);
        let groups = self.groups().iter().filter(has).map(|group| group.name.clone()).collect();
        (account.is_some(), groups)
    }

    /// The groups of [`Accounts::standing`].
    pub fn groups_of(&mut self, login: &Login, uid: u32) -> BTreeSet<UnixGroup> {
        self.standing(login, uid).1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn l(name: &str) -> Login {
        Login::new(name).unwrap()
    }

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n+nis::::::\nalice:x:1000:100:Alice:/home/alice:/bin/sh\n\
                          alice:x:0:0:second line:/:/bin/sh\nbroken:x:1001\nneg:x:-1:1:::\nbig:x:4294967296:1:::\n";
    const GROUP: &str = "root:x:0:\nusers:x:100:bob\nops:x:200:alice,bob,\nops:x:0:mallory\n+:::\n";

    #[test]
    fn a_line_is_an_account_or_nothing() {
        let Passwd { accounts, nameless } = parse_passwd(PASSWD.as_bytes());
        let names: Vec<&str> = accounts.keys().map(Login::as_str).collect();
        assert_eq!(names, ["alice", "root"]);
        assert_eq!(accounts[&l("alice")], Account { uid: 1000, gid: 100 });
        assert_eq!(nameless, BTreeSet::from([Account { uid: 0, gid: 0 }]), "alice's second line");
    }

    /// What getpwuid(3) and getgrgid(3) find in such files (tried with glibc 2.36).
    #[test]
    fn numbers_of_lines_that_are_not_read_are_known() {
        let passwd = "alice:x:1000:1000:::\nalice:x:1001:1000:::\nalice:x:1000:1000:again::\nJ\u{fc}rgen:x:1002:102:::\n\
                      two words:x:1003:103:::\nshort:x:1004:104\n  sp:x: 1005:+106:::\n#no:x:1006:1:::\n+nis:x:1007:1:::\n\
                      neg:x:-1:1:::\n\nno number:x:x:1:::\n";
        let found = parse_passwd(passwd.as_bytes());
        assert_eq!(found.accounts.len(), 1);
        let nameless = [(1001, 1000), (1002, 102), (1003, 103), (1004, 104), (1005, 106)];
        assert_eq!(found.nameless, nameless.map(|(uid, gid)| Account { uid, gid }).into());
        let group = "ops:x:200:alice\nops:x:200:bob\nops:x:201:\nDOM\\admins:x:202:\ndomain users:x:203:alice\nshort:x:204\n\
                     #no:x:205:\n+:::\n-x:x:206:\n";
        let found = parse_group(group.as_bytes());
        let names: Vec<&str> = found.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!((names, found.nameless), (vec!["ops"], BTreeSet::from([201, 202, 203, 204])));
    }

    #[test]
    fn groups_are_listed_or_primary() {
        let dir = tempfile::tempdir().unwrap();
        let (passwd, group) = (dir.path().join("passwd"), dir.path().join("group"));
        std::fs::write(&passwd, PASSWD).unwrap();
        std::fs::write(&group, GROUP).unwrap();
        let mut accounts = Accounts::at(&passwd, &group);
        let names = |set: BTreeSet<UnixGroup>| set.iter().map(|g| g.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(accounts.groups_of(&l("alice"), 1000)), ["ops", "users"]);
        // Somebody of that name whom another name service invented.
        assert_eq!(names(accounts.groups_of(&l("alice"), 7)), [""; 0]);
        // A person of the directory whom the local admin listed.
        assert_eq!(names(accounts.groups_of(&l("bob"), 5000)), ["ops", "users"]);
        assert_eq!(names(accounts.groups_of(&l("mallory"), 5001)), [""; 0]);

        // Replaced, then gone: the change is seen at once, and nobody is forgotten for a lost file.
        std::fs::write(dir.path().join("new"), "wheel:x:10:alice\n").unwrap();
        std::fs::rename(dir.path().join("new"), &group).unwrap();
        assert_eq!(names(accounts.groups_of(&l("alice"), 1000)), ["wheel"]);
        std::fs::remove_file(&group).unwrap();
        assert_eq!(names(accounts.groups_of(&l("alice"), 1000)), ["wheel"]);
        assert_eq!(accounts.login_of(1000), Some(l("alice")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            parse_passwd(&bytes);
            parse_group(&bytes);
        }

        /// What shadow-utils would write is read back as it is, whatever stands around it.
        #[test]
        fn good_lines_survive_bad_ones(
            names in proptest::collection::btree_set("[a-z_][a-z0-9_-]{0,20}", 1..6),
            noise in proptest::collection::vec("[^\n]{0,40}", 0..6),
        ) {
            let good: Vec<String> = names.iter().enumerate().map(|(i, n)| format!("{n}:x:{i}:{i}:::")).collect();
            let mut text = good.join("\n");
            // Noise comes after the good lines, so that it cannot claim a name first.
            text.push('\n');
            text.push_str(&noise.join("\n"));
            let accounts = parse_passwd(text.as_bytes()).accounts;
            for (i, name) in names.iter().enumerate() {
                let id = u32::try_from(i).unwrap();
                prop_assert_eq!(accounts.get(&l(name)), Some(&Account { uid: id, gid: id }));
            }
        }
    }
}
