//! Other roads to root than those that PAM guards: groups that own a daemon which does what root does, or the disk itself, and set-uid programs that
//! ask no PAM. Only what is known to be one is named: a list of every set-uid file helps nobody.

use std::os::unix::fs::MetadataExt;

use jit_proto::enforcing::Rule;

use crate::doctor::accounts::{Accounts, Person};
use crate::doctor::host::Host;
use crate::doctor::{Findings, Level, rules};

/// A group, what makes it matter (any of these is there; none: always), how bad that is, and what its members can do.
struct Group {
    name: &'static str,
    by: &'static [&'static str],
    level: Level,
    can: &'static str,
}

const GROUPS: [Group; 8] = [
    Group {
        name: "docker",
        by: &["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd", "/run/docker.sock"],
        level: Level::Hole,
        can: "have docker mount / into a container, and are root there",
    },
    Group {
        name: "lxd",
        by: &["/usr/bin/lxd", "/usr/sbin/lxd", "/snap/bin/lxd", "/var/snap/lxd/common/lxd/unix.socket"],
        level: Level::Hole,
        can: "have lxd mount / into a privileged container, and are root there",
    },
    Group {
        name: "incus-admin",
        by: &[
            "/usr/bin/incusd",
            "/usr/libexec/incus/incusd",
            "/opt/incus/bin/incusd",
            "/var/lib/incus/unix.socket",
        ],
        level: Level::Hole,
        can: "have incus mount / into a privileged container, and are root there",
    },
    Group {
        name: "libvirt",
        by: &["/usr/sbin/libvirtd", "/usr/sbin/virtqemud"],
        level: Level::Hole,
        can: "have libvirt open any disk of this host in a machine of their own",
    },
    Group {
        name: "disk",
        by: &[],
        level: Level::Hole,
        can: "read and write the disks themselves, past every file's mode",
    },
    Group { name: "kmem", by: &[], level: Level::Hole, can: "read the kernel's memory" },
    Group {
        name: "shadow",
        by: &[],
        level: Level::Warning,
        can: "read the hashes of all passwords, root's too",
    },
    Group {
        name: "podman",
        by: &["/run/podman/podman.sock"],
        level: Level::Hole,
        can: "have root's podman mount / into a container",
    },
];

/// Where daemons listen that do as root whatever they are told.
const SOCKETS: [&str; 9] = [
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/snap.docker/docker.sock",
    "/var/snap/lxd/common/lxd/unix.socket",
    "/var/lib/lxd/unix.socket",
    "/var/lib/incus/unix.socket",
    "/run/buildkit/buildkitd.sock",
];

/// A set-uid program that makes one root, and the PAM file without which it asks nobody.
const PROGRAMS: [(&str, &str, &str); 6] = [
    ("/usr/bin/ksu", "/etc/pam.d/ksu", "Kerberos and ~root/.k5login decide"),
    ("/usr/bin/doas", "/etc/pam.d/doas", "/etc/doas.conf decides"),
    ("/usr/local/bin/doas", "/etc/pam.d/doas", "its own configuration decides"),
    ("/usr/bin/super", "/etc/pam.d/super", "/etc/super.tab decides"),
    ("/usr/bin/calife", "/etc/pam.d/calife", "/etc/calife.auth decides"),
    ("/usr/bin/op", "/etc/pam.d/op", "/etc/op.conf decides"),
];

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("roads");
    let accounts = Accounts::of(host);
    for group in &GROUPS {
        let here = group.by.is_empty() || group.by.iter().any(|path| host.path(path).exists());
        let members: Vec<&str> = accounts
            .members(group.name)
            .filter(|person| person.is_human() && !is_glass(host, &accounts, person))
            .map(|person| person.name.as_str())
            .collect();
        if here && !members.is_empty() {
            let (name, who) = (group.name, members.join(", "));
            let first = members.first().copied().unwrap_or_default();
            found.push(
                group.level,
                "root-group",
                format!("group {name}"),
                format!("{who}: members {}, without a grant", group.can),
                format!(
                    "gpasswd -d {first} {name}; by a grant's role: [groups] allow = [\"{name}\"] in jitd.toml"
                ),
            );
        }
    }
    for socket in SOCKETS {
        if let Some(text) = reached(host, &accounts, socket) {
            let cure = format!("chmod o=,g= {socket}, and the option of its daemon by which it came so");
            found.push(Level::Hole, "root-socket", socket, text, cure);
        }
    }
    for (program, pam, decides) in PROGRAMS {
        let set_uid = std::fs::metadata(host.path(program))
            .is_ok_and(|meta| meta.is_file() && meta.mode() & 0o4000 != 0);
        if set_uid && !host.path(pam).exists() {
            found.push(
                Level::Hole,
                "root-program",
                program,
                format!("it makes people root and asks no PAM: {decides}, without a grant"),
                format!("chmod u-s {program}; so that it stays: dpkg-statoverride --add root root 0755 {program}, or remove its package"),
            );
        }
    }
    found
}

