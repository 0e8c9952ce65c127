//! One PAM transaction in a root of its own, for the tests of pam_jit: `unshare -m pam_driver DIR SPEC`. See jit_tests::libpam.
//! Prints nothing: whatever appears on its standard streams came from the module or libpam.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use jit_tests::libpam::ffi::{Item, Speech, Transaction, alarm_every_millisecond, close_standard_streams};
use jit_tests::libpam::{Hardship, Report, Spec};
use jit_tests::trouble::{Result, Trouble};
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::process::{Resource, Rlimit};
use rustix::thread::Uid;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(dir), Some(spec)) = (arguments.next(), arguments.next()) else {
        return ExitCode::from(2);
    };
    let Ok(mut report) = File::create(Path::new(&dir).join("report")) else {
        return ExitCode::from(2);
    };
    let outcome = run(Path::new(&dir), &spec);
    let text = match &outcome {
        Ok(outcome) => serde_json::to_string(outcome).unwrap_or_default(),
        Err(trouble) => trouble.to_string(),
    };
    match (outcome, report.write_all(text.as_bytes())) {
        (Ok(_), Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn run(dir: &Path, spec: &str) -> Result<Report> {
    let spec: Spec = serde_json::from_str(spec).map_err(|e| Trouble::new(format!("spec: {e}")))?;
    own_root(dir)?;
    let mut transaction = Transaction::start(&spec.service, spec.user.as_deref(), "/etc/pam.d")?;
    for (item, value) in [(Item::Tty, &spec.tty), (Item::Rhost, &spec.rhost), (Item::Ruser, &spec.ruser)] {
        if let Some(value) = value {
            transaction.set(item, value)?;
        }
    }
    for variable in &spec.environment {
        transaction.put_variable(variable)?;
    }
    if let Some(uid) = spec.real_uid {
        rustix::thread::set_thread_res_uid(Uid::from_raw(uid), Uid::ROOT, Uid::ROOT)
            .map_err(|e| Trouble::new(format!("real uid {uid}: {e} (this test needs root)")))?;
    }
    // Closed before it is looked; what is taken afterwards would keep us from looking.
    let (closed, taken): (Vec<Hardship>, Vec<Hardship>) =
        spec.hardship.iter().partition(|hardship| **hardship == Hardship::NoStandardStreams);
    for hardship in closed {
        suffer(hardship)?;
    }
    let open_before = open_files()?;
    for hardship in taken {
        suffer(hardship)?;
    }
    let speech = if spec.silent { Speech::Silent } else { Speech::Spoken };
    let mut codes = Vec::with_capacity(spec.calls.len());
    let start = Instant::now();
    for call in &spec.calls {
        codes.push(transaction.call(*call, speech));
    }
    let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    for (resource, hardship) in [(Resource::Nofile, Hardship::NoFiles), (Resource::As, Hardship::NoMemory)] {
        if spec.hardship.contains(&hardship) {
            limit(resource, None)?;
        }
    }
    let open_after = open_files()?;
    Ok(Report { codes, said: transaction.said(), open_before, open_after, millis })
}

fn suffer(hardship: Hardship) -> Result<()> {
    match hardship {
        Hardship::NoFiles => limit(Resource::Nofile, Some(0)),
        Hardship::NoMemory => limit(Resource::As, Some(1)),
        Hardship::NoStandardStreams => {
            close_standard_streams();
            Ok(())
        }
        Hardship::Signals => {
            alarm_every_millisecond();
            Ok(())
        }
    }
}

/// Sets the soft limit; `None` lifts it again.
fn limit(resource: Resource, current: Option<u64>) -> Result<()> {
    let maximum = rustix::process::getrlimit(resource).maximum;
    let limit = Rlimit { current: current.or(maximum), maximum };
    rustix::process::setrlimit(resource, limit).map_err(|e| Trouble::new(format!("setrlimit: {e}")))
}

/// What is open, without the descriptor that looks.
fn open_files() -> Result<Vec<String>> {
    let place = Path::new("/proc/self/fd");
    let entries = fs::read_dir(place).map_err(|e| Trouble::io(place, e))?;
    let mut open: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let to = fs::read_link(entry.path()).ok()?;
            Some(format!("{} {}", entry.file_name().to_string_lossy(), to.display()))
        })
        .filter(|line| !line.ends_with("/fd"))
        .collect();
    open.sort();
    Ok(open)
}

/// A tmpfs as root, with the machine's programs and libraries, and etc, run and dev from `dir`.
fn own_root(dir: &Path) -> Result<()> {
    let root = dir.join("root");
    let in_root = |name: &str| root.join(name);
    let bad = |what: &str, e: rustix::io::Errno| Trouble::new(format!("{what}: {e}"));
    let mode = CString::new("mode=0755").map_err(|e| Trouble::new(e.to_string()))?;
    rustix::mount::mount("tmpfs", &root, "tmpfs", MountFlags::empty(), mode.as_c_str())
        .map_err(|e| bad("tmpfs", e))?;
    let mut binds = vec![(Path::new("/proc").to_path_buf(), in_root("proc"))];
    binds.extend(["etc", "run", "dev", "jit"].map(|name| (dir.join(name), in_root(name))));
    for name in ["usr", "bin", "sbin", "lib", "lib64"] {
        let path = Path::new("/").join(name);
        match fs::read_link(&path) {
            Ok(to) => symlink(to, in_root(name)).map_err(|e| Trouble::io(&path, e))?,
            Err(_) if path.is_dir() => binds.push((path, in_root(name))),
            Err(_) => {}
        }
    }
    for (from, to) in &binds {
        fs::create_dir(to).map_err(|e| Trouble::io(to, e))?;
        rustix::mount::mount_bind_recursive(from, to).map_err(|e| bad(&to.display().to_string(), e))?;
    }
    std::env::set_current_dir(&root).map_err(|e| Trouble::io(&root, e))?;
    rustix::process::pivot_root(".", ".").map_err(|e| bad("pivot_root", e))?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(|e| bad("umount", e))?;
    std::env::set_current_dir("/").map_err(|e| Trouble::io(Path::new("/"), e))
}
