//! Owners and modes of what decides: configuration, secrets, programs, modules, and every directory above them. Whoever may write one of these lets himself in.
//! The judgement is of values, so that it is tried without being root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::doctor::accounts::{Accounts, Person};
use crate::doctor::host::Host;
use crate::doctor::settings::{Place, Settings};
use crate::doctor::{Findings, Level, nsswitch};

/// Directories that the daemon itself writes.
const OWN: [&str; 4] = ["/var/lib/jitd", "/var/log/jitd", "/run/jitd/pub", "/run/jitd/state"];

/// Who may write, and who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Meta {
    uid: u32,
    gid: u32,
    mode: u32,
}

/// Whose a file has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// Root's.
    Root,
    /// Root's or the daemon's.
    Daemon(u32),
}

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("files");
    let accounts = Accounts::of(host);
    let jitd = account(&accounts, "jitd", &["tty"], &mut found);
    for path in guarded(host) {
        writable(host, &path, Owner::Root, "file-writable", &mut found);
    }
    configuration(host, jitd, &mut found);
    match Settings::of(host) {
        Ok(settings) => {
            for secret in settings.secrets() {
                readable(host, &secret, &mut found);
                // It may be the daemon's own: nobody else has it then.
                let owner = jitd.map_or(Owner::Root, |jitd| Owner::Daemon(jitd.uid));
                writable(host, &secret, owner, "file-writable", &mut found);
            }
            for source in &settings.sources {
                if let Place::Ldif(path) = &source.place {
                    writable(host, path, Owner::Root, "ldif-writable", &mut found);
                }
            }
            if let Some(asker) = &settings.asker {
                account(&accounts, asker, &[], &mut found);
            }
        }
        Err(why) => found.unexamined(format!("the files that jitd.toml names: {why}")),
    }
    if let Some(jitd) = jitd {
        for path in OWN.map(Path::new) {
            // Not what is above: /var/log is syslog's group's on Ubuntu, and decides about nobody.
            writable_here(host, path, path, Owner::Daemon(jitd.uid), "file-writable", &mut found);
        }
    }
    found
}

/// What has to be root's alone: what is there of it.
fn guarded(host: &Host) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        ["/usr/sbin/jitd", "/usr/bin/jitctl", "/run/jitd", "/etc/nsswitch.conf", "/etc/pam.d"]
            .map(PathBuf::from)
            .to_vec();
    all.extend(module_places().into_iter().map(PathBuf::from));
    all.extend(nsswitch::places(host).into_iter().map(PathBuf::from));
    let etc = host.config.parent().unwrap_or(Path::new("/etc/jitd"));
    let inside = fs::read_dir(host.path(etc)).into_iter().flatten().flatten();
    all.extend(inside.map(|entry| etc.join(entry.file_name())));
    all.retain(|path| host.path(path).exists());
    // The source of grants has a code of its own.
    if let Ok(settings) = Settings::of(host) {
        let named = |path: &PathBuf| {
            settings.secrets().contains(path)
                || settings
                    .sources
                    .iter()
                    .any(|source| matches!(&source.place, Place::Ldif(ldif) if ldif == path))
        };
        all.retain(|path| !named(path));
    }
    all
}

/// Where libpam looks, on Debian and on RHEL.
pub(super) fn module_places() -> Vec<String> {
    vec![
        format!("/usr/lib/{}-linux-gnu/security/pam_jit.so", std::env::consts::ARCH),
        "/usr/lib64/security/pam_jit.so".to_owned(),
    ]
}

/// Finds who else may write a file, or put another in its place: the file, and every directory above it.
fn writable(host: &Host, path: &Path, owner: Owner, code: &'static str, found: &mut Findings) {
    let mut whose = owner;
    for at in path.ancestors().filter(|at| !at.as_os_str().is_empty()) {
        writable_here(host, path, at, whose, code, found);
        // Above it, everything is root's.
        whose = Owner::Root;
    }
}

/// The same for one of these, said once.
fn writable_here(
    host: &Host,
    path: &Path,
    at: &Path,
    owner: Owner,
    code: &'static str,
    found: &mut Findings,
) {
    let Some(why) = meta(host, at).and_then(|meta| written_by_others(meta, owner)) else { return };
    let shown = at.display().to_string();
    if found.findings.iter().any(|finding| finding.place == shown) {
        return;
    }
    let comes_of_it = if at == path {
        "whoever that is decides who gets in"
    } else {
        "whoever that is may put other files there"
    };
    let cure = format!(
        "chown {} {shown}; chmod g-w,o-w {shown}",
        if owner == Owner::Root { "root" } else { "jitd" }
    );
    found.push(Level::Hole, code, shown, format!("{why}: {comes_of_it}"), cure);
}

/// `None` where there is nothing, or nothing can be said. Links are followed: what counts is what is opened.
fn meta(host: &Host, path: &Path) -> Option<Meta> {
    let meta = fs::metadata(host.path(path)).ok()?;
    Some(Meta { uid: meta.uid(), gid: meta.gid(), mode: meta.mode() & 0o7777 })
}

fn written_by_others(meta: Meta, owner: Owner) -> Option<String> {
    let good = match owner {
        Owner::Root => meta.uid == 0,
        Owner::Daemon(uid) => meta.uid == 0 || meta.uid == uid,
    };
    if !good {
        return Some(format!("it belongs to uid {}", meta.uid));
    }
    // What is sticky, such as /tmp, lets nobody replace another's file. Root's own group writes as root does.
    let sticky = meta.mode & 0o1000 != 0;
    let by_group = meta.mode & 0o020 != 0 && meta.gid != 0;
    let by_all = meta.mode & 0o002 != 0;
    if by_all && !sticky {
        Some(format!("everybody may write it (mode {:04o})", meta.mode))
    } else if by_group && !sticky {
        Some(format!("group {} may write it (mode {:04o})", meta.gid, meta.mode))
    } else {
        None
    }
}

