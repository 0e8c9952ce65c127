//! The ways in with jitd and every directory dead: break-glass accounts that can log in and reach uid 0, wide exemptions, root on the console. Where nobody is
//! left, enforcing would lock everybody out; [`crate::command::lockout`] judges, by what is found here to work and not by names alone.

mod enters;

use std::collections::BTreeSet;

use jit_proto::enforcing::{Rule, Switch};

use self::enters::{Fault, Weight, faults};
use crate::command::lockout::{self, Local, Ways};
use crate::doctor::accounts::{Accounts, Password, Person};
use crate::doctor::host::Host;
use crate::doctor::{Findings, Level, rules};

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("ways-in");
    if rules::of(host).iter().any(|rule| rule == Rule::Production(Switch::No)) {
        // Nothing is guarded, so nobody is locked out.
        return found;
    }
    let accounts = Accounts::of(host);
    let local = Local { users: accounts.people.keys().cloned().collect(), groups: accounts.inhabited() };
    let mut ways = Ways::named(&rules::of(host), &local);
    if let Some(status) = &host.status {
        ways.directory = lockout::directory_answers(status);
        ways.live = status.live;
    }
    let standing = glass(host, &accounts, &mut found);
    let by_name = lockout::judge(&ways).is_err();
    ways.standing.retain(|way| match way.strip_prefix("exempt ") {
        Some(whom) => exempt_enters(host, &accounts, whom, &mut found),
        None => standing.contains(way),
    });
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
            let faults = faults(host, accounts, person, found);
            if faults.iter().all(|fault| fault.weight != Weight::Bars) {
                standing.insert(way.clone());
            }
            if looked_at.insert(person.name.clone()) {
                for Fault { code, text, cure, .. } in faults {
                    found.push(Level::Warning, code, format!("user {}", person.name), text, cure);
                }
            }
        }
    }
    standing
}

/// Whether somebody who is exempt widely enough could come in and become root; who is of a directory could, as far as this host knows.
fn exempt_enters(host: &Host, accounts: &Accounts, whom: &str, found: &mut Findings) -> bool {
    let mut enters = |person: &Person| {
        faults(host, accounts, person, found).iter().all(|fault| fault.weight != Weight::Bars)
    };
    match whom.split_once(' ') {
        Some(("user", name)) => accounts.people.get(name).is_none_or(enters),
        Some(("group", name)) => accounts.members(name).any(&mut enters),
        _ => false,
    }
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
    let today = host.now.0.div_euclid(86_400);
    let over = accounts.over("root", today).is_some();
    if accounts.password("root") != Password::None && !over || !host.path("/etc/shadow").exists() {
        return;
    }
    let level = if ways.standing.is_empty() { Level::Warning } else { Level::Note };
    found.push(
        level,
        "console-password",
        "root on the console",
        match over {
            true => "[break_glass] console lets root in there, but root's account or password has expired",
            false => {
                "[break_glass] console lets root in there, and root has no password: nobody could type one"
            }
        },
        "passwd root, and put it into a safe; if it has expired: chage -E -1 -M -1 root",
    );
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

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
        let (mut host, _root) = tree(&[PASSWD, group, ("/etc/shadow", shadow), ("/bin/bash", "")]);
        set_permissions(host.path("/bin/bash"), Permissions::from_mode(0o755)).unwrap();
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
}
