//! Owners and modes of what decides: configuration, secrets, programs, modules, and every directory above them. Whoever may write one of these lets himself in.
//! The judgement is of values, so that it is tried without being root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::doctor::accounts::{Accounts, Person};
use crate::doctor::host::Host;
use crate::doctor::settings::{Place, Settings};
use crate::doctor::{Findings, Level, acl, nsswitch};

/// Directories that the daemon itself writes.
const OWN: [&str; 4] = ["/var/lib/jitd", "/var/log/jitd", "/run/jitd/pub", "/run/jitd/state"];

/// Files, and directories of which each file counts, by which others than jit decide who gets in or becomes root.
const DECIDING: [&str; 14] = [
    "/etc/passwd",
    "/etc/group",
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/sudo.conf",
    "/etc/ssh/sshd_config",
    "/etc/ld.so.preload",
    "/etc/nsswitch.conf",
    "/etc/pam.d",
    "/usr/lib/pam.d",
    "/etc/security",
    "/etc/sudoers.d",
    "/etc/ssh/sshd_config.d",
];

/// Who may write, and who may read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Meta {
    uid: u32,
    gid: u32,
    mode: u32,
    /// Whom its access control list lets write besides (acl(5)).
    listed: Vec<acl::Who>,
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
                readable(host, &accounts, jitd, &secret, &mut found);
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
        ["/usr/sbin/jitd", "/usr/bin/jitctl", "/run/jitd"].map(PathBuf::from).to_vec();
    all.extend(module_places().into_iter().map(PathBuf::from));
    all.extend(nsswitch::places(host).into_iter().map(PathBuf::from));
    all.extend(DECIDING.map(PathBuf::from));
    let etc = host.config.parent().unwrap_or(Path::new("/etc/jitd")).to_owned();
    // Any module of PAM may end a phase before ours is asked.
    let modules = module_places().into_iter().filter_map(|path| Some(Path::new(&path).parent()?.to_owned()));
    let whole = DECIDING.iter().map(PathBuf::from).chain(modules).chain([etc]);
    let inside: Vec<PathBuf> = whole.flat_map(|directory| names(host, &directory)).collect();
    all.extend(inside);
    all.retain(|path| host.path(path).exists());
    // Behind a link (authselect's, /etc/alternatives) it is the file that counts, and what is above that.
    let real: Vec<PathBuf> = all.iter().filter_map(|path| behind(host, path)).collect();
    all.extend(real);
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

/// The files in a directory; none if it is none.
fn names(host: &Host, directory: &Path) -> Vec<PathBuf> {
    let inside = fs::read_dir(host.path(directory)).into_iter().flatten().flatten();
    inside.map(|entry| directory.join(entry.file_name())).collect()
}

/// Where a path with links in it leads, on the host.
fn behind(host: &Host, path: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(host.path(path)).ok()?;
    let real = Path::new("/").join(real.strip_prefix(&host.root).ok()?);
    (real != path).then_some(real)
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
    let place = if at == path { At::Itself } else { At::Above };
    let judged = meta(host, at).and_then(|meta| written_by_others(&meta, owner, place, || root_group(host)));
    let Some(why) = judged else { return };
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

/// `None` where there is nothing. Links are followed: what counts is what is opened.
fn meta(host: &Host, path: &Path) -> Option<Meta> {
    let path = host.path(path);
    let meta = fs::metadata(&path).ok()?;
    Some(Meta {
        uid: meta.uid(),
        gid: meta.gid(),
        mode: meta.mode() & 0o7777,
        listed: acl::allowed(&path, acl::WRITE),
    })
}

/// Who is in root's own group besides root.
fn root_group(host: &Host) -> Vec<String> {
    let text = fs::read_to_string(host.path("/etc/group")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("root:")).unwrap_or_default();
    let members = line.rsplit(':').next().unwrap_or_default().split(',');
    members.filter(|name| !name.is_empty() && *name != "root").map(str::to_owned).collect()
}

/// What is looked at: what counts itself, or a directory above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Itself,
    Above,
}

