//! The ways in with jitd and every directory dead: break-glass accounts that can log in and reach uid 0, wide exemptions, root on the console. Where nobody is
//! left, enforcing would lock everybody out; [`crate::command::lockout`] judges, by what is found here to work and not by names alone.

use std::collections::BTreeSet;
use std::path::Path;

use jit_proto::enforcing::{Rule, Switch};

use crate::command::lockout::{self, Local, Ways};
use crate::doctor::accounts::{Accounts, Password, Person};
use crate::doctor::host::Host;
use crate::doctor::sshd::{self, Answerless, Words};
use crate::doctor::sudo::{self, Rooted};
use crate::doctor::{Findings, Level, rules};

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("ways-in");
    if rules::of(host).iter().any(|rule| rule == Rule::Production(Switch::No)) {
        // Nothing is guarded, so nobody is locked out.
        return found;
    }
    let accounts = Accounts::of(host);
    let local = Local {
        users: accounts.people.keys().cloned().collect(),
        groups: accounts
            .groups
            .keys()
            .filter(|group| accounts.members(group).next().is_some())
            .cloned()
            .collect(),
    };
    let mut ways = Ways::named(&rules::of(host), &local);
    if let Some(status) = &host.status {
        ways.directory = lockout::directory_answers(status);
        ways.live = status.live;
    }
    let standing = glass(host, &accounts, &mut found);
    let by_name = lockout::judge(&ways).is_err();
    ways.standing.retain(|way| way.starts_with("exempt ") || standing.contains(way));
    judge(&ways, if by_name { "lock-out" } else { "break-glass-useless" }, &mut found);
    if ways.console {
        console(host, &accounts, &ways, &mut found);
    }
    found
}

/// Examines everybody who is named for break-glass; returns the ways that work, as `lockout` names them.
fn glass(host: &Host, accounts: &Accounts, found: &mut Findings) -> BTreeSet<String> {
    let mut standing = BTreeSet::new();
    let mut looked_at = BTreeSet::new();
    let file_rules = rules::of(host);
    for rule in file_rules.iter() {
        let (way, people): (String, Vec<&Person>) = match rule {
            Rule::BreakGlassUser(name) => {
                let person = accounts.people.get(name);
                if person.is_none() {
                    found.push(
                        Level::Warning,
                        "break-glass-missing",
                        format!("user {name}"),
                        "[break_glass] users names it, and /etc/passwd does not: it lets nobody in (what a directory says of it does not count)",
                        format!("useradd -m {name}; or take it out of [break_glass] in jitd.toml"),
                    );
                }
                (format!("user {name}"), person.into_iter().collect())
            }
            Rule::BreakGlassGroup(name) => (format!("group {name}"), accounts.members(name).collect()),
            _ => continue,
        };
        for person in people {
            let faults = faults(host, accounts, person);
            if faults.is_empty() {
                standing.insert(way.clone());
            }
            if looked_at.insert(person.name.clone()) {
                for Fault { code, text, cure } in faults {
                    found.push(Level::Warning, code, format!("user {}", person.name), text, cure);
                }
            }
        }
    }
    standing
}

/// Why a break-glass account is none.
struct Fault {
    code: &'static str,
    text: String,
    cure: String,
}

fn faults(host: &Host, accounts: &Accounts, person: &Person) -> Vec<Fault> {
    let name = &person.name;
    let mut faults = Vec::new();
    let mut cannot = |code, text: &str, cure: String| {
        faults.push(Fault { code, text: format!("break-glass: {text}"), cure })
    };
    if !person.has_shell() {
        cannot(
            "break-glass-login",
            &format!("its shell {} lets nobody work", person.shell),
            format!("usermod -s /bin/bash {name}"),
        );
    }
    if accounts.is_over(name, host.now.0.div_euclid(86_400)) {
        cannot("break-glass-login", "the account has expired", format!("chage -E -1 {name}"));
    }
    let password = accounts.password(name) != Password::None;
    let by_ssh = match sshd::effective(host, name) {
        Ok(words) => Some(comes_in(host, &words, accounts, person)),
        Err(Answerless::Absent(_)) if host.root == Path::new("/") => Some(false),
        Err(_) => None,
    };
    if by_ssh == Some(false) && !password {
        cannot(
            "break-glass-login",
            "it has neither a key that sshd takes nor a password",
            format!("put the key of the safe into ~{name}/.ssh/authorized_keys, or: passwd {name}"),
        );
    }
    if person.uid != 0 {
        let by_su = accounts.password("root") == Password::Set;
        let by_sudo = match sudo::rule_for(host, name) {
            Ok(Rooted::Freely) => Some(true),
            Ok(Rooted::ByPassword) => Some(password),
            Ok(Rooted::No) => Some(false),
            Err(_) => None,
        };
        if by_sudo == Some(false) && !by_su {
            cannot(
                "break-glass-root",
                "it can log in and not become root: no rule of sudo lets it do everything (by a password that it has, or without), and root has no password for su",
                format!(
                    "echo '{name} ALL=(ALL) NOPASSWD: ALL' | EDITOR=tee visudo -f /etc/sudoers.d/break-glass"
                ),
            );
        }
    }
    faults
}

