//! The packages under test, built once for all tests from what is built, and those that stand for the rest of a RHEL.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use jit_tests::built::output;
use jit_tests::root::{target, workspace};
use jit_tests::trouble::{Result, Trouble};

pub(crate) const OURS: [&str; 4] = ["jitctl", "jitd", "pam_jit", "nss_jit"];

/// A directory of packages.
pub(crate) struct Rpms {
    dir: PathBuf,
}

impl Rpms {
    /// Built now if anything that goes into them has changed since.
    pub(crate) fn built() -> Result<Rpms> {
        let dir = target().join("packages-tested/rpm");
        fs::create_dir_all(&dir).map_err(|e| Trouble::io(&dir, e))?;
        let lock = File::create(dir.join("lock")).map_err(|e| Trouble::io(&dir, e))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|e| Trouble::io(&dir, e.into()))?;
        let stamp = dir.join("stamp");
        let newest = newest()?;
        let rpms = Rpms { dir };
        if fs::metadata(&stamp).and_then(|m| m.modified()).is_ok_and(|at| at > newest) {
            return Ok(rpms);
        }
        let _ = fs::remove_file(&stamp);
        build(&rpms.dir.join("1"), "1")?;
        build(&rpms.dir.join("2"), "2")?;
        rpms.stand_ins()?;
        fs::write(&stamp, "").map_err(|e| Trouble::io(&stamp, e))?;
        Ok(rpms)
    }

    /// One of ours, of this release.
    pub(crate) fn ours(&self, name: &str, release: &str) -> Result<PathBuf> {
        let dir = self.dir.join(release);
        let list = fs::read_dir(&dir).map_err(|e| Trouble::io(&dir, e))?;
        let mut found = list.flatten().map(|entry| entry.path()).filter(|path| {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            file.strip_prefix(name).is_some_and(|rest| rest.starts_with("-0") || rest.starts_with("-1"))
        });
        found.next().ok_or_else(|| Trouble::new(format!("no {name} in {}", dir.display())))
    }

    /// What stands for the rest of RHEL, without a file.
    pub(crate) fn host(&self) -> PathBuf {
        self.dir.join("stand-ins/host-1-1.noarch.rpm")
    }

    /// The miniature profiles, as authselect would bring them; of the second release `sssd` has one line more, and `local` is gone.
    pub(crate) fn authselect(&self, release: &str) -> PathBuf {
        self.dir.join(format!("stand-ins/authselect-libs-1-{release}.noarch.rpm"))
    }

    fn stand_ins(&self) -> Result<()> {
        let mut provides = String::new();
        for name in OURS {
            for line in query(&self.ours(name, "1")?, &["--requires"])?.lines() {
                let ours = OURS.iter().any(|name| line.starts_with(name)) || line.starts_with("config(");
                if !line.starts_with("rpmlib(") && !line.starts_with('(') && !ours {
                    provides.push_str(&format!("Provides: {line}\n"));
                }
            }
        }
        self.stand_in("host", "1", &provides, "", "")?;
        let profiles = workspace().join("tests/tests/packages_rpm/profiles");
        let install = format!(
            "mkdir -p %{{buildroot}}/usr/share/authselect/vendor\n\
             cp -r {} %{{buildroot}}/usr/share/authselect/default\n",
            profiles.display()
        );
        self.stand_in("authselect-libs", "1", "", &install, "/usr/share/authselect\n")?;
        let newer = format!(
            "{install}cd %{{buildroot}}/usr/share/authselect/default\nrm -r local\n\
             sed -i '/^account.*pam_unix/i account     required      pam_time.so' sssd/system-auth\n"
        );
        self.stand_in("authselect-libs", "2", "", &newer, "/usr/share/authselect\n")
    }

    fn stand_in(&self, name: &str, release: &str, header: &str, install: &str, files: &str) -> Result<()> {
        let dir = self.dir.join("stand-ins");
        fs::create_dir_all(&dir).map_err(|e| Trouble::io(&dir, e))?;
        let spec = dir.join(format!("{name}-{release}.spec"));
        let text = format!(
            "Name: {name}\nVersion: 1\nRelease: {release}\nSummary: Stands for it\nLicense: none\nBuildArch: noarch\n{header}\
             %description\nStands for it.\n%install\n{install}%files\n{files}"
        );
        fs::write(&spec, text).map_err(|e| Trouble::io(&spec, e))?;
        let define =
            |name: &str, value: &Path| ["--define".to_owned(), format!("{name} {}", value.display())];
        let work = tempfile::tempdir().map_err(|e| Trouble::io(&dir, e))?;
        let mut command = Command::new("rpmbuild");
        command
            .args(["-bb", "--quiet", "--nodeps"])
            .args(define("_topdir", work.path()))
            .args(define("_rpmdir", &dir));
        command.args(["--define", "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"]).arg(&spec);
        run(command)
    }
}

/// Builds ours into `out`, as `make packages` does.
pub(crate) fn build(out: &Path, release: &str) -> Result<()> {
    let mut command = Command::new(workspace().join("packaging/rpm/build"));
    // One time for all: the last commit's may change meanwhile.
    command.arg(out).arg(release).env("SOURCE_DATE_EPOCH", "1700000000");
    run(command)
}

fn run(mut command: Command) -> Result<()> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| Trouble::new(format!("{shown}: {e}: apt-get install rpm")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Trouble::new(format!("{shown}: {} {}", output.status, String::from_utf8_lossy(&output.stderr))))
}

/// `rpm -qp`
pub(crate) fn query(rpm: &Path, arguments: &[&str]) -> Result<String> {
    let mut all = vec!["-qp", "--nosignature"];
    all.extend(arguments);
    output("rpm", &all, Some(rpm))
}

/// When the last of what goes into the packages was changed.
fn newest() -> Result<SystemTime> {
    let tree = workspace();
    let mut newest = SystemTime::UNIX_EPOCH;
    let inputs = ["packaging", "docs", "README.md", "CHANGELOG.md", "Makefile", "tests/tests/packages_rpm"];
    let mut waiting: Vec<PathBuf> = inputs.map(|name| tree.join(name)).into();
    let built = [
        "pages",
        "selinux",
        "release/jitd",
        "release/jitctl",
        "release/libpam_jit.so",
        "guest/libnss_jit.so",
    ];
    waiting.extend(built.map(|name| target().join(name)));
    while let Some(path) = waiting.pop() {
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).map_err(|e| Trouble::io(&path, e))?;
            waiting.extend(entries.flatten().map(|entry| entry.path()));
        }
        newest = newest.max(metadata.modified().map_err(|e| Trouble::io(&path, e))?);
    }
    Ok(newest)
}
