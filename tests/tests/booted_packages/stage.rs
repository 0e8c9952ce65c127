//! A host with systemd on which our packages are installed, upgraded and removed by dpkg, while people log in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jit_tests::door::{CONFIG, NAME, SOON, open_sshd};
use jit_tests::host::Host;
use jit_tests::host::exec::Output;
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::logins::{self, Crowd};
use jit_tests::root::{PACKAGED, target};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

/// Holds a grant.
pub(crate) const ALICE: &str = "alice";
/// Holds none.
pub(crate) const MALLORY: &str = "mallory";
/// Is break-glass.
pub(crate) const RESCUE: &str = "rescue";

/// In the order in which they can be installed.
pub(crate) const PACKAGES: [&str; 4] = ["jitctl", "jitd", "libnss-jit", "libpam-jit"];

/// What they are made of, below target/.
const PROGRAMS: [&str; 4] =
    ["release/jitd", "release/jitctl", "release/libpam_jit.so", "guest/libnss_jit.so"];

/// What dpkg runs of a package.
const SCRIPTS: [&str; 4] = ["preinst", "postinst", "prerm", "postrm"];

/// What was built, and two that come after it. The later ones differ in their number, and in that each of their scripts does once what
/// [`Stage::trap`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Built,
    Next,
    Last,
}

impl Version {
    fn number(self) -> u8 {
        match self {
            Version::Built => 1,
            Version::Next => 2,
            Version::Last => 3,
        }
    }

    /// Where the host has a package of this version.
    fn file(self, package: &str) -> String {
        format!("/debs/{}/{package}.deb", self.number())
    }
}

/// What happens in the middle of an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The script fails.
    Fails,
    /// Its dpkg is killed.
    Killed,
}

