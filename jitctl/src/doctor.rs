//! Is a denial a denial, and does somebody get in to repair this host? Each rule looks at the real thing (PAM's stacks, sshd's and sudo's own
//! word for their configuration, the files) and hands back findings; a rule that cannot look says so, and nothing counts as good that was not
//! examined. Must never change anything, and never say "good" for what it did not understand.

mod accounts;
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
