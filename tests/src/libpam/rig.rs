//! Where a transaction takes place: a directory with an etc, run and dev of its own, made anew for each test.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jit_proto::{Phase, Question, Verdict};
use tempfile::TempDir;

use crate::built;
use crate::libpam::fake::{Fake, Manner};
use crate::libpam::{Call, IGNORED, Report, Spec};
use crate::trouble::{Result, Trouble};

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh
alice:x:1000:1000:Alice:/home/alice:/bin/sh
bob:x:1001:1001:Bob:/home/bob:/bin/sh
rescue:x:900:900:Rescue:/:/bin/sh
carol:x:1002:1002:Carol:/home/carol:/bin/sh
";
const GROUP: &str = "root:x:0:
jit-breakglass:x:77:dave,carol
ops:x:78:bob
";

/// A place for transactions.
#[derive(Debug)]
pub struct Rig {
    dir: TempDir,
    log: UnixDatagram,
}

impl Rig {
    /// A place with `module` as pam_jit.so, no daemon, no enforcing file, and somebody who reads /dev/log.
    ///
    /// # Errors
    /// When files cannot be written.
    pub fn new(module: &Path) -> Result<Rig> {
        let dir = TempDir::new().map_err(|e| Trouble::io(&std::env::temp_dir(), e))?;
        let at = dir.path();
        // 0755 all the way, whatever the umask: the module looks at it.
        for name in ["root", "etc", "etc/pam.d", "etc/jitd", "run", "run/jitd", "dev", "jit"] {
            fs::create_dir(at.join(name)).map_err(|e| Trouble::io(&at.join(name), e))?;
            set_mode(&at.join(name), 0o755)?;
        }
        let log_path = at.join("dev/log");
        let log = UnixDatagram::bind(&log_path).map_err(|e| Trouble::io(&log_path, e))?;
        log.set_nonblocking(true).map_err(|e| Trouble::io(&log_path, e))?;
        let rig = Rig { dir, log };
        fs::copy(module, rig.dir.path().join("jit/pam_jit.so")).map_err(|e| Trouble::io(module, e))?;
        for (name, text) in [
            ("etc/passwd", PASSWD),
            ("etc/group", GROUP),
            ("etc/nsswitch.conf", "passwd: files\ngroup: files\n"),
            // libpam complains without it.
            ("etc/pam.d/other", "auth required pam_deny.so\n"),
        ] {
            rig.write(name, text, 0o644)?;
        }
        if let Err(e) = fs::copy("/etc/ld.so.cache", rig.path("etc/ld.so.cache")) {
            return Err(Trouble::io(Path::new("/etc/ld.so.cache"), e));
        }
        Ok(rig)
    }

    /// The same with the release build of the module.
    ///
    /// # Errors
    /// When it is not built, or files cannot be written.
    pub fn released() -> Result<Rig> {
        Rig::new(&built::pam_jit()?)
    }

    /// The same with a daemon that answers so.
    ///
    /// # Errors
    /// As [`Rig::released`], or when there is no socket to be had.
    pub fn answered(verdict: Verdict, text: &str) -> Result<(Rig, Fake)> {
        let rig = Rig::released()?;
        let fake = Fake::start(&rig.socket(), Manner::Answers(verdict, text.to_owned()))?;
        Ok((rig, fake))
    }

    /// A path of the place, as seen from outside.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where the daemon's socket belongs.
    pub fn socket(&self) -> PathBuf {
        self.path("run/jitd/pam.sock")
    }

    /// Writes a file with a mode.
    ///
    /// # Errors
    /// When it cannot.
    pub fn write(&self, name: &str, text: &str, mode: u32) -> Result<()> {
        let path = self.path(name);
        fs::write(&path, text).map_err(|e| Trouble::io(&path, e))?;
        set_mode(&path, mode)
    }

    /// Writes the enforcing file.
    ///
    /// # Errors
    /// When it cannot.
    pub fn enforce(&self, text: &str) -> Result<()> {
        self.write("etc/jitd/enforcing", text, 0o644)
    }

