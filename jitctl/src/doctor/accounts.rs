//! Who is in /etc/passwd, /etc/shadow and /etc/group, read as files: what must work with every directory dead is not asked of one. Judges of each
//! account whether a password lets it in (shadow(5), crypt(5)). Never shows a hash to anybody.

use std::collections::{BTreeMap, BTreeSet};

use crate::doctor::host::Host;

/// The local accounts of a host.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts {
    /// By login, the first line of each, as getpwnam(3) finds it.
    pub(super) people: BTreeMap<String, Person>,
    /// By name.
    pub(super) groups: BTreeMap<String, Group>,
    /// By login; `None` where /etc/shadow could not be read.
    shadow: Option<BTreeMap<String, Shadow>>,
}

/// A line of /etc/passwd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: String,
    pub(super) shell: String,
}

/// A line of /etc/group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) gid: u32,
    pub(super) listed: Vec<String>,
}

/// What counts of a line of /etc/shadow; times in days, since 1970 where they are points. What is empty or negative is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shadow {
    hash: String,
    changed: Option<i64>,
    most: Option<i64>,
    inactive: Option<i64>,
    expires: Option<i64>,
}

/// Why pam_unix's account phase refuses an account however it comes, by key, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// /etc/shadow does not know it.
    Unlisted,
    /// The account has ended.
    Expired,
    /// Its password was not changed in time, nor in the time after that.
    Inactive,
    /// Its password has to be changed first, by who knows it.
    Stale,
}

/// Whether a password can let an account in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Password {
    /// There is one.
    Set,
    /// None that anybody could type: `*`, `!`, or nothing at all (which sshd and login as we know them refuse, too).
    None,
    /// /etc/shadow could not be read.
    Unknown,
}

impl Accounts {
    /// Of this host. A file that is missing knows nobody.
    pub(super) fn of(host: &Host) -> Accounts {
        let read = |path: &str| {
            std::fs::read(host.path(path)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).ok()
        };
        let text = |path| read(path).unwrap_or_default();
        Accounts::parse(&text("/etc/passwd"), &text("/etc/group"), read("/etc/shadow").as_deref())
    }

    fn parse(passwd: &str, group: &str, shadow: Option<&str>) -> Accounts {
        let mut accounts = Accounts::default();
        let mut own = BTreeMap::new();
        for line in passwd.lines() {
            let [name, hash, uid, gid, _, home, shell] = fields(line);
            let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse()) else { continue };
            let shell = if shell.is_empty() { "/bin/sh" } else { shell };
            let person =
                Person { name: name.to_owned(), uid, gid, home: home.to_owned(), shell: shell.to_owned() };
            accounts.people.entry(name.to_owned()).or_insert(person);
            if hash != "x" {
                let line = Shadow { hash: hash.to_owned(), ..Shadow::default() };
                own.entry(name.to_owned()).or_insert(line);
            }
        }
        for line in group.lines() {
            let [name, _, gid, members] = fields(line);
            let Ok(gid) = gid.parse() else { continue };
            let listed = members.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            accounts.groups.entry(name.to_owned()).or_insert(Group { gid, listed });
        }
        accounts.shadow = shadow.map(|text| {
            let mut lines = BTreeMap::new();
            for line in text.lines() {
                let [name, hash, changed, _, most, _, inactive, expires] = fields(line);
                let days = |text: &str| text.parse().ok().filter(|days: &i64| *days >= 0);
                let line = Shadow {
                    hash: hash.to_owned(),
                    changed: days(changed),
                    most: days(most),
                    inactive: days(inactive),
                    expires: days(expires),
                };
                lines.entry(name.to_owned()).or_insert(line);
            }
            // Whose hash stands in /etc/passwd is not looked up elsewhere.
            lines.extend(own);
            lines
        });
        accounts
    }

    /// The local accounts that are in a local group, by its list or as their primary one.
    pub(super) fn members(&self, group: &str) -> impl Iterator<Item = &Person> {
        let group = self.groups.get(group);
        let listed =
            group.into_iter().flat_map(|group| &group.listed).filter_map(|name| self.people.get(name));
        let primary =
            self.people.values().filter(move |person| group.is_some_and(|group| group.gid == person.gid));
        let all: BTreeMap<&str, &Person> =
            listed.chain(primary).map(|person| (person.name.as_str(), person)).collect();
        all.into_values()
    }

    /// The local groups that some local account is in.
    pub(super) fn inhabited(&self) -> BTreeSet<String> {
        let primary: BTreeSet<u32> = self.people.values().map(|person| person.gid).collect();
        let is_inhabited = |group: &Group| {
            primary.contains(&group.gid) || group.listed.iter().any(|name| self.people.contains_key(name))
        };
        self.groups.iter().filter(|(_, group)| is_inhabited(group)).map(|(name, _)| name.clone()).collect()
    }

    /// Whether a password lets this account in.
    pub(super) fn password(&self, name: &str) -> Password {
        match self.shadow.as_ref().map(|shadow| shadow.get(name)) {
            None => Password::Unknown,
            Some(None) => Password::None,
            // crypt(5): no hash begins so.
            Some(Some(line)) if line.hash.is_empty() || line.hash.starts_with(['!', '*']) => Password::None,
            Some(Some(_)) => Password::Set,
        }
    }

    /// Whether the account itself is over, as pam_unix judges it (shadow(5)); `today` in days since 1970. `None` where /etc/shadow could not be read.
    pub(super) fn over(&self, name: &str, today: i64) -> Option<Over> {
        let Some(line) = self.shadow.as_ref()?.get(name) else { return Some(Over::Unlisted) };
        if line.expires.is_some_and(|expires| today >= expires) {
            return Some(Over::Expired);
        }
        let changed = line.changed?;
        let age = today.saturating_sub(changed);
        match (line.most, line.inactive) {
            _ if changed == 0 => Some(Over::Stale),
            (Some(most), Some(inactive)) if age > most.saturating_add(inactive) => Some(Over::Inactive),
            (Some(most), _) if age > most => Some(Over::Stale),
            _ => None,
        }
    }
}

