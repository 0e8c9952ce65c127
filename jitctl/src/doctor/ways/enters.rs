//! Whether an account gets in and becomes root with jitd and every directory dead, as sshd, pam_unix and sudo judge it. Must never take for a way in what it
//! could not look at without saying so.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::doctor::Findings;
use crate::doctor::accounts::{Accounts, Over, Password, Person};
use crate::doctor::host::Host;
use crate::doctor::sshd::{self, Answerless, Words};
use crate::doctor::sudo::{self, Rooted};

/// pam_nologin(8), sshd(8): where one of these is, only root gets in.
const NOLOGIN: [&str; 2] = ["/etc/nologin", "/run/nologin"];
const DOAS: [&str; 2] = ["/usr/bin/doas", "/usr/local/bin/doas"];
const DAY: i64 = 86_400;

/// Why a break-glass account is none, or soon will be.
pub(super) struct Fault {
    pub(super) weight: Weight,
    pub(super) code: &'static str,
    pub(super) text: String,
    pub(super) cure: String,
}

/// How much it weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It does not get in, or not become root.
    Bars,
    /// It does today.
    Warns,
}

/// All that speaks against an account. What could not be looked at is said in `found`.
pub(super) fn faults(host: &Host, accounts: &Accounts, person: &Person, found: &mut Findings) -> Vec<Fault> {
    let name = &person.name;
    let mut faults = Vec::new();
    let mut cannot = |code, text: &str, cure: String| {
        faults.push(Fault { weight: Weight::Bars, code, text: format!("break-glass: {text}"), cure });
    };
    let mut unexamined = |what: String| {
        if !found.unexamined.contains(&what) {
            found.unexamined(what);
        }
    };
    if !person.has_shell() {
        cannot(
            "break-glass-login",
            &format!("its shell {} lets nobody work", person.shell),
            format!("usermod -s /bin/bash {name}"),
        );
    } else if !is_program(&host.path(&person.shell)) {
        cannot(
            "break-glass-login",
            &format!("its shell {} is not there, or no program: sshd refuses it", person.shell),
            format!("usermod -s /bin/bash {name}"),
        );
    }
    if let Some(file) = NOLOGIN.iter().find(|file| person.uid != 0 && host.path(file).exists()) {
        cannot(
            "break-glass-login",
            &format!("{file} is there, so nobody but root gets in"),
            format!("rm {file}"),
        );
    }
    let password = accounts.password(name);
    if password == Password::Unknown {
        unexamined("passwords and ends of accounts: /etc/shadow cannot be read".to_owned());
    }
    let today = host.now.0.div_euclid(DAY);
    let over = accounts.over(name, today);
    if let Some((text, cure)) = over.and_then(|over| refused(over, password, name)) {
        cannot("break-glass-login", text, cure);
    }
    let by_ssh = by_ssh(host, accounts, person);
    if let Err(why) = &by_ssh {
        unexamined(format!("whether sshd lets break-glass accounts in: {why}"));
    }
    if by_ssh == Ok(false) && password == Password::None {
        cannot(
            "break-glass-login",
            "it has neither a key that sshd takes nor a password",
            format!(
                "put the key of the safe into ~{name}/.ssh/authorized_keys (its own, writable by nobody else, as everything above), or: passwd {name}"
            ),
        );
    }
    if person.uid != 0 {
        let by_su = accounts.password("root") == Password::Set;
        let by_sudo = match sudo::rule_for(host, name) {
            Ok(Rooted::Freely) => Some(true),
            Ok(Rooted::ByPassword) => Some(password != Password::None),
            Ok(Rooted::ByRootsPassword) => Some(by_su),
            Ok(Rooted::No) => Some(false),
            Err(mute) if mute.is_missing() && !DOAS.iter().any(|doas| host.path(doas).exists()) => {
                Some(false)
            }
            Err(mute) => {
                if !by_su {
                    unexamined(format!("whether break-glass accounts become root: {mute}"));
                }
                None
            }
        };
        if by_sudo == Some(false) && !by_su {
            cannot(
                "break-glass-root",
                "it can log in and not become root: no rule of sudo lets it do everything (by a password that it has, or without; of several rules \
                 the last counts), and root has no password for su",
                format!(
                    "echo '{name} ALL=(ALL) NOPASSWD: ALL' | EDITOR=tee visudo -f /etc/sudoers.d/zz-break-glass"
                ),
            );
        }
    }
    let then = host.now.plus(host.within).0.div_euclid(DAY);
    if over.is_none() && faults.is_empty() {
        let soon = accounts.over(name, then).and_then(|over| refused(over, password, name));
        faults.extend(soon.map(|(_, cure)| {
            Fault {
                weight: Weight::Warns,
                code: "break-glass-login",
                text:
                    "break-glass: its account or its password ends soon (chage -l), and then it cannot log in"
                        .to_owned(),
                cure,
            }
        }));
    }
    faults
}

