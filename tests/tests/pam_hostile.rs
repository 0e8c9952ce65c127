//! The module in a process that its caller has prepared: limits, closed descriptors, signals, environment; and a panic inside.
//! It denies or answers rightly, and its host lives.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use jit_proto::Verdict;
use jit_tests::libpam::fake::{Fake, Manner};
use jit_tests::libpam::rig::{Rig, alice};
use jit_tests::libpam::{
    AUTHINFO_UNAVAIL, Call, ERROR_MSG, Hardship, IGNORED, PERM_DENIED, RETURNED, SERVICE_ERR, SUCCESS,
    SYSTEM_ERR, Spec,
};
use jit_tests::root::{target, workspace};
use jit_tests::trouble::{Result, Trouble};

fn with(verdict: Verdict) -> Result<(Rig, Fake)> {
    Rig::answered(verdict, "jit: no grant")
}

fn under(hardship: &[Hardship]) -> Spec {
    Spec { hardship: hardship.to_vec(), ..alice() }
}

/// The caller of sudo who allows it no descriptor is denied: neither daemon nor enforcing file can be reached. (Where libpam is
/// built with audit, its own want of a descriptor turns whatever the module returned into PAM_SYSTEM_ERR; what was said is ours.)
#[test]
fn no_descriptors() -> Result<()> {
    let (rig, fake) = with(Verdict::Allow)?;
    for (file, code, said) in [
        (Some(""), AUTHINFO_UNAVAIL, 1),
        // Not even where the file would say otherwise, for it cannot be read …
        (Some("production no\nend enforcing\n"), AUTHINFO_UNAVAIL, 1),
        // … but that there is none can be seen.
        (None, IGNORED, 0),
    ] {
        match file {
            Some(text) => rig.enforce(text)?,
            None => {
                fs::remove_file(rig.path("etc/jitd/enforcing")).map_err(|e| Trouble::new(e.to_string()))?
            }
        }
        let report = rig.run("", &under(&[Hardship::NoFiles]))?;
        assert!(report.codes == [code] || report.codes == [SYSTEM_ERR], "{file:?} {report:?}");
        assert_eq!(report.open_before, report.open_after, "{file:?}");
        assert_eq!(report.said.len(), said, "{file:?}");
    }
    assert_eq!(fake.questions().len(), 0);
    Ok(())
}

/// No page can be had. The module needs none for the question; for the enforcing file it does, and without it holds to the defaults.
#[test]
fn no_memory() -> Result<()> {
    for (verdict, code) in RETURNED {
        let (rig, _fake) = with(verdict)?;
        let report = rig.run("", &under(&[Hardship::NoMemory]))?;
        assert_eq!(report.codes, [code], "{verdict:?}");
        assert_eq!(report.open_before, report.open_after, "{verdict:?}");
    }
    let rig = Rig::released()?;
    rig.enforce("production no\nend enforcing\n")?;
    let report = rig.run("", &under(&[Hardship::NoMemory]))?;
    assert_eq!(report.codes, [AUTHINFO_UNAVAIL]);
    Ok(())
}

#[test]
fn no_standard_streams() -> Result<()> {
    for (verdict, code) in RETURNED {
        let (rig, _fake) = with(verdict)?;
        let report = rig.run("", &under(&[Hardship::NoStandardStreams]))?;
        assert_eq!(report.codes, [code], "{verdict:?}");
        assert_eq!(report.open_before, report.open_after);
    }
    let rig = Rig::released()?;
    rig.enforce("")?;
    let report = rig.run("", &under(&[Hardship::NoStandardStreams]))?;
    assert_eq!(report.codes, [AUTHINFO_UNAVAIL]);
    assert_eq!(report.open_before, report.open_after);
    Ok(())
}