impl Person {
    /// Whether its shell lets somebody work.
    pub(super) fn has_shell(&self) -> bool {
        !self.shell.ends_with("/nologin") && !self.shell.ends_with("/false")
    }

    /// Whether it is a person and not a daemon, as far as a number tells (login.defs: UID_MIN; 65534 is nobody).
    pub(super) fn is_human(&self) -> bool {
        self.has_shell() && (1000..65534).contains(&self.uid) || self.uid > 65535 && self.has_shell()
    }
}

fn fields<const N: usize>(line: &str) -> [&str; N] {
    let mut fields = line.split(':');
    std::array::from_fn(|_| fields.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_ends_as_pam_unix_has_it() {
        let over = |shadow: &str, today| {
            Accounts::parse("a:x:1:1:::\nold:$1$x:2:2:::\n", "", Some(shadow)).over("a", today)
        };
        assert_eq!(over("b:*:1::::::\n", 5), Some(Over::Unlisted));
        assert_eq!(over("a:*:100:0:90:7:30::\n", 190), None);
        assert_eq!(over("a:*:100:0:90:7:30::\n", 191), Some(Over::Stale));
        assert_eq!(over("a:*:100:0:90:7:30::\n", 221), Some(Over::Inactive));
        assert_eq!(over("a:*:100:0:90:7:::\n", 9999), Some(Over::Stale));
        assert_eq!(over("a:*:0:0:99999:7:::\n", 9999), Some(Over::Stale));
        assert_eq!(over("a:*:::90:7:30::\n", 9999), None);
        let old = Accounts::parse("old:$1$x:2:2:::\n", "", Some(""));
        assert_eq!((old.password("old"), old.over("old", 9)), (Password::Set, None));
        assert_eq!(Accounts::parse("a:x:1:1:::\n", "", None).over("a", 9), None);
    }

    #[test]
    fn people_groups_and_passwords() {
        let accounts = Accounts::parse(
            "root:x:0:0::/root:/bin/bash\nrescue:x:1000:1000::/home/rescue:\nrescue:x:7:7::/:/bin/no\ndead:x:1001:50::/:/usr/sbin/nologin\nodd\n",
            "glass:x:40:rescue,ghost\nprimary:x:50:\n",
            Some("root:*:1::::::\nrescue:$y$abc:1::::::\ndead:!$y$abc:1:::::20000:\n"),
        );
        let names = |group| accounts.members(group).map(|p| p.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names("glass"), ["rescue"]);
        assert_eq!(names("primary"), ["dead"]);
        assert_eq!(names("none"), Vec::<&str>::new());
        let passwords = ["root", "rescue", "dead", "ghost"].map(|name| accounts.password(name));
        assert_eq!(passwords, [Password::None, Password::Set, Password::None, Password::None]);
        assert_eq!(accounts.over("dead", 20_000), Some(Over::Expired));
        assert_eq!((accounts.over("dead", 19_999), accounts.over("rescue", 99_999)), (None, None));
        assert_eq!(accounts.inhabited().into_iter().collect::<Vec<_>>(), ["glass", "primary"]);
        let rescue = accounts.people.get("rescue").unwrap();
        assert_eq!((rescue.uid, rescue.shell.as_str()), (1000, "/bin/sh"));
        assert!(rescue.has_shell() && !accounts.people.get("dead").unwrap().has_shell());
    }
}