/// Who else than root may write to a socket, if anybody. Members of a group that has a finding of its own are told there.
fn reached(host: &Host, accounts: &Accounts, socket: &str) -> Option<String> {
    let meta = std::fs::metadata(host.path(socket)).ok()?;
    const SO: &str = "and whoever does has its daemon do what only root may, without a grant";
    if meta.mode() & 0o002 != 0 {
        return Some(format!("everybody may write to it (mode {:04o}), {SO}", meta.mode() & 0o7777));
    }
    let by_group = meta.mode() & 0o020 != 0;
    let (name, _) = accounts.groups.iter().find(|(_, group)| by_group && group.gid == meta.gid())?;
    let known = GROUPS.iter().any(|group| group.name == name);
    let people: Vec<&str> = accounts
        .members(name)
        .filter(|person| !known && person.is_human() && !is_glass(host, accounts, person))
        .map(|person| person.name.as_str())
        .collect();
    (!people.is_empty()).then(|| format!("{} may write to it, by group {name}, {SO}", people.join(", ")))
}

/// Who is let in always is root anyway.
fn is_glass(host: &Host, accounts: &Accounts, person: &Person) -> bool {
    rules::of(host).iter().any(|rule| match rule {
        Rule::BreakGlassUser(name) => name == person.name,
        Rule::BreakGlassGroup(group) => accounts.members(group).any(|member| member == person),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::doctor::testing::{codes, tree};

    const PASSWD: (&str, &str) = (
        "/etc/passwd",
        "alice:x:1000:1000::/:/bin/sh\nrescue:x:1001:1001::/:/bin/sh\nsvc:x:200:200::/:/usr/sbin/nologin\n",
    );

    #[test]
    fn groups_that_are_root_by_another_name() {
        let group = |text| [PASSWD, ("/etc/group", text), ("/usr/bin/dockerd", "")];
        let judged = |text| {
            let (mut host, _root) = tree(&group(text));
            host.rules = "guard sshd\nbreak-glass-user rescue\nend enforcing\n".to_owned();
            codes(&examine(&host))
        };
        assert_eq!(judged("docker:x:5:alice\n"), [("hole", "root-group")]);
        assert_eq!(judged("docker:x:5:rescue,svc\nlxd:x:6:alice\nadm:x:7:alice\n"), []);
        assert_eq!(judged("shadow:x:5:alice\n"), [("warning", "root-group")]);
    }

    #[test]
    fn sockets_that_do_what_root_does() {
        let socket = "/run/docker.sock";
        let with = |gid: u32| {
            let group = format!("ops:x:{gid}:alice\n");
            tree(&[PASSWD, ("/etc/group", group.as_str()), (socket, "")])
        };
        let (host, _root) = with(4_000_000);
        let gid = std::fs::metadata(host.path(socket)).unwrap().gid();
        let mode =
            |host: &Host, mode| set_permissions(host.path(socket), Permissions::from_mode(mode)).unwrap();
        mode(&host, 0o660);
        assert_eq!(codes(&examine(&host)), []);
        mode(&host, 0o666);
        assert_eq!(codes(&examine(&host)), [("hole", "root-socket")]);
        let (host, _root) = with(gid);
        mode(&host, 0o660);
        assert_eq!(codes(&examine(&host)), [("hole", "root-socket")]);
        mode(&host, 0o600);
        assert_eq!(codes(&examine(&host)), []);
    }

    #[test]
    fn programs_that_ask_no_pam() {
        let (host, _root) = tree(&[("/usr/bin/ksu", ""), ("/usr/bin/doas", ""), ("/etc/pam.d/doas", "")]);
        assert_eq!(codes(&examine(&host)), []);
        for program in ["/usr/bin/ksu", "/usr/bin/doas"] {
            set_permissions(host.path(program), Permissions::from_mode(0o4755)).unwrap();
        }
        assert_eq!(codes(&examine(&host)), [("hole", "root-program")]);
    }
}
