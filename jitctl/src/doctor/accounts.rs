//! Who is in /etc/passwd, /etc/shadow and /etc/group, read as files: what must work with every directory dead is not asked of one. Judges of each
//! account whether a password lets it in (shadow(5), crypt(5)). Never shows a hash to anybody.

use std::collections::BTreeMap;

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

/// What counts of a line of /etc/shadow.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shadow {
    hash: String,
    /// Days since 1970.
    expires: Option<i64>,
}

/// Whether a password can let an account in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Password {
    /// There is one.
    Set,
    /// None that anybody could type: `*`, `!`, or nothing at all (which sshd and login as we know them refuse, too).
    None,
    /// /etc/shadow could not be read, or does not know the account.
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
        for line in passwd.lines() {
            let [name, _, uid, gid, _, home, shell] = fields(line);
            let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse()) else { continue };
            let shell = if shell.is_empty() { "/bin/sh" } else { shell };
            let person =
                Person { name: name.to_owned(), uid, gid, home: home.to_owned(), shell: shell.to_owned() };
            accounts.people.entry(name.to_owned()).or_insert(person);
        }
        for line in group.lines() {
            let [name, _, gid, members] = fields(line);
            let Ok(gid) = gid.parse() else { continue };
            let listed = members.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            accounts.groups.entry(name.to_owned()).or_insert(Group { gid, listed });
        }
        accounts.shadow = shadow.map(|text| {
            let line = |line: &str| {
                let [name, hash, _, _, _, _, _, expires] = fields(line);
                (name.to_owned(), Shadow { hash: hash.to_owned(), expires: expires.parse().ok() })
            };
            text.lines().map(line).collect()
        });
        accounts
    }

    /// The local accounts that are in a local group, by its list or as their primary one.
    pub(super) fn members<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Person> {
        let group = self.groups.get(group);
        self.people.values().filter(move |person| {
            group.is_some_and(|group| group.gid == person.gid || group.listed.contains(&person.name))
        })
    }

    /// Whether a password lets this account in.
    pub(super) fn password(&self, name: &str) -> Password {
        match self.shadow.as_ref().map(|shadow| shadow.get(name)) {
            None | Some(None) => Password::Unknown,
            // crypt(5): no hash begins so.
            Some(Some(line)) if line.hash.is_empty() || line.hash.starts_with(['!', '*']) => Password::None,
            Some(Some(_)) => Password::Set,
        }
    }

    /// Whether the account itself is over, so that pam_unix refuses it however it comes; `today` in days since 1970.
    pub(super) fn is_over(&self, name: &str, today: i64) -> bool {
        let line = self.shadow.as_ref().and_then(|shadow| shadow.get(name));
        line.and_then(|line| line.expires).is_some_and(|expires| expires <= today)
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
        assert_eq!(passwords, [Password::None, Password::Set, Password::None, Password::Unknown]);
        assert!(accounts.is_over("dead", 20_000) && !accounts.is_over("dead", 19_999));
        assert!(!accounts.is_over("rescue", 99_999));
        let rescue = accounts.people.get("rescue").unwrap();
        assert_eq!((rescue.uid, rescue.shell.as_str()), (1000, "/bin/sh"));
        assert!(rescue.has_shell() && !accounts.people.get("dead").unwrap().has_shell());
    }
}
