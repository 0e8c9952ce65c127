//! SELinux and AppArmor: whether jitd is confined where the host enforces one of them. It decides who becomes root, so it is worth a word where it is not; it
//! works all the same.

use std::fs;

use crate::doctor::host::Host;
use crate::doctor::{Findings, Level, processes};

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("confinement");
    let read = |path: &str| fs::read_to_string(host.path(path)).map(|text| text.trim().to_owned()).ok();
    let selinux = read("/sys/fs/selinux/enforce").as_deref() == Some("1");
    let apparmor = read("/sys/module/apparmor/parameters/enabled").as_deref() == Some("Y");
    if !selinux && !apparmor {
        return found;
    }
    let Some(jitd) = processes::of(host).into_iter().find(|process| process.program() == "jitd") else {
        return found;
    };
    let label = read(&format!("/proc/{}/attr/current", jitd.pid)).unwrap_or_default();
    if let Some((text, cure)) = judge(selinux, apparmor, label.trim_end_matches('\0')) {
        found.push(Level::Note, "unconfined", format!("jitd ({})", jitd.pid), text, cure);
    }
    found
}

fn judge(selinux: bool, apparmor: bool, label: &str) -> Option<(&'static str, &'static str)> {
    let domain = label.split(':').nth(2).unwrap_or_default();
    if selinux && domain != "jitd_t" {
        return Some((
            "SELinux enforces, and jitd runs outside of a domain of its own",
            "semodule -i /usr/share/selinux/packages/targeted/jit.pp.bz2; restorecon -R /usr/sbin/jitd /etc/jitd /run/jitd /var/lib/jitd; systemctl restart jitd",
        ));
    }
    if !selinux && apparmor && label == "unconfined" {
        return Some((
            "AppArmor is on, and jitd runs without its profile",
            "apparmor_parser -r /etc/apparmor.d/usr.sbin.jitd; systemctl restart jitd",
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn a_daemon_of_its_own_domain_is_confined() {
        assert!(judge(true, false, "system_u:system_r:jitd_t:s0").is_none());
        assert!(judge(true, false, "system_u:system_r:unconfined_service_t:s0").is_some());
        assert!(judge(false, true, "unconfined").is_some());
        assert!(judge(false, true, "/usr/sbin/jitd (enforce)").is_none());
        assert!(judge(false, false, "unconfined").is_none());
    }
}