/// Whether sshd lets it in, by a key or a password, as far as its configuration and files tell.
fn comes_in(host: &Host, words: &Words, accounts: &Accounts, person: &Person) -> bool {
    let value = |word: &str| words.get(word).map(String::as_str).unwrap_or_default();
    let groups: Vec<&str> = accounts
        .groups
        .iter()
        .filter(|(_, group)| group.gid == person.gid || group.listed.contains(&person.name))
        .map(|(name, _)| name.as_str())
        .collect();
    let listed = |word: &str| words.get(word).map(|patterns| sshd::names(patterns, &person.name));
    let grouped =
        |word: &str| words.get(word).map(|patterns| groups.iter().any(|group| sshd::names(patterns, group)));
    if listed("denyusers") == Some(true)
        || grouped("denygroups") == Some(true)
        || listed("allowusers") == Some(false)
        || grouped("allowgroups") == Some(false)
    {
        return false;
    }
    let by_password =
        value("passwordauthentication") == "yes" || value("kbdinteractiveauthentication") == "yes";
    let root_by = value("permitrootlogin");
    if person.uid == 0 && root_by == "no" {
        return false;
    }
    if by_password
        && accounts.password(&person.name) == Password::Set
        && (person.uid != 0 || root_by == "yes")
    {
        return true;
    }
    let by_authority = value("trustedusercakeys") != "none" && !value("trustedusercakeys").is_empty();
    value("pubkeyauthentication") == "yes"
        && (by_authority || has_key(host, value("authorizedkeysfile"), person))
}

/// sshd_config(5), AuthorizedKeysFile: several, `%h`, `%u`, `%U` and `%%`, relative to the home.
fn has_key(host: &Host, files: &str, person: &Person) -> bool {
    files.split_whitespace().filter(|file| *file != "none").any(|file| {
        let path = file
            .replace("%%", "\0")
            .replace("%h", &person.home)
            .replace("%u", &person.name)
            .replace("%U", &person.uid.to_string())
            .replace('\0', "%");
        let path = if path.starts_with('/') { path } else { format!("{}/{path}", person.home) };
        let text = std::fs::read(host.path(path)).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().any(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        })
    })
}

/// `danger` is the code of a lock-out: one that names alone show, or one that only shows when each account is looked at.
fn judge(ways: &Ways, danger: &'static str, found: &mut Findings) {
    const CURE: &str = "[break_glass] users = [\"rescue\"] in jitd.toml, for a local account with a key in a safe and a rule of sudo; then: \
                        systemctl reload jitd; jitctl mode enforcing";
    match lockout::judge(ways) {
        Ok(warnings) => {
            for warning in warnings {
                found.push(Level::Warning, "break-glass-nobody", "the ways in", warning, CURE);
            }
        }
        Err(why) => found.push(Level::LockOut, danger, "the ways in", why, CURE),
    }
}