/// What pam_unix says to it, and what helps. Who has to change his password can, if he has one.
fn refused(over: Over, password: Password, name: &str) -> Option<(&'static str, String)> {
    Some(match over {
        Over::Unlisted => (
            "it is not in /etc/shadow, so pam_unix refuses it, with a key, too",
            format!("pwconv; passwd {name}"),
        ),
        Over::Expired => ("the account has expired", format!("chage -E -1 {name}")),
        Over::Inactive => (
            "its password was not changed for too long, so pam_unix refuses it, with a key, too",
            format!("chage -d $(date +%F) -M -1 -I -1 {name}"),
        ),
        Over::Stale if password == Password::None => (
            "its password has to be changed before it gets in, with a key, too, and it has none",
            format!("chage -d $(date +%F) -M -1 -I -1 {name}"),
        ),
        Over::Stale => return None,
    })
}

/// sshd(8): a regular file that somebody may execute.
fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.mode() & 0o111 != 0)
}

/// Whether sshd lets it in from anywhere; why nobody knows.
fn by_ssh(host: &Host, accounts: &Accounts, person: &Person) -> Result<bool, String> {
    for address in sshd::addresses(host)? {
        match sshd::effective(host, &person.name, &address) {
            Ok(words) if comes_in(host, &words, accounts, person) => return Ok(true),
            Ok(_) => {}
            Err(Answerless::Absent(_)) => return Ok(false),
            Err(Answerless::Refuses(why) | Answerless::Unasked(why)) => return Err(why),
        }
    }
    Ok(false)
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
    if words.get("denyusers").is_some_and(|patterns| sshd::names_everywhere(patterns, &person.name))
        || grouped("denygroups") == Some(true)
        || listed("allowusers") == Some(false)
        || grouped("allowgroups") == Some(false)
    {
        return false;
    }
    let root_by = if person.uid == 0 { value("permitrootlogin") } else { "yes" };
    if matches!(root_by, "no" | "forced-commands-only") {
        return false;
    }
    let typed = accounts.password(&person.name) == Password::Set && root_by == "yes";
    let by_authority = value("trustedusercakeys") != "none" && !value("trustedusercakeys").is_empty();
    let by_key = value("pubkeyauthentication") == "yes"
        && (by_authority
            || has_key(host, value("authorizedkeysfile"), person, value("strictmodes") == "yes"));
    let by = |method: &str| match method.split(':').next().unwrap_or_default() {
        "publickey" => by_key,
        "password" => typed && value("passwordauthentication") == "yes",
        "keyboard-interactive" => typed && value("kbdinteractiveauthentication") == "yes",
        _ => false,
    };
    match value("authenticationmethods") {
        "" | "any" => ["publickey", "password", "keyboard-interactive"].into_iter().any(by),
        // Of each list all, of the lists any.
        lists => lists.split_whitespace().any(|list| list == "any" || list.split(',').all(by)),
    }
}

/// sshd_config(5), AuthorizedKeysFile: several, `%h`, `%u`, `%U` and `%%`, relative to the home.
fn has_key(host: &Host, files: &str, person: &Person, strict: bool) -> bool {
    files.split_whitespace().filter(|file| *file != "none").any(|file| {
        let path = file
            .replace("%%", "\0")
            .replace("%h", &person.home)
            .replace("%u", &person.name)
            .replace("%U", &person.uid.to_string())
            .replace('\0', "%");
        let path = if path.starts_with('/') { path } else { format!("{}/{path}", person.home) };
        let text = std::fs::read(host.path(&path)).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().any(is_key) && (!strict || is_own(host, person, &path))
    })
}

/// sshd(8), AUTHORIZED_KEYS FILE FORMAT: the type, and the key in base 64, which begins with the length of the type's name.
fn is_key(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_type = |word: &str| ["ssh-", "ecdsa-", "sk-"].iter().any(|begin| word.starts_with(begin));
    let pair = |pair: &[&str]| matches!(pair, [kind, key] if is_type(kind) && key.starts_with("AAAA"));
    !line.trim_start().starts_with('#') && words.windows(2).any(pair)
}

