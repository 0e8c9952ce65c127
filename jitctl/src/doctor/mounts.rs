//! Where people may leave set-gid programs behind: file systems that they may write and that are not mounted `nosuid`. A copy of a shell, set-gid to a
//! group that a grant conferred, opens what the group opens after the grant has ended (docs/roles.md).

use std::fs;

use crate::doctor::host::Host;
use crate::doctor::settings::Settings;
use crate::doctor::{Findings, Level};

/// Where everybody may write, or has a home.
const PLACES: [&str; 4] = ["/home", "/tmp", "/var/tmp", "/dev/shm"];

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("mounts");
    match Settings::of(host) {
        Ok(settings) if settings.groups.is_empty() => return found,
        Ok(_) => {}
        Err(why) => {
            found.unexamined(format!("whether set-gid copies can be left behind: {why}"));
            return found;
        }
    }
    let mounts = match fs::read_to_string(host.path("/proc/self/mountinfo")) {
        Ok(text) => text,
        Err(error) => {
            found.unexamined(format!("/proc/self/mountinfo: {error}"));
            return found;
        }
    };
    let open: Vec<&str> =
        PLACES.into_iter().filter(|place| host.path(place).is_dir() && !is_nosuid(&mounts, place)).collect();
    if !open.is_empty() {
        found.push(
            Level::Note,
            "set-gid",
            open.join(", "),
            "not mounted nosuid: who was in a group by a grant may leave a program there that is set-gid to it, and use it after the grant has ended",
            "for groups that open something: mount them with nosuid (/etc/fstab), as file systems of their own",
        );
    }
    found
}

/// proc(5), mountinfo: the fifth field is where, the sixth the options; of those above a path the longest counts, and of two the later.
fn is_nosuid(mountinfo: &str, place: &str) -> bool {
    let mut best = (0, false);
    for line in mountinfo.lines() {
        let mut fields = line.split(' ').skip(4);
        let (Some(at), Some(options)) = (fields.next(), fields.next()) else { continue };
        let above =
            at == "/" || place == at || place.strip_prefix(at).is_some_and(|rest| rest.starts_with('/'));
        if above && at.len() >= best.0 {
            best = (at.len(), options.split(',').any(|option| option == "nosuid"));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::{codes, tree};

    const MOUNTS: &str = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n23 22 0:5 / /dev/shm rw,nosuid,nodev - tmpfs tmpfs rw\n24 22 8:2 / /home rw,nosuid - ext4 /dev/sdb rw\n";

    #[test]
    fn the_nearest_mount_counts() {
        assert!(
            is_nosuid(MOUNTS, "/home") && is_nosuid(MOUNTS, "/home/alice") && is_nosuid(MOUNTS, "/dev/shm")
        );
        assert!(!is_nosuid(MOUNTS, "/tmp") && !is_nosuid(MOUNTS, "/homes"));
    }

    #[test]
    fn it_matters_where_roles_confer_groups() {
        let files = |config| {
            [
                ("/etc/jitd/jitd.toml", config),
                ("/proc/self/mountinfo", MOUNTS),
                ("/tmp/x", ""),
                ("/home/x", ""),
            ]
        };
        let (host, _root) = tree(&files("[groups]\nallow = [\"dba\"]\n"));
        let found = examine(&host);
        assert_eq!(codes(&found), [("note", "set-gid")]);
        assert_eq!(found.findings[0].place, "/tmp");
        let (host, _root) = tree(&files(""));
        assert_eq!(codes(&examine(&host)), []);
    }
}
