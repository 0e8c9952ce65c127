//! The packages for arm64, which this machine has made: the same files as its own, every program of the right kind, and the programs
//! run, under emulation, in the root that they were built in. That they let anybody in on a real arm64 host is not shown here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jit_tests::built::output;
use jit_tests::root::{target, workspace};
use jit_tests::trouble::{Result, Trouble};

const PACKAGES: [&str; 4] = ["jitctl", "jitd", "libnss-jit", "libpam-jit"];

/// e_machine of ELF(5) for 64-bit ARM.
const AARCH64: u16 = 183;

/// A package of this name, for this machine and for the other.
fn debs(package: &str) -> Result<(PathBuf, PathBuf)> {
    let find = |architecture: &str| {
        let all = fs::read_dir(target().join("packages")).map_err(|e| Trouble::io(&target(), e))?;
        let is_it = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with(&format!("{package}_")) && name.ends_with(&format!("-1_{architecture}.deb"))
        };
        let mut found = all.flatten().map(|entry| entry.path()).filter(is_it);
        found.next().ok_or_else(|| Trouble::new(format!("no {package} for {architecture}: make packages")))
    };
    Ok((find("amd64")?, find("arm64")?))
}

/// Mode, owner and path of what is in one.
fn contents(deb: &Path) -> Result<Vec<String>> {
    let text = output("dpkg-deb", &["--contents"], Some(deb))?;
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (mode, owner, path) = (words.first()?, words.get(1)?, words.get(5)?);
        Some(
            format!("{mode} {owner} {path}")
                .replace("aarch64-linux-gnu", "M")
                .replace("x86_64-linux-gnu", "M"),
        )
    };
    let mut all: Vec<String> = text.lines().filter_map(line).collect();
    all.sort();
    Ok(all)
}

#[test]
fn they_hold_the_same_files() -> Result<()> {
    for package in PACKAGES {
        let (here, there) = debs(package)?;
        assert_eq!(contents(&here)?, contents(&there)?, "{package}");
    }
    Ok(())
}

/// Everything of the four, unpacked.
fn unpacked() -> Result<tempfile::TempDir> {
    let dir = tempfile::tempdir_in(target().join("arm64")).map_err(|e| Trouble::io(&target(), e))?;
    for package in PACKAGES {
        let (_, deb) = debs(package)?;
        output("dpkg-deb", &["--extract", &deb.to_string_lossy()], Some(dir.path()))?;
    }
    Ok(dir)
}

#[test]
fn every_program_is_for_arm64() -> Result<()> {
    let dir = unpacked()?;
    let libraries = dir.path().join("usr/lib/aarch64-linux-gnu");
    let programs = [
        dir.path().join("usr/sbin/jitd"),
        dir.path().join("usr/bin/jitctl"),
        libraries.join("security/pam_jit.so"),
        libraries.join("libnss_jit.so.2"),
    ];
    for program in programs {
        let bytes = fs::read(&program).map_err(|e| Trouble::io(&program, e))?;
        assert_eq!(bytes.get(..4), Some(b"\x7fELF".as_slice()), "{}", program.display());
        let machine = bytes.get(18..20).map(|b| u16::from_le_bytes([b[0], b[1]]));
        assert_eq!(machine, Some(AARCH64), "{}", program.display());
    }
    Ok(())
}

/// Runs a line of a shell in the root for arm64, where `$OUT` is what was unpacked.
fn there(dir: &Path, line: &str) -> Result<String> {
    let inside = Path::new("/src/target").join(dir.file_name().unwrap_or_default());
    let mut command = Command::new(workspace().join("packaging/cross/cross"));
    command.args(["sh", "-ec", &format!("OUT={}; {line}", inside.display())]);
    let done = command.output().map_err(|e| Trouble::new(format!("packaging/cross/cross: {e}")))?;
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    if done.status.success() {
        Ok(said)
    } else {
        Err(Trouble::new(format!("{line}: {}\n{said}", done.status)))
    }
}

#[test]
fn the_programs_run_and_the_modules_load() -> Result<()> {
    let dir = unpacked()?;
    let said = there(dir.path(), "qemu-aarch64-static $OUT/usr/bin/jitctl --version")?;
    assert_eq!(said.trim(), concat!("jitctl ", env!("CARGO_PKG_VERSION")));
    let example = "qemu-aarch64-static $OUT/usr/sbin/jitd --check --config $OUT/usr/share/doc/jitd/examples/jitd.toml 2>&1 || true";
    let said = there(dir.path(), example)?;
    assert!(said.contains("ldif"), "{said}");
    // Every name is resolved when they are loaded; one that is missing ends the program.
    for module in ["security/pam_jit.so", "libnss_jit.so.2"] {
        let load = format!(
            "test -e $OUT/usr/lib/aarch64-linux-gnu/{module}; qemu-aarch64-static -E LD_BIND_NOW=1 -E \
             LD_PRELOAD=$OUT/usr/lib/aarch64-linux-gnu/{module} $OUT/usr/bin/jitctl --version"
        );
        let said = there(dir.path(), &load)?;
        assert_eq!(said.trim(), concat!("jitctl ", env!("CARGO_PKG_VERSION")), "{module}");
    }
    Ok(())
}
