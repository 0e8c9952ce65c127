//! A virtual machine with a kernel of its own, for what namespaces cannot show: SELinux and AppArmor. Its disk is made of a base root and
//! what a test lays over it; it boots once for each question, runs the test's script and powers off. Nothing that a boot writes is kept.
//! Emulated (TCG), never by /dev/kvm: what a test needs must not depend on what the machine below allows.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::root::{BaseRoot, target};
use crate::trouble::{Result, Trouble};
use crate::wait::until;

const IMAGE: &str = include_str!("vm/image.sh");
const PROBE: &str = include_str!("vm/probe.service");
const STEPS: &str = include_str!("vm/steps.sh");

/// Megabytes.
const MEMORY: &str = "1536";

/// A tree of files that is laid over a base root.
#[derive(Debug)]
pub struct Overlay {
    dir: tempfile::TempDir,
}

impl Overlay {
    /// An empty one.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn new() -> Result<Overlay> {
        let dir = tempfile::tempdir().map_err(|e| Trouble::new(format!("no temporary directory: {e}")))?;
        Ok(Overlay { dir })
    }

    /// Where it lies: its files become root's.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A file in it, 0644.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, inside: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.path().join(inside.trim_start_matches('/'));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| Trouble::io(parent, e))?;
        }
        fs::write(&path, content).map_err(|e| Trouble::io(&path, e))
    }
}

