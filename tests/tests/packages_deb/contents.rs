//! What is in the packages: files with owners and modes, against the lists beside this file; what lintian says; and that two builds give
//! the same bytes.

use std::fs;
use std::path::Path;
use std::process::Command;

use jit_tests::built::output;
use jit_tests::root::{target, workspace};
use jit_tests::trouble::{Result, Trouble};

use crate::machine::{PACKAGES, PROGRAMS, deb};

/// `etc/*.toml` matches `etc/jitd.toml`; a star stands for any text without a slash.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end))
            .is_some_and(|between| name.len() >= start.len() + end.len() && !between.contains('/')),
    }
}

/// The files and the empty directories of a package: mode, owner, path.
fn contents(package: &str) -> Result<Vec<String>> {
    let text = output("dpkg-deb", &["--contents"], Some(&deb(package)?))?;
    let mut lines: Vec<String> = Vec::new();
    let names: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [mode, owner, _, _, _, path, ..] = words.as_slice() else { return None };
            Some((format!("{mode} {owner}"), path.trim_start_matches("./").to_owned()))
        })
        .collect();
    for (mode, path) in &names {
        let is_parent = path.is_empty()
            || (path.ends_with('/')
                && names.iter().any(|(_, other)| other != path && other.starts_with(path)));
        // One that holds something is as open as every other.
        if is_parent {
            assert_eq!(mode, "drwxr-xr-x root/root", "{package}: {path}");
        } else {
            lines.push(format!("{mode} {path}"));
        }
    }
    Ok(lines)
}

#[test]
fn each_package_holds_what_is_listed_and_nothing_else() -> Result<()> {
    let mut faults = Vec::new();
    for package in PACKAGES {
        let path = workspace().join(format!("tests/tests/packages_deb/lists/{package}"));
        let listed = fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))?;
        let listed: Vec<&str> =
            listed.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
        let found: Vec<String> =
            contents(package)?.iter().map(|line| line.replace(&multiarch, "MULTIARCH")).collect();
        for line in &found {
            if !listed.iter().any(|pattern| matches(pattern, line)) {
                faults.push(format!("{package}: not listed: {line}"));
            }
        }
        for pattern in listed {
            if !found.iter().any(|line| matches(pattern, line)) {
                faults.push(format!("{package}: missing: {pattern}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[test]
fn lintian_has_nothing_to_say() -> Result<()> {
    let mut command = Command::new("lintian");
    command.args(["--allow-root", "--tag-display-limit", "0", "--fail-on", "error,warning"]);
    for package in PACKAGES {
        command.arg(deb(package)?);
    }
    let output = command
        .output()
        .map_err(|e| Trouble::new(format!("lintian does not start ({e}): apt-get install lintian")))?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("mismatched-override") && !said.contains("unused-override"), "{said}");
    Ok(())
}

/// Each override is explained by a comment above it.
#[test]
fn each_override_has_a_reason() -> Result<()> {
    for package in PACKAGES {
        let path = workspace().join(format!("packaging/debian/{package}.lintian-overrides"));
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let mut explained = false;
        for line in text.lines() {
            let is_comment = line.starts_with('#');
            assert!(is_comment || explained, "{}: {line}", path.display());
            explained = is_comment || (explained && !line.is_empty());
        }
    }
    Ok(())
}

/// When a package was made, by what its archive says: `!<arch>`, then the name of its first member, then this.
fn time_of(package: &Path) -> Result<String> {
    let bytes = fs::read(package).map_err(|e| Trouble::io(package, e))?;
    let time = bytes.get(24..36).unwrap_or_default();
    Ok(String::from_utf8_lossy(time).trim().to_owned())
}

#[test]
fn two_builds_in_two_places_are_the_same_bytes() -> Result<()> {
    for _ in 0..2 {
        let elsewhere = tempfile::tempdir().map_err(|e| Trouble::new(e.to_string()))?;
        let build = workspace().join("packaging/debian/build");
        let made = Command::new(&build)
            .arg(elsewhere.path())
            // Where it works in, under another umask, in another zone.
            .env("TMPDIR", elsewhere.path())
            .env("TZ", "Asia/Tokyo")
            // Somebody may have committed since.
            .env("SOURCE_DATE_EPOCH", time_of(&deb("jitd")?)?)
            .output()
            .map_err(|e| Trouble::io(&build, e))?;
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for package in PACKAGES {
            let first = deb(package)?;
            let second = elsewhere.path().join(first.file_name().unwrap_or_default());
            assert!(same(&first, &second)?, "{} differs", first.display());
        }
    }
    Ok(())
}

fn same(one: &Path, other: &Path) -> Result<bool> {
    let read = |path: &Path| fs::read(path).map_err(|e| Trouble::io(path, e));
    Ok(read(one)? == read(other)?)
}

/// Nothing of the machine that built them.
#[test]
fn the_programs_hold_no_path_of_the_machine_that_built_them() -> Result<()> {
    let home =
        std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let home = home.map_err(|e| Trouble::new(e.to_string()))?;
    for program in PROGRAMS {
        let program = target().join(program);
        let bytes = fs::read(&program).map_err(|e| Trouble::io(&program, e))?;
        for path in [home.as_str(), &workspace().to_string_lossy()] {
            let found = bytes.windows(path.len()).any(|window| window == path.as_bytes());
            assert!(
                !found,
                "{} names {path}; it was not built by the Makefile: make build",
                program.display()
            );
        }
    }
    Ok(())
}
