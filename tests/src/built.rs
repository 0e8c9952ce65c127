//! The programs under test: the release builds under target/release, the NSS module under target/guest, never older than their sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root::{target, workspace};
use crate::trouble::{Result, Trouble};

/// What to type when a program is missing or old.
const HOW: &str = "make build   (or just: make test)";

/// The daemon.
///
/// # Errors
/// When it is not built or older than its sources.
pub fn jitd() -> Result<PathBuf> {
    fresh("release/jitd")
}

/// The CLI.
///
/// # Errors
/// When it is not built or older than its sources.
pub fn jitctl() -> Result<PathBuf> {
    fresh("release/jitctl")
}

/// The PAM module.
///
/// # Errors
/// When it is not built or older than its sources.
pub fn pam_jit() -> Result<PathBuf> {
    fresh("release/libpam_jit.so")
}

/// The NSS module, built as it is installed: where a panic that could be reached does not link.
///
/// # Errors
/// When it is not built or older than its sources.
pub fn nss_jit() -> Result<PathBuf> {
    fresh("guest/libnss_jit.so")
}

/// Of a file below `target/`.
fn fresh(name: &str) -> Result<PathBuf> {
    let path = target().join(name);
    let built = fs::metadata(&path).and_then(|m| m.modified());
    let built = built.map_err(|e| Trouble::new(format!("{} ({e}); type: {HOW}", path.display())))?;
    // Cargo lists every source file of a program, those of its workspace libraries too, beside it.
    let list = path.with_extension("d");
    for source in sources(&fs::read_to_string(&list).map_err(|e| Trouble::io(&list, e))?) {
        let changed = fs::metadata(&source).and_then(|m| m.modified());
        if !changed.is_ok_and(|changed| changed <= built) {
            return Err(Trouble::new(format!(
                "{} is older than {}; type: {HOW}",
                path.display(),
                source.display()
            )));
        }
    }
    Ok(path)
}

/// The prerequisites in a file of Makefile syntax: `target: one two\ with\ blanks`.
fn sources(text: &str) -> Vec<PathBuf> {
    let rest = text.split_once(": ").map(|(_, rest)| rest).unwrap_or_default();
    let escaped = rest.trim().replace("\\ ", "\0");
    escaped.split_whitespace().map(|name| Path::new(&name.replace('\0', " ")).to_path_buf()).collect()
}

/// What a program prints, run in the source tree, about a file if one is given: nm(1) and readelf(1) about what is built.
///
/// # Errors
/// When it does not start, or fails; then with what it said.
pub fn output(program: &str, arguments: &[&str], path: Option<&Path>) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .args(path)
        .env("LC_ALL", "C")
        .current_dir(workspace())
        .output()
        .map_err(|e| Trouble::new(format!("{program} does not start ({e}): apt-get install binutils")))?;
    if !output.status.success() {
        return Err(Trouble::new(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dep_info() {
        let paths = sources("/t/release/jitd: /w/jitd/src/main.rs /w/my\\ dir/lib.rs\n");
        assert_eq!(paths, [Path::new("/w/jitd/src/main.rs"), Path::new("/w/my dir/lib.rs")]);
    }
}
