//! Base roots: small Debian trees that hosts are made of, read-only. Built once with mmdebstrap from the sources that
//! this machine's own apt is configured with, and kept under `target/roots/NAME` with a stamp that says what is in it.
//! Nothing outside `target/` is written, and a root that is in place is never changed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::trouble::{Result, Trouble};

/// What a base root is made of.
#[derive(Clone, Copy, Debug)]
pub struct BaseRoot {
    /// The folder under `target/roots`.
    pub name: &'static str,
    /// Another one that it is too: all of that one's packages come first.
    pub like: Option<&'static BaseRoot>,
    /// Debian packages on top of those and of the essential ones.
    pub packages: &'static [&'static str],
}

/// A server that people log in to: sshd, sudo, su, doas, cron, at; tmux, as people have it, and strace for tests that cut
/// a program short. Without systemd and logind.
pub const DOOR: BaseRoot = BaseRoot {
    name: "door",
    like: None,
    packages: &[
        "openssh-server",
        "openssh-client",
        "sudo",
        "opendoas",
        "libpam-modules",
        "login",
        "passwd",
        "procps",
        "cron",
        "at",
        "iproute2",
        "tmux",
        "strace",
    ],
};

/// The same with systemd as process 1, and logind.
pub const BOOTED: BaseRoot = BaseRoot {
    name: "booted",
    like: Some(&DOOR),
    packages: &["systemd", "systemd-sysv", "dbus", "libpam-systemd"],
};

/// The same with other name services than ours: nss-systemd, sssd, and the cache of glibc. Apart, so that no other test waits for it to
/// be built.
pub const NAMES: BaseRoot = BaseRoot {
    name: "booted-names",
    like: Some(&BOOTED),
    packages: &["libnss-systemd", "libnss-sss", "sssd-common", "nscd"],
};

/// The same as [`BOOTED`] with an OpenLDAP as its package leaves it, and what README.md's path for newcomers calls.
pub const NEWCOMER: BaseRoot =
    BaseRoot { name: "booted-slapd", like: Some(&BOOTED), packages: &["slapd", "ldap-utils", "make"] };

/// The same as [`DOOR`] with rpm, for our rpms: no systemd, as where an image is made.
pub const RPM: BaseRoot = BaseRoot { name: "rpm", like: Some(&DOOR), packages: &["rpm"] };

/// A whole machine, for [`crate::vm`]: [`BOOTED`] with a kernel of its own, SELinux with Debian's build of the reference policy,
/// AppArmor, the audit daemon that writes down what they deny, and an OpenLDAP.
pub const MACHINE: BaseRoot = BaseRoot {
    name: "machine",
    like: Some(&BOOTED),
    packages: &[
        "linux-image-cloud-amd64",
        "selinux-basics",
        "selinux-policy-default",
        "auditd",
        "apparmor",
        "slapd",
        "ldap-utils",
    ],
};

/// The same as [`BOOTED`] with what our packages meet elsewhere: sssd's profile for pam-auth-update, and logrotate.
pub const PACKAGED: BaseRoot =
    BaseRoot { name: "packaged", like: Some(&BOOTED), packages: &["libpam-sss", "logrotate"] };

/// Changed when the recipe below changes, so that roots are built anew.
const RECIPE: &str = "1";

/// Documentation doubles the size of a root and nobody reads it there.
const EXCLUDED: [&str; 3] = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"];

impl BaseRoot {
    fn all_packages(&self) -> Vec<&'static str> {
        let first = self.like.map(BaseRoot::all_packages).unwrap_or_default();
        first.into_iter().chain(self.packages.iter().copied()).collect()
    }

    /// The root's folder, built now if it is not there or is made of something else (about half a minute).
    ///
    /// # Errors
    /// When it cannot be built: not root, no mmdebstrap, no Debian or Ubuntu, no package archive.
    pub fn ready(&self) -> Result<PathBuf> {
        let roots = target().join("roots");
        fs::create_dir_all(&roots).map_err(|e| Trouble::io(&roots, e))?;
        let path = roots.join(self.name);
        let stamp = roots.join(format!("{}.stamp", self.name));
        let lock_path = roots.join(format!("{}.lock", self.name));
        let lock = File::create(&lock_path).map_err(|e| Trouble::io(&lock_path, e))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|e| Trouble::io(&lock_path, e.into()))?;
        let suite = suite()?;
        let wanted = format!("recipe {RECIPE}\nsuite {suite}\npackages {}\n", self.all_packages().join(" "));
        if path.is_dir() && fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
            return Ok(path);
        }
        self.build(&path, &suite)?;
        fs::write(&stamp, wanted).map_err(|e| Trouble::io(&stamp, e))?;
        Ok(path)
    }

    fn build(&self, path: &Path, suite: &str) -> Result<()> {
        let started = Instant::now();
        eprintln!("building the base root `{}` with mmdebstrap (half a minute, once) …", self.name);
        let fresh = path.with_extension("new");
        remove(&fresh)?;
        let mut command = Command::new("mmdebstrap");
        command.args(["--mode=root", "--variant=minbase", "--quiet"]);
        for pattern in EXCLUDED {
            command.arg(format!("--dpkgopt=path-exclude={pattern}"));
        }
        command.arg(format!("--include={}", self.all_packages().join(",")));
        command.arg(suite).arg(&fresh).args(sources(suite)?);
        let output = command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).output().map_err(|e| {
            Trouble::new(format!("mmdebstrap does not start ({e}): apt-get install mmdebstrap"))
        })?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            let tail: Vec<&str> = text.lines().rev().take(15).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            return Err(Trouble::new(format!(
                "mmdebstrap could not build the base root `{}` ({}); does `apt-get update` work here?\n{}",
                self.name,
                output.status,
                tail.join("\n")
            )));
        }
        remove(path)?;
        fs::rename(&fresh, path).map_err(|e| Trouble::io(path, e))?;
        eprintln!("built {} in {} s", path.display(), started.elapsed().as_secs());
        Ok(())
    }
}

/// The workspace's target folder.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => workspace().join("target"),
    }
}

/// The workspace's own folder.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Trouble::io(path, e)),
    }
}

/// The release this machine runs: what is built here must find the same libraries in the root.
fn suite() -> Result<String> {
    let path = Path::new("/etc/os-release");
    let text = fs::read_to_string(path).map_err(|e| Trouble::io(path, e))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    line.map(|name| name.trim_matches('"').to_owned()).ok_or_else(|| {
        Trouble::new("/etc/os-release names no VERSION_CODENAME: run this on Debian or Ubuntu")
    })
}

/// The files of apt's configuration that speak of `suite`; mmdebstrap reads both formats.
fn sources(suite: &str) -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        found.extend(entries.flatten().map(|entry| entry.path()));
    }
    found.sort();
    found.retain(|path| {
        let named = path.extension().is_some_and(|e| e == "list" || e == "sources");
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        named && lines.any(|line| line.split_whitespace().any(|word| word == suite))
    });
    if found.is_empty() {
        return Err(Trouble::new(format!(
            "no file of /etc/apt/sources.list.d speaks of `{suite}`: configure apt first"
        )));
    }
    Ok(found)
}
