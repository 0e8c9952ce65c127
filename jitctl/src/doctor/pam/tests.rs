//! The rules, on trees that look like Debian 12 and RHEL 9, as they should be and with one thing wrong at a time.

mod debian;
mod redhat;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::examine;
use crate::doctor::host::Host;
use crate::doctor::{Finding, Findings, Level, testing};

/// A host that can be changed.
struct Tree {
    host: Host,
    dir: TempDir,
}

impl Tree {
    fn new(files: &[(&str, &str)], libpam: &str, strings: &[&str], modules: &[&str]) -> Tree {
        let (host, dir) = testing::tree(files);
        let tree = Tree { host, dir };
        let head = head();
        let mut library = head.clone();
        for text in strings {
            library.extend([0].iter().chain(text.as_bytes()).chain(&[0]));
        }
        tree.put(libpam, &library);
        let place = strings.iter().find(|text| text.ends_with("/security/")).unwrap();
        for module in modules {
            tree.put(&format!("{place}pam_{module}.so"), &head);
        }
        tree.safe(tree.dir.path());
        tree
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        self.safe(path.parent().unwrap());
        self.safe(&path);
    }

    /// Whatever the umask, nobody else may write.
    fn safe(&self, path: &Path) {
        for path in path.ancestors().take_while(|path| path.starts_with(self.dir.path())) {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// The same with one text of a file replaced.
    fn with(self, file: &str, from: &str, to: &str) -> Tree {
        let path = self.at(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}:\n{text}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
        self
    }

    fn without(self, file: &str) -> Tree {
        fs::remove_file(self.at(file)).unwrap();
        self
    }

    fn findings(&self) -> Findings {
        examine(&self.host)
    }

    /// The levels, codes and places of what is worse than a note.
    fn faults(&self) -> Vec<(Level, &'static str, String)> {
        let worse = |finding: &Finding| finding.level > Level::Note;
        let fault = |finding: Finding| (finding.level, finding.code, finding.place);
        self.findings().findings.into_iter().filter(worse).map(fault).collect()
    }

    /// Types what the findings say, in this tree, until there is nothing left to be typed that is worse than a note.
    fn cured(&self) {
        for _ in 0..4 {
            let findings = self.findings().findings;
            let Some(finding) = findings.into_iter().find(|finding| finding.level > Level::Note) else {
                return;
            };
            let cure = finding.cure.replace("/etc/", &format!("{}/etc/", self.dir.path().display()));
            let cure =
                cure.replace("/usr/lib/pam.d", &format!("{}/usr/lib/pam.d", self.dir.path().display()));
            let done = std::process::Command::new("sh").args(["-ec", &cure]).status().unwrap();
            assert!(done.success(), "{finding:?}");
        }
        panic!("not cured by what is to be typed: {:#?}", self.findings());
    }
}

/// What this program itself begins with is what a library for this machine begins with; without sections.
fn head() -> Vec<u8> {
    let mut head = fs::read("/proc/self/exe").unwrap()[..64].to_vec();
    head[40..48].fill(0);
    head
}

fn hole(code: &'static str, place: &str) -> (Level, &'static str, String) {
    (Level::Hole, code, place.to_owned())
}

fn lock_out(code: &'static str, place: &str) -> (Level, &'static str, String) {
    (Level::LockOut, code, place.to_owned())
}
