//! The packages as files: what they need, what is in them, and that they are the same each time.

use std::fs;
use std::process::Command;

use jit_tests::root::workspace;
use jit_tests::trouble::{Result, Trouble};

use crate::rpms::{OURS, Rpms, build, query};

/// RHEL 9 has 2.34, Ubuntu 22.04 has 2.35. What needs more cannot be loaded there, and a PAM module that cannot be loaded denies everybody.
const GLIBC: (u32, u32) = (2, 34);

#[test]
fn nothing_needs_a_newer_glibc() -> Result<()> {
    let rpms = Rpms::built()?;
    for name in OURS {
        let requires = query(&rpms.ours(name, "1")?, &["--requires"])?;
        let versions = requires.lines().filter_map(|line| line.split_once("(GLIBC_")?.1.split(')').next());
        let mut highest = (0, 0);
        for version in versions {
            let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(u32::MAX));
            highest = highest.max((numbers.next().unwrap_or(u32::MAX), numbers.next().unwrap_or(0)));
        }
        assert!(highest > (2, 0) && highest <= GLIBC, "{name} needs glibc {highest:?}");
    }
    Ok(())
}

#[test]
fn each_says_what_it_goes_with() -> Result<()> {
    let rpms = Rpms::built()?;
    for (name, needed) in
        [("jitd", "jitctl(x86-64) = "), ("pam_jit", "jitd(x86-64) = "), ("nss_jit", "jitd(x86-64) = ")]
    {
        let requires = query(&rpms.ours(name, "1")?, &["--requires"])?;
        assert!(requires.contains(needed), "{name}: {requires}");
    }
    let requires = query(&rpms.ours("jitctl", "1")?, &["--requires"])?;
    assert!(
        !requires.contains("jitd") && !requires.contains("systemd"),
        "a laptop needs nothing else: {requires}"
    );
    let recommended = query(&rpms.ours("jitd", "1")?, &["--recommends"])?;
    assert!(recommended.contains("pam_jit = ") && recommended.contains("nss_jit = "), "{recommended}");
    Ok(())
}

#[test]
fn two_builds_are_the_same() -> Result<()> {
    let rpms = Rpms::built()?;
    let again = tempfile::tempdir().map_err(|e| Trouble::new(e.to_string()))?;
    build(again.path(), "1")?;
    let mut count = 0;
    for entry in fs::read_dir(again.path()).map_err(|e| Trouble::io(again.path(), e))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let first = rpms.ours(name.split("-0.").next().unwrap_or(&name), "1")?;
        assert_eq!(first.file_name(), Some(entry.file_name().as_os_str()));
        let [a, b] = [&first, &entry.path()].map(|path| fs::read(path).map_err(|e| Trouble::io(path, e)));
        assert!(a? == b?, "{name} differs");
        count += 1;
    }
    assert!(count >= OURS.len());
    Ok(())
}

#[test]
fn rpmlint_finds_nothing() -> Result<()> {
    let rpms = Rpms::built()?;
    let config = workspace().join("packaging/rpm/rpmlint.toml").display().to_string();
    let paths = OURS
        .iter()
        .map(|name| Ok(rpms.ours(name, "1")?.display().to_string()))
        .collect::<Result<Vec<_>>>()?;
    let mut rpmlint = Command::new("rpmlint");
    rpmlint.args(["--strict", "--config", &config]).args(paths);
    let said =
        rpmlint.output().map_err(|e| Trouble::new(format!("rpmlint: {e}: apt-get install rpmlint")))?;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    Ok(())
}
