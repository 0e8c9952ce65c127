//! Is a denial a denial, and does somebody get in to repair this host? Each rule looks at the real thing (PAM's stacks, sshd's and sudo's own
//! word for their configuration, the files) and hands back findings; a rule that cannot look says so, and nothing counts as good that was not
//! examined. Must never change anything, and never say "good" for what it did not understand.

mod accounts;
mod acl;
mod ask;
mod certificates;
mod clock;
mod confinement;
mod daemon;
mod directory;
mod files;
pub mod host;
mod kernel_clock;
mod mode;
mod mounts;
mod nsswitch;
pub mod pam;
mod processes;
mod roads;
mod rules;
mod settings;
mod sshd;
pub mod stack;
mod sudo;
#[cfg(test)]
mod testing;
mod ways;

use std::collections::BTreeSet;

use jit_control::doctor as wire;

use crate::doctor::host::Host;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing; nothing to do.
    Note,
    /// Works today, and will not go on doing so, or not everywhere.
    Warning,
    /// Somebody gets in, or becomes root, without a grant.
    Hole,
    /// Enforcing, nobody might get in to repair this host.
    LockOut,
}

impl Level {
    /// As people and programs read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Hole => "hole",
            Level::LockOut => "lock-out",
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub level: Level,
    /// The rule it breaks, in one stable word (`pam-deny`, `use-pam`, …): documented in docs/doctor.md.
    pub code: &'static str,
    /// Where: a file with its line, a service, a source.
    pub place: String,
    /// What is wrong, and what comes of it.
    pub text: String,
    /// What to type, or to write where.
    pub cure: String,
}

/// What came of the whole look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// In the order in which they were found.
    pub findings: Vec<Finding>,
    /// The rules that were applied.
    pub examined: BTreeSet<&'static str>,
    /// What could not be examined, a sentence each: never silent, never good.
    pub unexamined: Vec<String>,
}

impl Findings {
    /// None yet, of a rule that is being applied.
    pub fn of(rule: &'static str) -> Findings {
        Findings { examined: BTreeSet::from([rule]), ..Findings::default() }
    }

    /// One more.
    pub fn push(
        &mut self,
        level: Level,
        code: &'static str,
        place: impl Into<String>,
        text: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.findings.push(Finding {
            level,
            code,
            place: place.into(),
            text: text.into(),
            cure: cure.into(),
        });
    }

    /// Something that could not be examined, and why.
    pub fn unexamined(&mut self, what: String) {
        self.unexamined.push(what);
    }

    /// Whether it is good: nothing worse than notes. What could not be examined is no fault, and is said.
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| finding.level == Level::Note)
    }

    /// What would lock everybody out.
    pub fn lock_outs(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.level == Level::LockOut)
    }

    /// Takes another rule's findings in.
    pub fn add(&mut self, other: Findings) {
        self.findings.extend(other.findings);
        self.examined.extend(other.examined);
        self.unexamined.extend(other.unexamined);
    }

    /// For programs, the worst first.
    pub fn to_wire(&self) -> wire::Doctor {
        let mut sorted: Vec<&Finding> = self.findings.iter().collect();
        sorted.sort_by(|a, b| b.level.cmp(&a.level).then_with(|| a.place.cmp(&b.place)));
        wire::Doctor {
            findings: sorted.into_iter().map(finding).collect(),
            examined: self.examined.iter().map(|word| (*word).to_owned()).collect(),
            unexamined: self.unexamined.clone(),
        }
    }
}

fn finding(finding: &Finding) -> wire::Finding {
    wire::Finding {
        level: finding.level.as_str().to_owned(),
        code: finding.code.to_owned(),
        place: finding.place.clone(),
        text: finding.text.clone(),
        cure: finding.cure.clone(),
    }
}

/// Everything that can be examined on this host.
pub fn examine(host: &Host) -> Findings {
    let rules = [
        daemon::examine,
        mode::examine,
        ways::examine,
        pam::examine,
        sshd::examine,
        sudo::examine,
        roads::examine,
        mounts::examine,
        nsswitch::examine,
        clock::examine,
        directory::examine,
        files::examine,
        confinement::examine,
    ];
    let mut all = Findings::default();
    for rule in rules {
        all.add(rule(host));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::doctor::testing::{codes, tree};

    /// All rules, without their tests.
    fn sources(below: &Path, all: &mut String) {
        for entry in fs::read_dir(below).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                all.push_str(text.split("#[cfg(test)]").next().unwrap());
            }
        }
    }

    fn is_code(text: &str) -> bool {
        text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && text.len() > 2
    }

    #[test]
    fn every_code_is_documented_and_nothing_else() {
        let mut source = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor"), &mut source);
        // A code stands behind its level, or behind `code:`, or is what `cannot` is told first.
        let mut used = BTreeSet::new();
        for mark in [
            "Level::Note,",
            "Level::Warning,",
            "Level::Hole,",
            "Level::LockOut,",
            "level,",
            "code:",
            "cannot(",
        ] {
            for rest in source.split(mark).skip(1) {
                let word = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                used.extend(word.filter(|word| is_code(word)));
            }
        }
        // The rules about PAM list theirs.
        used.extend(source.split('"').filter(|word| word.starts_with("pam-") && is_code(word)));
        let docs =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/doctor.md")).unwrap();
        let documented: BTreeSet<&str> =
            docs.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        let missing: Vec<&&str> = used.difference(&documented).collect();
        assert!(missing.is_empty(), "docs/doctor.md does not know {missing:?}");
        let gone: Vec<&&str> =
            documented.iter().filter(|code| !source.contains(&format!("\"{code}\""))).collect();
        assert!(gone.is_empty(), "docs/doctor.md knows {gone:?}, and no rule does");
        assert!(used.len() > 25, "{used:?}");
    }

    #[test]
    fn what_cannot_be_looked_at_is_never_good() {
        let (host, _root) = tree(&[]);
        let found = examine(&host);
        assert!(!found.unexamined.is_empty() && !found.is_good());
        assert!(codes(&found).contains(&("warning", "jitd-down")), "{found:?}");
        let words = [
            "jitd",
            "mode",
            "ways-in",
            "sshd",
            "sudo",
            "roads",
            "mounts",
            "nsswitch",
            "clock",
            "directory",
            "files",
            "confinement",
        ];
        assert!(words.iter().all(|word| found.examined.contains(word)), "{:?}", found.examined);
    }

    #[test]
    fn the_worst_stands_first() {
        let mut found = Findings::default();
        for level in [Level::Note, Level::LockOut, Level::Warning, Level::Hole] {
            found.push(level, "x", "p", "t", "c");
        }
        let levels: Vec<String> = found.to_wire().findings.into_iter().map(|finding| finding.level).collect();
        assert_eq!(levels, ["lock-out", "hole", "warning", "note"]);
        assert_eq!(found.lock_outs().count(), 1);
    }
}