    /// Runs a transaction with these module options.
    ///
    /// # Errors
    /// When it does not come to a report: the process ended otherwise, or something was printed.
    pub fn run(&self, options: &str, spec: &Spec) -> Result<Report> {
        // success → the second line; ignore → skip it; anything else → out with exactly that code.
        let stack: String = ["auth", "account", "session", "password"]
            .map(|kind| {
                format!(
                    "{kind} [success=ok ignore=1 default=die] /jit/pam_jit.so {options}\n\
                     {kind} [success=done default=die] pam_permit.so\n\
                     {kind} required pam_deny.so\n"
                )
            })
            .concat();
        let mut report = self.run_stack(&stack, spec)?;
        for code in report.codes.iter_mut().filter(|code| OF_PAM_DENY.contains(code)) {
            *code = IGNORED;
        }
        Ok(report)
    }

    /// Runs a transaction with a whole pam.d file.
    ///
    /// # Errors
    /// As [`Rig::run`].
    pub fn run_stack(&self, stack: &str, spec: &Spec) -> Result<Report> {
        self.write(&format!("etc/pam.d/{}", spec.service), stack, 0o644)?;
        let text = serde_json::to_string(spec).map_err(|e| Trouble::new(e.to_string()))?;
        let flags = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
        let output = Command::new("unshare")
            .arg(flags)
            .arg(driver()?)
            .arg(self.dir.path())
            .arg(text)
            // A panic that is printed shall be printed in full.
            .env("RUST_BACKTRACE", "full")
            .stdin(Stdio::null())
            .output()
            .map_err(|e| Trouble::new(format!("unshare does not start ({e}): apt-get install util-linux")))?;
        let report = fs::read_to_string(self.path("report")).unwrap_or_default();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(Trouble::new(format!("the driver ended with {}: {report} {errors}", output.status)));
        }
        if !output.stdout.is_empty() || !output.stderr.is_empty() {
            return Err(Trouble::new(format!("something was printed: {output:?}")));
        }
        serde_json::from_str(&report).map_err(|e| Trouble::new(format!("report: {e}: {report}")))
    }

    /// The lines that reached /dev/log since the last look, from the module and from libpam.
    pub fn logged(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut room = [0; 8192];
        loop {
            match self.log.recv(&mut room) {
                Ok(count) => {
                    lines.push(String::from_utf8_lossy(room.get(..count).unwrap_or(&[])).into_owned())
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return lines,
            }
        }
    }
}

/// Codes of pam_deny's (in one version or another), which pam_jit never returns: seen here, its own was PAM_IGNORE.
const OF_PAM_DENY: [i32; 5] = [7, 13, 14, 17, 20];

/// chmod(2).
///
/// # Errors
/// When it cannot.
pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|e| Trouble::io(path, e))
}

/// The program `pam_driver`: two up from a test's own program.
fn driver() -> Result<PathBuf> {
    let own = std::env::current_exe().map_err(|e| Trouble::new(e.to_string()))?;
    let found = own.ancestors().skip(1).take(2).map(|dir| dir.join("pam_driver")).find(|path| path.is_file());
    found.ok_or_else(|| Trouble::new("pam_driver is not built: cargo test -p jit-tests builds it"))
}

/// What the module asks in its account phase when sshd asks it about somebody who comes from where [`alice`] does.
pub fn sshds_question(login: &str, uid: u32) -> Question<'_> {
    Question {
        phase: Phase::Account,
        service: "sshd",
        subject: login,
        uid: Some(uid),
        target: None,
        ruser: None,
        rhost: Some("192.0.2.7"),
        tty: Some("ssh"),
        auth_info: None,
        auth_info_cut: false,
    }
}

/// alice logs in over ssh.
pub fn alice() -> Spec {
    Spec {
        service: "sshd".to_owned(),
        user: Some("alice".to_owned()),
        ruser: None,
        rhost: Some("192.0.2.7".to_owned()),
        tty: Some("ssh".to_owned()),
        environment: Vec::new(),
        calls: vec![Call::Account],
        silent: false,
        real_uid: None,
        hardship: Vec::new(),
    }
}
