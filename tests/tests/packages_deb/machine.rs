//! A host that our packages can be installed on, by dpkg.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jit_tests::host::Host;
use jit_tests::host::exec::Output;
use jit_tests::root::{PACKAGED, target};
use jit_tests::trouble::{Result, Trouble};

/// In the order in which they can be installed.
pub(crate) const PACKAGES: [&str; 4] = ["jitctl", "jitd", "libnss-jit", "libpam-jit"];

/// What they are made of, below target/.
pub(crate) const PROGRAMS: [&str; 4] =
    ["release/jitd", "release/jitctl", "release/libpam_jit.so", "guest/libnss_jit.so"];

/// PAM_SUCCESS
pub(crate) const SUCCESS: i32 = 0;
/// PAM_AUTHINFO_UNAVAIL: what pam_jit.so says where a host enforces and jitd is not there.
pub(crate) const DENIED: i32 = 9;
/// PAM_NEW_AUTHTOK_REQD
pub(crate) const PASSWORD_IS_OLD: i32 = 12;

/// Where a package lies.
pub(crate) fn deb(package: &str) -> Result<PathBuf> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => return Err(Trouble::new(format!("there are no packages for {other}"))),
    };
    let path =
        target().join(format!("packages/{package}_{}-1_{architecture}.deb", env!("CARGO_PKG_VERSION")));
    let made = |path: &Path| path.metadata().and_then(|m| m.modified()).map_err(|e| Trouble::io(path, e));
    for program in PROGRAMS {
        let program = target().join(program);
        if made(&path)? < made(&program)? {
            return Err(Trouble::new(format!(
                "{} is older than {}; type: make packages",
                path.display(),
                program.display()
            )));
        }
    }
    Ok(path)
}

pub(crate) struct Machine {
    pub(crate) host: Host,
}

impl Machine {
    /// A host with alice and bob, their passwords unset, and our packages in /debs. Process 1 is no systemd, as in a container and in a
    /// chroot.
    pub(crate) fn up(name: &str) -> Result<Machine> {
        let host = Host::named(name).of(PACKAGED).up()?;
        host.user("alice", 5001)?;
        host.user("bob", 5002)?;
        for package in PACKAGES {
            host.install(&deb(package)?, &format!("/debs/{package}.deb"), 0o644)?;
        }
        host.install(Path::new(env!("CARGO_BIN_EXE_pam_asked")), "/usr/local/bin/pam_asked", 0o755)?;
        Ok(Machine { host })
    }

    /// The same with everything installed.
    pub(crate) fn installed(name: &str) -> Result<Machine> {
        let machine = Machine::up(name)?;
        machine.install(&PACKAGES)?;
        Ok(machine)
    }

    /// dpkg as a script calls it.
    pub(crate) fn dpkg(&self, arguments: &[&str]) -> Result<Output> {
        let first = ["env", "DEBIAN_FRONTEND=noninteractive", "dpkg"];
        self.host.exec(first.iter().chain(arguments)).deadline(Duration::from_secs(180)).run()
    }

    /// Installs these, and returns what was said.
    pub(crate) fn install(&self, packages: &[&str]) -> Result<String> {
        let files: Vec<String> = packages.iter().map(|package| format!("/debs/{package}.deb")).collect();
        let mut words = vec!["--install"];
        words.extend(files.iter().map(String::as_str));
        done(self.dpkg(&words)?)
    }

    pub(crate) fn remove(&self, packages: &[&str]) -> Result<String> {
        done(self.dpkg(&[&["--remove"], packages].concat())?)
    }

    pub(crate) fn purge(&self, packages: &[&str]) -> Result<String> {
        done(self.dpkg(&[&["--purge"], packages].concat())?)
    }

    /// From now on a guarded service is denied, for want of a jitd that could answer.
    pub(crate) fn enforce(&self) -> Result<()> {
        self.host.write("/etc/jitd/enforcing", 0o644, "")
    }

    /// What the host says to alice at this service: the codes of the account phase and of opening a session. Root is never asked by
    /// sudo and su, so it is alice who calls.
    pub(crate) fn asked(&self, service: &str) -> Result<(i32, i32)> {
        let text = self.host.exec(["pam_asked", service, "alice", "5001"]).run()?.must()?;
        let codes: Vec<i32> = text.split_whitespace().filter_map(|code| code.parse().ok()).collect();
        match codes.as_slice() {
            [account, session] => Ok((*account, *session)),
            _ => Err(Trouble::new(format!("pam_asked printed {text:?}"))),
        }
    }

    /// Everything that the packages may change and have to put back: PAM's files and what pam-auth-update remembers of them, and
    /// nsswitch.conf, byte by byte, with modes and owners.
    pub(crate) fn others_files(&self) -> Result<String> {
        self.host
            .sh("cd / && ls -ld etc etc/pam.d var/lib/pam | cut -c1-10 && for f in etc/nsswitch.conf etc/pam.d/* var/lib/pam/*; do \
                 stat -c '%n %F %a %U %G' $f && sha256sum <$f; done")
            .run()?
            .must()
    }

    /// Files that have our name, and are not this test's.
    pub(crate) fn ours(&self) -> Result<Vec<String>> {
        let text = self
            .host
            .sh("find / -xdev -path /proc -prune -o -path /debs -prune -o \\( -name '*jit*' -o -path '/etc/jit*' \\) -print | sort")
            .run()?
            .must()?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

/// Everything that was said, of what ended well.
pub(crate) fn done(output: Output) -> Result<String> {
    if !output.ok() {
        return Err(Trouble::new(output.to_string()));
    }
    Ok(output.stdout + &output.stderr)
}