/// StrictModes: the file, and all above it up to the home, are his or root's, and nobody else may write them.
fn is_own(host: &Host, person: &Person, path: &str) -> bool {
    let real = |path: &str| std::fs::canonicalize(host.path(path)).unwrap_or_else(|_| PathBuf::from(path));
    let (file, home) = (real(path), real(&person.home));
    let above_home = |at: &&Path| home.starts_with(at) && **at != *home;
    let way = file.ancestors().take_while(|at| !file.starts_with(&home) || !above_home(at));
    way.into_iter().all(|at| {
        std::fs::metadata(at)
            .is_ok_and(|meta| (meta.uid() == 0 || meta.uid() == person.uid) && meta.mode() & 0o022 == 0)
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::doctor::testing::tree;

    const PASSWD: (&str, &str) =
        ("/etc/passwd", "root:x:0:0::/root:/bin/bash\nrescue:x:1000:1000::/home/rescue:/bin/bash\n");

    #[test]
    fn sshd_lets_it_in() {
        let (host, _root) = tree(&[
            PASSWD,
            ("/etc/shadow", "rescue:*:1::::::\nroot:$y$x:1::::::\n"),
            ("/etc/group", "ops:x:9:rescue\n"),
            ("/etc/ssh/keys/rescue", "# a safe\nfrom=\"10.0.0.0/8\" ssh-ed25519 AAAA a b\n"),
            ("/etc/ssh/odd/rescue", "ssh-ed25519\nAAAA\n#ssh-ed25519 AAAA\n"),
            ("/root/.ssh/authorized_keys", "# none\n"),
        ]);
        let accounts = Accounts::of(&host);
        let comes = |name: &str, more: &[(&str, &str)]| {
            let usual = [
                ("pubkeyauthentication", "yes"),
                ("authorizedkeysfile", ".ssh/authorized_keys /etc/ssh/keys/%u"),
                ("permitrootlogin", "prohibit-password"),
                ("authenticationmethods", "any"),
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
        assert!(
            !comes("rescue", &[("denyusers", "rescue")])
                && comes("rescue", &[("denyusers", "rescue@10.0.0.1")])
        );
        assert!(!comes("rescue", &[("authorizedkeysfile", ".ssh/authorized_keys")]));
        assert!(!comes("rescue", &[("authorizedkeysfile", "/etc/ssh/odd/%u")]));
        assert!(!comes("root", &[("passwordauthentication", "yes")]));
        let typed = [("passwordauthentication", "yes"), ("permitrootlogin", "yes")];
        assert!(comes("root", &typed));
        let by = |methods: &'static str| [("authenticationmethods", methods), typed[0], typed[1]];
        assert!(
            !comes("rescue", &by("publickey,password"))
                && comes("rescue", &by("publickey,password publickey"))
        );
        assert!(comes("root", &by("password")) && !comes("root", &by("publickey")));
    }

    #[test]
    fn a_key_that_others_may_write_is_none() {
        let file = "/home/rescue/.ssh/authorized_keys";
        let (host, _root) = tree(&[PASSWD, (file, "ssh-ed25519 AAAA\n")]);
        let person = Accounts::of(&host).people.get("rescue").unwrap().clone();
        let mine = Person { uid: std::fs::metadata(host.path(file)).unwrap().uid(), ..person };
        let mode = |path: &str, mode| set_permissions(host.path(path), Permissions::from_mode(mode)).unwrap();
        for path in ["/home/rescue", "/home/rescue/.ssh"] {
            mode(path, 0o755);
        }
        mode(file, 0o600);
        let takes = || has_key(&host, ".ssh/authorized_keys", &mine, true);
        assert!(takes());
        // Above the home nobody looks.
        mode("/home", 0o777);
        assert!(takes());
        mode("/home/rescue", 0o775);
        assert!(!takes() && has_key(&host, ".ssh/authorized_keys", &mine, false));
    }

    #[test]
    fn who_has_no_password_cannot_change_it() {
        let says = |over, password| refused(over, password, "x").is_some();
        assert!(says(Over::Stale, Password::None) && !says(Over::Stale, Password::Set));
        assert!(says(Over::Inactive, Password::Set) && says(Over::Unlisted, Password::None));
    }
}