/// A machine that can be booted as often as one likes, each time from the same disk.
#[derive(Debug)]
pub struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    /// Of a base root with these files over it. `prepare` is a script that runs in it as root before the disk is made, without
    /// services.
    ///
    /// # Errors
    /// When the base root cannot be built or the script fails; with what it said.
    pub fn of(root: BaseRoot, over: &Overlay, prepare: &str) -> Result<Machine> {
        let base = root.ready()?;
        over.write("/prepare.sh", prepare)?;
        over.write("/etc/systemd/system/probe.service", PROBE)?;
        // Beside the roots: some hundred megabytes, and /tmp may be small.
        let dir = tempfile::Builder::new().prefix("machine-").tempdir_in(target().join("roots"));
        let dir = dir.map_err(|e| Trouble::new(format!("no directory for the image: {e}")))?;
        let mount = dir.path().join("mnt");
        fs::create_dir(&mount).map_err(|e| Trouble::io(&mount, e))?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--", "sh", "-c", IMAGE, "image"]);
        command.args([&base, over.path(), &dir.path().join("disk"), &mount]);
        let output = command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).output();
        let output = output.map_err(|e| Trouble::new(format!("unshare does not start: {e}")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Trouble::new(format!("the disk of a machine cannot be made: {said}")));
        }
        Ok(Machine { dir })
    }

    /// Where the SELinux policy is that it boots with, to ask it.
    pub fn policy(&self) -> PathBuf {
        self.file("policy")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Boots it with these words more on the kernel's command line, runs `probe` (a script of steps.sh's steps) once everything is up,
    /// and returns what it reported when the machine is off again.
    ///
    /// # Errors
    /// When it is not off within `limit`, or does not boot; with the end of its console.
    pub fn boot(&self, arguments: &str, limit: Duration, probe: &str) -> Result<Report> {
        let (console, report, script) = (self.file("console"), self.file("report"), self.file("script"));
        for file in [&console, &report] {
            File::create(file).map_err(|e| Trouble::io(file, e))?;
        }
        fs::write(&script, format!("{STEPS}\n{probe}")).map_err(|e| Trouble::io(&script, e))?;
        let started = Instant::now();
        // Ends with this thread, however that ends.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
        command.args(["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"]);
        command.args(["-m", MEMORY, "-display", "none", "-no-reboot", "-nic", "none", "-monitor", "none"]);
        command.arg("-serial").arg(format!("file:{}", console.display()));
        command.arg("-serial").arg(format!("file:{}", report.display()));
        // A terminal that nobody reads.
        command.args(["-serial", "null"]);
        command.arg("-kernel").arg(self.file("vmlinuz")).arg("-initrd").arg(self.file("initrd"));
        command.arg("-append").arg(format!(
            "root=/dev/vda rw console=ttyS0 quiet mitigations=off systemd.show_status=0 systemd.unit=graphical.target {arguments}"
        ));
        command
            .arg("-drive")
            .arg(format!("file={},if=virtio,format=raw,snapshot=on", self.file("disk").display()));
        // The script is a disk of its own, so that one image answers different questions.
        command.arg("-drive").arg(format!("file={},if=virtio,format=raw,readonly=on", script.display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut qemu = command
            .spawn()
            .map_err(|e| Trouble::new(format!("setpriv does not start ({e}): apt-get install util-linux")))?;
        let off = until(limit, "the machine is off", || matches!(qemu.try_wait(), Ok(Some(_)) | Err(_)));
        let _ = qemu.kill();
        let output = qemu.wait_with_output().map_err(|e| Trouble::new(format!("qemu: {e}")))?;
        let text = |path: &Path| {
            fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).replace('\r', "")).unwrap_or_default()
        };
        let (console, report) = (text(&console), text(&report));
        let report = Report { steps: Step::read(&report), console, took: started.elapsed() };
        if off.is_err() || !output.status.success() || report.steps.is_empty() {
            return Err(Trouble::new(format!(
                "the machine did not do what it was booted for ({off:?}, {}): is qemu-system-x86 installed? {}\n{report}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            )));
        }
        Ok(report)
    }
}

/// What a boot brought to light.
#[derive(Debug)]
pub struct Report {
    steps: Vec<Step>,
    console: String,
    /// From its power being switched on to its being off.
    pub took: Duration,
}

/// One step of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Its exit status; None when the machine ended first.
    pub status: Option<i32>,
    /// What it printed.
    pub said: String,
}

impl Report {
    /// A step by its name.
    ///
    /// # Errors
    /// When the probe did not come to it.
    pub fn step(&self, name: &str) -> Result<&Step> {
        let found = self.steps.iter().find(|step| step.name == name);
        found.ok_or_else(|| Trouble::new(format!("the probe has not come to {name:?}:\n{self}")))
    }

    /// What a step printed that ended well.
    ///
    /// # Errors
    /// When it did not.
    pub fn good(&self, name: &str) -> Result<&str> {
        let step = self.step(name)?;
        if step.status == Some(0) {
            return Ok(&step.said);
        }
        Err(Trouble::new(format!("{name} should have ended well:\n{self}")))
    }

    /// What a step printed that failed, as it should.
    ///
    /// # Errors
    /// When it ended well, or hung.
    pub fn bad(&self, name: &str) -> Result<&str> {
        let step = self.step(name)?;
        match step.status {
            Some(status) if ![0, 124].contains(&status) => Ok(&step.said),
            _ => Err(Trouble::new(format!("{name} should have failed:\n{self}"))),
        }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for Step { name, status, said } in &self.steps {
            let status = status.map_or_else(|| "not ended".to_owned(), |status| format!("status {status}"));
            writeln!(f, "--- {name}: {status}\n{}", said.trim_end())?;
        }
        let from = self.console.len().saturating_sub(4000);
        write!(f, "--- console\n{}", self.console.get(from..).unwrap_or(&self.console))
    }
}

impl Step {
    fn read(report: &str) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for line in report.lines() {
            let open = steps.last_mut().filter(|step| step.status.is_none());
            if let Some(name) = line.strip_prefix("@begin ") {
                steps.push(Step { name: name.to_owned(), status: None, said: String::new() });
            } else if let Some(step) = open {
                match line.strip_prefix("@end ").and_then(|rest| rest.strip_prefix(step.name.as_str())) {
                    Some(status) => step.status = status.trim().parse().ok(),
                    None => {
                        step.said.push_str(line);
                        step.said.push('\n');
                    }
                }
            }
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_step_by_step() {
        let steps = Step::read("noise\n@begin one\na\n@end two 0\n@end one 1\nnoise\n@begin two\n");
        let step = |name: &str, status, said: &str| Step { name: name.into(), status, said: said.into() };
        assert_eq!(steps, [step("one", Some(1), "a\n@end two 0\n"), step("two", None, "")]);
    }
}