/// `helpers` are in root's own group, besides root.
fn written_by_others(
    meta: &Meta,
    owner: Owner,
    at: At,
    helpers: impl FnOnce() -> Vec<String>,
) -> Option<String> {
    let good = |uid: u32| match owner {
        Owner::Root => uid == 0,
        Owner::Daemon(daemon) => uid == 0 || uid == daemon,
    };
    if !good(meta.uid) {
        return Some(format!("it belongs to uid {}", meta.uid));
    }
    // What is sticky, such as /tmp, lets nobody replace another's file below it. Root's own group writes as root does.
    if meta.mode & 0o1000 != 0 && at == At::Above {
        return None;
    }
    if meta.mode & 0o002 != 0 {
        return Some(format!("everybody may write it (mode {:04o})", meta.mode));
    }
    for who in &meta.listed {
        let who = match who {
            acl::Who::User(uid) if good(*uid) => continue,
            acl::Who::User(uid) => format!("uid {uid}"),
            acl::Who::Group(gid) => format!("group {gid}"),
        };
        return Some(format!("{who} may write it, by its access control list (getfacl)"));
    }
    if meta.mode & 0o020 == 0 {
        return None;
    }
    if meta.gid != 0 {
        return Some(format!("group {} may write it (mode {:04o})", meta.gid, meta.mode));
    }
    let helpers = helpers();
    let shown =
        || format!("group root may write it (mode {:04o}), and {} is in it", meta.mode, helpers.join(", "));
    (!helpers.is_empty()).then(shown)
}

fn readable(host: &Host, accounts: &Accounts, jitd: Option<&Person>, secret: &Path, found: &mut Findings) {
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
    let listed = acl::allowed(&host.path(secret), acl::READ);
    if let Some(who) = read_by_others(&meta, &listed, accounts, jitd) {
        let shown = secret.display();
        found.push(
            Level::Hole,
            "secret-readable",
            shown.to_string(),
            format!("{who} may read it (mode {:04o}), and be this host to the directory", meta.mode),
            format!("chgrp jitd {shown}; chmod 640 {shown}; setfacl -b {shown}; and have a new one made"),
        );
    }
}

/// Who else than root and jitd.
fn read_by_others(
    meta: &Meta,
    listed: &[acl::Who],
    accounts: &Accounts,
    jitd: Option<&Person>,
) -> Option<String> {
    if meta.mode & 0o004 != 0 {
        return Some("everybody on this host".to_owned());
    }
    let known = |uid: u32| uid == 0 || jitd.is_some_and(|jitd| jitd.uid == uid);
    let by_list = listed.iter().find_map(|who| match who {
        acl::Who::User(uid) => (!known(*uid)).then(|| format!("uid {uid}")),
        acl::Who::Group(gid) => jitd.is_none_or(|jitd| jitd.gid != *gid).then(|| format!("group {gid}")),
    });
    if by_list.is_some() || meta.mode & 0o040 == 0 {
        return by_list;
    }
    let named = accounts.groups.iter().filter(|(_, group)| group.gid == meta.gid).map(|(name, _)| name);
    let members = named.flat_map(|name| accounts.members(name)).filter(|person| !known(person.uid));
    let members: Vec<&str> = members.map(|person| person.name.as_str()).collect();
    (!members.is_empty()).then(|| format!("{}, by group {},", members.join(", "), meta.gid))
}