/// Root on the console counts only with a password. It is worth a warning where nothing else stands, and a word where something does.
fn console(host: &Host, accounts: &Accounts, ways: &Ways, found: &mut Findings) {
    if accounts.password("root") != Password::None || !host.path("/etc/shadow").exists() {
        return;
    }
    let level = if ways.standing.is_empty() { Level::Warning } else { Level::Note };
    found.push(
        level,
        "console-password",
        "root on the console",
        "[break_glass] console lets root in there, and root has no password: nobody could type one",
        "passwd root, and put it into a safe",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::{codes, status, tree};

    const PASSWD: (&str, &str) = (
        "/etc/passwd",
        "root:x:0:0::/root:/bin/bash\nrescue:x:1000:1000::/home/rescue:/bin/bash\ndumb:x:1001:1001::/:/usr/sbin/nologin\n",
    );
    const SHADOW: (&str, &str) =
        ("/etc/shadow", "root:$y$x:1::::::\nrescue:$y$x:1::::::\ndumb:!:1:::::10:\n");

    fn judged(rules: &str, shadow: &str, live: usize) -> Vec<(&'static str, &'static str)> {
        let group = ("/etc/group", "glass:x:7:rescue\nempty:x:8:\n");
        let (mut host, _root) = tree(&[PASSWD, group, ("/etc/shadow", shadow)]);
        host.rules = format!("guard sshd\n{rules}end enforcing\n");
        let mut status = status();
        status.live = live;
        host.status = Some(status);
        codes(&examine(&host))
    }

    #[test]
    fn somebody_who_can_log_in_and_become_root_is_left() {
        assert_eq!(judged("break-glass-user rescue\n", SHADOW.1, 0), []);
        assert_eq!(judged("break-glass-group glass\n", SHADOW.1, 0), []);
        let nobody = ("lock-out", "lock-out");
        assert_eq!(judged("break-glass-group empty\n", SHADOW.1, 0), [nobody]);
        assert_eq!(judged("break-glass-group empty\nproduction no\n", SHADOW.1, 0), []);
        assert_eq!(
            judged("break-glass-user ghost\n", SHADOW.1, 0),
            [("warning", "break-glass-missing"), nobody]
        );
        let login = ("warning", "break-glass-login");
        assert_eq!(
            judged("break-glass-user dumb\n", SHADOW.1, 0),
            [login, login, ("lock-out", "break-glass-useless")]
        );
        assert_eq!(
            judged("break-glass-user dumb\n", SHADOW.1, 1),
            [login, login, ("warning", "break-glass-nobody")]
        );
    }

    #[test]
    fn a_console_without_a_password_is_none() {
        let locked = "root:*:1::::::\nrescue:$y$x:1::::::\n";
        let console = "break-glass-console yes\n";
        assert_eq!(
            judged(&format!("break-glass-user rescue\n{console}"), locked, 0),
            [("note", "console-password")]
        );
        assert_eq!(
            judged(console, locked, 1),
            [("warning", "break-glass-nobody"), ("warning", "console-password")]
        );
        assert_eq!(judged(console, SHADOW.1, 1), [("warning", "break-glass-nobody")]);
    }

    #[test]
    fn sshd_lets_it_in() {
        let (host, _root) = tree(&[
            PASSWD,
            ("/etc/shadow", "rescue:*:1::::::\nroot:$y$x:1::::::\n"),
            ("/etc/group", "ops:x:9:rescue\n"),
            ("/etc/ssh/keys/rescue", "# a safe\nssh-ed25519 AAAA\n"),
            ("/root/.ssh/authorized_keys", "# none\n"),
        ]);
        let accounts = Accounts::of(&host);
        let comes = |name: &str, more: &[(&str, &str)]| {
            let usual = [
                ("pubkeyauthentication", "yes"),
                ("authorizedkeysfile", ".ssh/authorized_keys /etc/ssh/keys/%u"),
                ("permitrootlogin", "prohibit-password"),
            ];
            let words: Words = usual
                .iter()
                .chain(more)
                .map(|(word, value)| ((*word).to_owned(), (*value).to_owned()))
                .collect();
            comes_in(&host, &words, &accounts, accounts.people.get(name).unwrap())
        };
        assert!(comes("rescue", &[]));
        assert!(!comes("rescue", &[("allowusers", "alice bob")]));
        assert!(comes("rescue", &[("allowgroups", "op*")]));
        assert!(!comes("rescue", &[("denygroups", "ops")]));
        assert!(!comes("rescue", &[("authorizedkeysfile", ".ssh/authorized_keys")]));
        assert!(!comes("root", &[("passwordauthentication", "yes")]));
        assert!(comes("root", &[("passwordauthentication", "yes"), ("permitrootlogin", "yes")]));
    }
}