/// A failure of `command`, with what it said.
fn made(command: &mut Command) -> Result<()> {
    let output = command.output().map_err(|e| Trouble::new(format!("{command:?}: {e}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Trouble::new(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))))
}

/// A package as `make packages` made it, from what is built now.
fn built(package: &str) -> Result<PathBuf> {
    let architecture = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
    let name = format!("{package}_{}-1_{architecture}.deb", env!("CARGO_PKG_VERSION"));
    let path = target().join("packages").join(name);
    let made = |path: &Path| path.metadata().and_then(|m| m.modified()).map_err(|e| Trouble::io(path, e));
    let when = made(&path).map_err(|e| Trouble::new(format!("{e}; type: make packages")))?;
    for program in PROGRAMS {
        if made(&target().join(program))? > when {
            return Err(Trouble::new(format!(
                "{} is older than {program}; type: make packages",
                path.display()
            )));
        }
    }
    Ok(path)
}

/// The same package with another number, and scripts that do once what /run/trap says.
fn renumbered(from: &Path, package: &str, version: Version) -> Result<Vec<u8>> {
    let dir = tempfile::tempdir().map_err(|e| Trouble::new(format!("no folder: {e}")))?;
    let (tree, deb) = (dir.path().join("tree"), dir.path().join("new.deb"));
    made(Command::new("dpkg-deb").arg("--raw-extract").arg(from).arg(&tree))?;
    let edit = |name: &str, change: &dyn Fn(String) -> String| -> Result<()> {
        let path = tree.join("DEBIAN").join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|_| "#!/bin/sh\nset -e\n".to_owned());
        fs::write(&path, change(text)).map_err(|e| Trouble::io(&path, e))?;
        let mode = if name == "control" { 0o644 } else { 0o755 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(|e| Trouble::io(&path, e))
    };
    let (old, new) = (
        format!("{}-1", env!("CARGO_PKG_VERSION")),
        format!("{}-{}", env!("CARGO_PKG_VERSION"), version.number()),
    );
    edit("control", &|text| text.replace(&old, &new))?;
    for script in SCRIPTS {
        let trap = format!("/run/trap/{package}.{script}");
        let sprung =
            format!("if [ -e {trap} ]; then word=$(cat {trap}); rm {trap}; eval \"$word\"; exit 1; fi\n");
        edit(script, &|text| text.replacen('\n', &format!("\n{sprung}"), 1))?;
    }
    made(Command::new("dpkg-deb").args(["--root-owner-group", "-Znone", "--build"]).arg(&tree).arg(&deb))?;
    fs::read(&deb).map_err(|e| Trouble::io(&deb, e))
}

/// The host.
pub(crate) struct Stage {
    pub(crate) host: Host,
}

impl Stage {
    /// Up, with sshd, its people and the packages of all versions in /debs; nothing of ours is installed.
    pub(crate) fn up() -> Result<Stage> {
        let host = Host::named(NAME).booted().of(PACKAGED).up()?;
        let people = [ALICE, MALLORY, RESCUE];
        for (uid, person) in (5001..).zip(people) {
            host.user(person, uid)?;
        }
        open_sshd(&host, &people)?;
        for package in PACKAGES {
            let built = built(package)?;
            host.install(&built, &Version::Built.file(package), 0o644)?;
            for version in [Version::Next, Version::Last] {
                host.write(&version.file(package), 0o644, renumbered(&built, package, version)?)?;
            }
        }
        Ok(Stage { host })
    }

    /// The same, installed, configured and enforcing.
    pub(crate) fn enforcing(version: Version) -> Result<Stage> {
        let stage = Stage::up()?;
        stage.install(version)?;
        stage.configure()?;
        stage.enforce()?;
        Ok(stage)
    }

    /// A command that has to succeed.
    pub(crate) fn sh(&self, script: &str) -> Result<String> {
        self.host.sh(script).run()?.must()
    }

    /// dpkg, however it ends.
    pub(crate) fn dpkg(&self, arguments: &[&str]) -> Result<Output> {
        let first = ["env", "DEBIAN_FRONTEND=noninteractive", "dpkg"];
        self.host.exec(first.iter().chain(arguments)).deadline(Duration::from_secs(300)).run()
    }

    /// dpkg, which has to succeed.
    pub(crate) fn done(&self, arguments: &[&str]) -> Result<String> {
        self.dpkg(arguments)?.must()
    }

    /// Installs all packages, or tries to.
    pub(crate) fn try_to_install(&self, version: Version) -> Result<Output> {
        let files = PACKAGES.map(|package| version.file(package));
        let mut words = vec!["--install"];
        words.extend(files.iter().map(String::as_str));
        self.dpkg(&words)
    }

    /// Installs all packages.
    pub(crate) fn install(&self, version: Version) -> Result<()> {
        self.try_to_install(version)?.must()?;
        self.answers()
    }

    /// The next run of this script ends so.
    pub(crate) fn trap(&self, package: &str, script: &str, mishap: Mishap) -> Result<()> {
        let word = if mishap == Mishap::Killed { "kill -9 $PPID" } else { ":" };
        self.host.write(&format!("/run/trap/{package}.{script}"), 0o644, word)
    }

    /// Waits until jitd answers.
    pub(crate) fn answers(&self) -> Result<()> {
        let answers = || self.host.exec(["jitctl", "status"]).run().is_ok_and(|output| output.status <= 1);
        until(SOON, "jitd answers", answers).map_err(|e| {
            let log = self
                .host
                .sh("systemctl status 'jitd*' --no-pager -n 30; journalctl -b --no-pager -n 40")
                .run();
            Trouble::new(format!("{e}: {}", log.map(|log| log.stdout).unwrap_or_default()))
        })
    }

    /// What an admin writes: alice's grant, and rescue.
    pub(crate) fn configure(&self) -> Result<()> {
        let people = [ALICE, MALLORY, RESCUE].iter().fold(Ldif::containers(), |ldif, who| ldif.person(who));
        self.host.write(
            "/etc/jitd/grants.ldif",
            0o644,
            people.grant(&Grant::live("all", ALICE)).to_string(),
        )?;
        let config = format!("{CONFIG}\n[break_glass]\nusers = [\"{RESCUE}\"]\n");
        // In its place, as an editor does it: it keeps its owner and mode.
        self.host.exec(["tee", "/etc/jitd/jitd.toml"]).stdin(config).run()?.must()?;
        self.sh("jitd --check && systemctl reload jitd")?;
        let covered = || self.host.exec(["jitctl", "why", ALICE]).run().is_ok_and(|output| output.ok());
        until(SOON, "alice's grant counts", covered)
    }

    /// From now on nobody without a grant gets in.
    pub(crate) fn enforce(&self) -> Result<()> {
        self.host.exec(["jitctl", "mode", "enforcing", "--force"]).run()?.must().map(drop)
    }

    /// Whether somebody gets in now.
    pub(crate) fn enters(&self, who: &str) -> Result<bool> {
        Ok(self.host.exec(["ssh", &format!("{who}@{NAME}"), "true"]).run()?.ok())
    }

    /// Everybody whom the host lets in while it enforces, and mallory, whom it does not.
    pub(crate) fn crowd(&self) -> Result<Crowd<'_>> {
        Crowd::of(&self.host, &[ALICE, MALLORY, RESCUE])
    }

    /// Nobody's login failed who should pass, and mallory never did.
    pub(crate) fn held(&self, crowd: Crowd<'_>) -> Result<()> {
        let tallies = crowd.ends()?;
        for who in [ALICE, RESCUE] {
            let tally = logins::of(&tallies, who)?;
            assert!(tally.failed.is_empty() && tally.passed > 0, "{who}: {tally:#?}\n{}", self.journal());
        }
        let mallory = logins::of(&tallies, MALLORY)?;
        assert_eq!(mallory.passed, 0, "{mallory:#?}\n{}", self.journal());
        Ok(())
    }

    /// Everybody passed, always.
    pub(crate) fn open(&self, crowd: Crowd<'_>) -> Result<()> {
        for (who, tally) in crowd.ends()? {
            assert!(tally.failed.is_empty() && tally.passed > 0, "{who}: {tally:#?}\n{}", self.journal());
        }
        Ok(())
    }

    /// What systemd and ours said.
    pub(crate) fn journal(&self) -> String {
        self.sh("journalctl -b --no-pager -o short-precise | grep -i 'jit\\|dpkg' | tail -80; tail -30 /var/log/dpkg.log")
            .unwrap_or_default()
    }

    /// What the packages change and have to put back: PAM's files, what pam-auth-update remembers, and nsswitch.conf, byte by byte, with
    /// modes and owners.
    pub(crate) fn others_files(&self) -> Result<String> {
        self.sh("cd / && for f in etc/nsswitch.conf etc/pam.d etc/pam.d/* var/lib/pam/*; do stat -c '%n %F %a %U %G' $f; \
                 [ -d $f ] || sha256sum <$f; done")
    }

    /// Files that have our name, but for these packages, the users' mail spools and what systemd remembers of units that ran.
    pub(crate) fn ours(&self) -> Result<Vec<String>> {
        let text = self.sh(
            "find / -xdev \\( -path /proc -o -path /sys -o -path /debs -o -path /run -o -path /var/log/journal \\) -prune -o \
             \\( -name '*jit*' -o -path '/etc/jit*' \\) -print | sort; ls -d /run/*jit* 2>/dev/null || :",
        )?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

/// rescue comes in all the time, and nobody else.
pub(crate) fn rescued(stage: &Stage) -> Result<Crowd<'_>> {
    Crowd::of(&stage.host, &[RESCUE])
}