fn readable(host: &Host, secret: &Path, found: &mut Findings) {
    let Some(meta) = meta(host, secret) else {
        found.push(
            Level::Warning,
            "secret-missing",
            secret.display().to_string(),
            "jitd.toml names it, and it is not there: jitd cannot authenticate to the directory",
            "put it there: chown root:jitd, chmod 640",
        );
        return;
    };
    if meta.mode & 0o004 != 0 {
        let shown = secret.display();
        found.push(
            Level::Hole,
            "secret-readable",
            shown.to_string(),
            format!("everybody on this host may read it (mode {:04o}), and be this host to the directory; jitd does not use it so", meta.mode),
            format!("chmod o= {shown}, and have a new one made"),
        );
    }
}

/// jitd.toml: 0640 root:jitd, so that it can be read again.
fn configuration(host: &Host, jitd: Option<&Person>, found: &mut Findings) {
    let (Some(meta), Some(jitd)) = (meta(host, &host.config), jitd) else { return };
    if let Some(text) = unread(meta, jitd) {
        let shown = host.config.display();
        found.push(
            Level::Warning,
            "config-mode",
            shown.to_string(),
            text,
            format!("chown root:jitd {shown}; chmod 640 {shown}"),
        );
    }
}

fn unread(meta: Meta, jitd: &Person) -> Option<String> {
    if meta.mode & 0o004 != 0 {
        return Some(format!(
            "everybody may read who is exempt and who breaks glass (mode {:04o})",
            meta.mode
        ));
    }
    let by_jitd = meta.mode & 0o040 != 0 && meta.gid == jitd.gid;
    (!by_jitd)
        .then(|| "jitd may not read it: a reload would fail, and so would a start under systemd".to_owned())
}

/// A daemon's account: no root, no shell, in no group but these.
fn account<'a>(
    accounts: &'a Accounts,
    name: &str,
    expected: &[&str],
    found: &mut Findings,
) -> Option<&'a Person> {
    let place = format!("user {name}");
    let Some(person) = accounts.people.get(name) else {
        found.push(
            Level::Warning,
            "account-missing",
            place,
            "it is not in /etc/passwd: what runs as it cannot start",
            format!("systemd-sysusers; or: useradd --system --user-group --no-create-home --shell /usr/sbin/nologin {name}"),
        );
        return None;
    };
    let mut groups = accounts.groups.iter().filter(|(group, listed)| {
        listed.gid != person.gid
            && listed.listed.contains(&person.name)
            && !expected.contains(&group.as_str())
    });
    let odd = if person.uid == 0 {
        Some((
            "it is root: what takes it over has everything".to_owned(),
            format!("give {name} a uid of its own"),
        ))
    } else if let Some((group, _)) = groups.next() {
        Some((
            format!("it is in group {group}, which it does not need"),
            format!("gpasswd -d {name} {group}"),
        ))
    } else if person.has_shell() {
        Some((
            format!("its shell is {}: somebody could log in as it", person.shell),
            format!("usermod -s /usr/sbin/nologin {name}"),
        ))
    } else {
        None
    };
    if let Some((text, cure)) = odd {
        found.push(Level::Warning, "account-odd", place, text, cure);
    }
    Some(person)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::{codes, tree};

    fn meta(uid: u32, gid: u32, mode: u32) -> Meta {
        Meta { uid, gid, mode }
    }

    #[test]
    fn only_root_writes() {
        let judged = |meta| written_by_others(meta, Owner::Root).is_some();
        for good in [meta(0, 0, 0o644), meta(0, 990, 0o640), meta(0, 0, 0o664), meta(0, 0, 0o1777)] {
            assert!(!judged(good), "{good:?}");
        }
        for bad in [meta(1000, 0, 0o644), meta(0, 990, 0o660), meta(0, 0, 0o646), meta(990, 990, 0o700)] {
            assert!(judged(bad), "{bad:?}");
        }
        assert_eq!(written_by_others(meta(990, 990, 0o755), Owner::Daemon(990)), None);
        assert!(written_by_others(meta(990, 5, 0o770), Owner::Daemon(990)).is_some());
    }

    #[test]
    fn the_daemon_reads_its_configuration_and_not_everybody() {
        let jitd = Person {
            name: "jitd".into(),
            uid: 990,
            gid: 990,
            home: "/".into(),
            shell: "/usr/sbin/nologin".into(),
        };
        assert_eq!(unread(meta(0, 990, 0o640), &jitd), None);
        assert!(unread(meta(0, 0, 0o640), &jitd).is_some_and(|text| text.contains("reload")));
        assert!(unread(meta(0, 990, 0o644), &jitd).is_some_and(|text| text.contains("everybody")));
    }

    #[test]
    fn accounts_of_daemons_are_nothing_more() {
        let judged = |passwd: &str, group: &str| {
            let (host, _root) = tree(&[("/etc/passwd", passwd), ("/etc/group", group)]);
            let mut found = Findings::default();
            account(&Accounts::of(&host), "jitd", &["tty"], &mut found);
            codes(&found)
        };
        let good = "jitd:x:990:990::/:/usr/sbin/nologin\n";
        assert_eq!(judged(good, "jitd:x:990:\ntty:x:5:jitd\n"), []);
        assert_eq!(judged(good, "docker:x:6:jitd\n"), [("warning", "account-odd")]);
        assert_eq!(judged("jitd:x:990:990::/:/bin/bash\n", ""), [("warning", "account-odd")]);
        assert_eq!(judged("", ""), [("warning", "account-missing")]);
    }
}