/// jitd.toml: 0640 root:jitd, so that it can be read again.
fn configuration(host: &Host, jitd: Option<&Person>, found: &mut Findings) {
    let (Some(meta), Some(jitd)) = (meta(host, &host.config), jitd) else { return };
    if let Some(text) = unread(&meta, jitd) {
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

fn unread(meta: &Meta, jitd: &Person) -> Option<String> {
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
        Meta { uid, gid, mode, listed: Vec::new() }
    }

    #[test]
    fn only_root_writes() {
        let judged = |meta: Meta| written_by_others(&meta, Owner::Root, At::Itself, Vec::new).is_some();
        for good in [meta(0, 0, 0o644), meta(0, 990, 0o640), meta(0, 0, 0o664)] {
            assert!(!judged(good.clone()), "{good:?}");
        }
        for bad in [meta(1000, 0, 0o644), meta(0, 990, 0o660), meta(0, 0, 0o646), meta(990, 990, 0o700)] {
            assert!(judged(bad.clone()), "{bad:?}");
        }
        let by_daemon = |meta: Meta| written_by_others(&meta, Owner::Daemon(990), At::Itself, Vec::new);
        assert_eq!(by_daemon(meta(990, 990, 0o755)), None);
        assert!(by_daemon(meta(990, 5, 0o770)).is_some());
        // New files may be put beside what is there, but nothing replaced.
        let sticky = |at| written_by_others(&meta(0, 0, 0o1777), Owner::Root, at, Vec::new);
        assert!(sticky(At::Itself).is_some() && sticky(At::Above).is_none());
        // Root's group is root's as long as nobody else is in it, and a list says more than the mode.
        let helped = || vec!["alice".to_owned()];
        assert!(written_by_others(&meta(0, 0, 0o664), Owner::Root, At::Itself, helped).is_some());
        let listed = |who| judged(Meta { listed: vec![who], ..meta(0, 0, 0o664) });
        assert!(listed(acl::Who::User(1000)) && listed(acl::Who::Group(50)) && !listed(acl::Who::User(0)));
    }

    #[test]
    fn every_file_that_decides_is_looked_at() {
        let files = [
            "/etc/pam.d/sshd",
            "/usr/lib/pam.d/polkit-1",
            "/etc/ssh/sshd_config",
            "/etc/sudoers.d/x",
            "/etc/security/access.conf",
        ];
        let module = module_places().remove(0).replace("pam_jit", "pam_unix");
        let more = [module.as_str(), "/etc/authselect/system-auth"].map(|path| (path, ""));
        let (host, _root) = tree(&[&files.map(|path| (path, ""))[..], &more].concat());
        std::os::unix::fs::symlink("../authselect/system-auth", host.path("/etc/pam.d/system-auth")).unwrap();
        let all = guarded(&host);
        for path in files.into_iter().chain(more.map(|(path, _)| path)) {
            assert!(all.contains(&PathBuf::from(path)), "{path}: {all:?}");
        }
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
        assert_eq!(unread(&meta(0, 990, 0o640), &jitd), None);
        assert!(unread(&meta(0, 0, 0o640), &jitd).is_some_and(|text| text.contains("reload")));
        assert!(unread(&meta(0, 990, 0o644), &jitd).is_some_and(|text| text.contains("everybody")));
    }

    #[test]
    fn a_secret_is_for_jitd_alone() {
        let (host, _root) = tree(&[
            ("/etc/passwd", "jitd:x:990:990::/:/usr/sbin/nologin\nalice:x:1000:100::/:/bin/sh\n"),
            ("/etc/group", "jitd:x:990:\nusers:x:100:\nempty:x:7:\n"),
        ]);
        let accounts = Accounts::of(&host);
        let jitd = accounts.people.get("jitd");
        let read = |meta: Meta, listed: &[acl::Who]| read_by_others(&meta, listed, &accounts, jitd).is_some();
        assert!(!read(meta(0, 990, 0o640), &[acl::Who::User(990), acl::Who::Group(990)]));
        assert!(!read(meta(990, 7, 0o640), &[]) && !read(meta(0, 100, 0o600), &[]));
        assert!(read(meta(0, 990, 0o644), &[]) && read(meta(0, 100, 0o640), &[]));
        assert!(read(meta(0, 990, 0o640), &[acl::Who::User(1000)]));
        assert!(read(meta(0, 990, 0o640), &[acl::Who::Group(100)]));
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