/// A storm of signals neither ends the exchange early nor draws it out.
#[test]
fn signals() -> Result<()> {
    let rig = Rig::released()?;
    let answer = jit_proto::Answer { verdict: Verdict::Allow, until: None, text: "" };
    let bytes = answer.encode().map_err(|e| Trouble::new(e.to_string()))?.as_bytes().to_vec();
    let _fake = Fake::start(&rig.socket(), Manner::Drips(bytes, std::time::Duration::from_millis(5)))?;
    assert_eq!(rig.run("timeout=10000", &under(&[Hardship::Signals]))?.codes, [SUCCESS]);
    // Without standard streams too, for the module's socket does not take their place.
    let both = under(&[Hardship::NoStandardStreams, Hardship::Signals]);
    assert_eq!(rig.run("timeout=10000", &both)?.codes, [SUCCESS]);
    let rig = Rig::released()?;
    rig.enforce("")?;
    let _fake = Fake::start(&rig.socket(), Manner::SendsAndHangs(Vec::new()))?;
    let report = rig.run("timeout=300", &under(&[Hardship::Signals]))?;
    assert_eq!(report.codes, [AUTHINFO_UNAVAIL]);
    // A deadline in whole milliseconds on two clocks: one of them may be lost in rounding.
    assert!((298..20_000).contains(&report.millis), "{}", report.millis);
    Ok(())
}

/// PAM's own environment is the application's, and only SSH_AUTH_INFO_0 is read from it, for the audit.
#[test]
fn variables_change_nothing() -> Result<()> {
    let (rig, _fake) = with(Verdict::Deny)?;
    let environment =
        ["JIT_SOCKET=/tmp/x", "SSH_AUTH_INFO_0=allow\u{7}", "LD_PRELOAD=/tmp/x", "TZ=:/dev/zero"];
    let spec = Spec { environment: environment.map(str::to_owned).to_vec(), ..alice() };
    assert_eq!(rig.run("", &spec)?.codes, [PERM_DENIED]);
    Ok(())
}

/// A second release build of the same sources, with the feature that adds the option `panic`, whose payload panics again when
/// it is dropped. The host lives, the code denies, nothing is printed.
#[test]
fn a_panic_denies() -> Result<()> {
    let module = panicking_module()?;
    let rig = Rig::new(&module)?;
    let _fake = Fake::start(&rig.socket(), Manner::Answers(Verdict::Allow, String::new()))?;
    let spec = Spec { calls: vec![Call::Account, Call::Authenticate, Call::Account], ..alice() };
    let report = rig.run("panic", &spec)?;
    assert_eq!(report.codes, [PERM_DENIED; 3]);
    assert_eq!((report.said.len(), &report.open_before), (0, &report.open_after));
    for (call, code) in [(Call::OpenSession, PERM_DENIED), (Call::CloseSession, SYSTEM_ERR)] {
        assert_eq!(rig.run("panic", &Spec { calls: vec![call], ..alice() })?.codes, [code], "{call:?}");
    }
    // The same module without the option works, and the module that is installed does not know it.
    assert_eq!(rig.run("", &alice())?.codes, [SUCCESS]);
    let installed = Rig::released()?;
    assert_eq!(installed.run("panic", &alice())?.codes, [SERVICE_ERR]);
    Ok(())
}

fn panicking_module() -> Result<PathBuf> {
    let folder = target().join("inject-panic");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--quiet",
            "--package",
            "pam_jit",
            "--features",
            "inject-panic",
            "--target-dir",
        ])
        .arg(&folder)
        .current_dir(workspace())
        .output()
        .map_err(|e| Trouble::new(format!("cargo does not start: {e}")))?;
    if !output.status.success() {
        return Err(Trouble::new(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(folder.join("release/libpam_jit.so"))
}

/// What the module says reaches the person as it is, and nothing of it is a format.
#[test]
fn text_is_no_format() -> Result<()> {
    let rig = Rig::released()?;
    let text = "jit: %n%s%x 100% ".to_owned() + &"x".repeat(1000);
    let _fake = Fake::start(&rig.socket(), Manner::Answers(Verdict::Deny, text.clone()))?;
    assert_eq!(rig.run("", &alice())?.said, [(ERROR_MSG, text)]);
    Ok(())
}
