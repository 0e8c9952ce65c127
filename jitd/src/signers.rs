//! Whose signatures count on this host: root's list, watched; and what the signatures of approvals come to by it. A list that is missing,
//! that others than root may write, or that has no line that can be used lets nobody's signature count. Must never let a list count
//! that somebody else could have written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jit_model::name::SourceName;
use jit_model::signature::Signature;
use jit_model::source::{Proof, RoleEntry, Source};
use jit_signature::AllowedSigners;
use jit_signature::allowed::Signer;
use sha2::{Digest, Sha256};

use crate::audit::Event;
use crate::audit::event::Text;
use crate::watched::{Content, Links, Watched, Writers};

/// No list is longer, in bytes: ten thousand keys.
const LONGEST: u64 = 4 << 20;

/// How many keys of each kind one line of the audit names.
const NAMED: usize = 32;

/// The list, and what it made of the signatures that it was asked about.
pub struct Signers {
    path: PathBuf,
    file: Watched<Arc<AllowedSigners>>,
    in_force: Arc<AllowedSigners>,
    /// What the file said at the last look, if that is something else: it counts when it says so again.
    next: Option<Arc<AllowedSigners>>,
    /// What the list in force makes of what each source last showed: a digest of the approver and the value.
    known: BTreeMap<SourceName, HashMap<[u8; 32], Signature>>,
}

/// Which keys a change of the list brought and took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What became of the list.
    text: String,
    /// `fingerprint principals`
    came: Vec<String>,
    went: Vec<String>,
}

impl Signers {
    /// Reads the list at `path`; what it says counts at once.
    pub fn at(path: &Path) -> Signers {
        let at_first = Arc::new(AllowedSigners::unusable("the list of signers was not looked at yet"));
        let file = Watched::new(path, Links::Refused, LONGEST, Arc::clone(&at_first));
        let mut signers =
            Signers { path: path.to_owned(), file, in_force: at_first, next: None, known: BTreeMap::new() };
        signers.in_force = signers.read();
        signers
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The list in force.
    pub fn list(&self) -> &AllowedSigners {
        &self.in_force
    }

    /// What the list in force names, for the start of the audit; nothing if there is none.
    pub fn introduction(&self) -> Option<Change> {
        (!self.in_force.signers().is_empty()).then(|| self.change_from(&AllowedSigners::default()))
    }

    /// Looks at the file; to be called about every second. Whether another list is in force, and how it differs.
    ///
    /// A list that no longer counts at all is gone at once. Any other must be found a second time, also after one that did not count: an
    /// editor may empty it and write it in pieces, and half of a list would end the sessions of those whose approvers stand in the other
    /// half.
    pub fn look(&mut self) -> Option<Change> {
        let found = self.read();
        if found == self.in_force {
            self.next = None;
            return None;
        }
        if found.trouble().is_none() && self.next.as_ref() != Some(&found) {
            self.next = Some(found);
            return None;
        }
        self.next = None;
        self.known.clear();
        let before = std::mem::replace(&mut self.in_force, found);
        Some(self.change_from(&before))
    }

    fn read(&mut self) -> Arc<AllowedSigners> {
        let unusable = |why: String| Arc::new(AllowedSigners::unusable(why));
        let shown = self.path.display();
        let found = self.file.get(|content, _| match content {
            Content::Bytes(bytes, Writers::RootAlone) => Arc::new(AllowedSigners::parse(bytes)),
            Content::Bytes(_, Writers::Others) => unusable(format!(
                "{shown} does not belong to root alone: chown root {shown}; chmod g-w,o-w {shown}"
            )),
            Content::Absent => {
                unusable(format!("there is no {shown}: write it as ssh-keygen(1) says under ALLOWED SIGNERS"))
            }
            Content::Unreadable(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                unusable(format!("{shown} is a symbolic link: put the list itself there"))
            }
            Content::Unreadable(error) if error.kind() == ErrorKind::PermissionDenied => unusable(format!(
                "{shown} may not be read by jitd; there is nothing secret in it: chmod 644 {shown}"
            )),
            Content::Unreadable(error) => unusable(format!("{shown} cannot be read: {error}")),
        });
        Arc::clone(found)
    }

    fn change_from(&self, before: &AllowedSigners) -> Change {
        // Whose key, for what and how long: what makes one line another than the other.
        let lines = |list: &AllowedSigners| {
            list.signers().iter().filter(|s| s.signs_approvals()).map(named).collect::<BTreeSet<_>>()
        };
        let (before, now) = (lines(before), lines(&self.in_force));
        let text = match self.in_force.trouble() {
            Some(why) => format!("nobody's signature counts: {why}"),
            None => format!("{} lines of {} count", self.in_force.signers().len(), self.path.display()),
        };
        let skipped = match self.in_force.skipped().len() {
            0 => String::new(),
            n => format!("; {n} cannot be used"),
        };
        Change {
            text: text + &skipped,
            came: now.difference(&before).cloned().collect(),
            went: before.difference(&now).cloned().collect(),
        }
    }

    /// Checks the signatures of those approvals of a source that must be signed. The others stay as they are: nobody asks.
    pub fn check(&mut self, source: &mut Source) {
        let before = self.known.remove(&source.name).unwrap_or_default();
        let mut known = HashMap::new();
        let Source { proof, roles, default_role, grants, .. } = source;
        for tree in grants.values_mut() {
            let role = match &tree.grant.role {
                Some(dn) => roles.get(dn).and_then(|role| match role {
                    RoleEntry::Known(role) => Some(role),
                    RoleEntry::Malformed(_) => None,
                }),
                None => default_role.as_ref(),
            };
            if *proof != Proof::Signature && !role.is_some_and(|role| role.signature_required) {
                continue;
            }
            for approval in &mut tree.approvals {
                let Signature::Unchecked(value) = &approval.signature else { continue };
                // No DN in its normal form holds a NUL, so the border is clear.
                let key = Sha256::new()
                    .chain_update(approval.approver.as_str())
                    .chain_update([0])
                    .chain_update(value)
                    .finalize()
                    .into();
                // The same value may stand there many times: whoever may write one approval may write many.
                let signature = before.get(&key).or_else(|| known.get(&key)).cloned();
                let signature = signature
                    .unwrap_or_else(|| jit_signature::check(value, &approval.approver, &self.in_force));
                known.insert(key, signature.clone());
                approval.signature = signature;
            }
        }
        self.known.insert(source.name.clone(), known);
    }

    /// What is wrong with the list, where signatures are needed; a sentence that anybody may read.
    pub fn concern(&self) -> Option<String> {
        if let Some(why) = self.in_force.trouble() {
            return Some(format!("signatures are required, and nobody's can count: {why}"));
        }
        let lines = self.in_force.skipped();
        let first = lines.first()?;
        let (shown, n) = (self.path.display(), lines.len());
        let more = if n == 1 { String::new() } else { format!(", and {} more", n - 1) };
        Some(format!("line {} of {shown} cannot be used{more}: jitd --check says why", first.line))
    }
}

/// A line for the audit.
fn named(signer: &Signer) -> String {
    let mut text = format!("{} {}", signer.key, signer.principals);
    for (what, time) in [(" from ", signer.valid_after), (" until ", signer.valid_before)] {
        if let Some(time) = time {
            text.push_str(what);
            text.push_str(&time.to_generalized());
        }
    }
    text
}

impl From<Change> for Event {
    fn from(change: Change) -> Event {
        let unnamed = change.came.len().saturating_sub(NAMED) + change.went.len().saturating_sub(NAMED);
        let more = if unnamed == 0 { String::new() } else { format!("; {unnamed} more lines came or went") };
        let few = |lines: Vec<String>| lines.into_iter().take(NAMED).map(Text::from).collect();
        Event::Signers {
            came: few(change.came),
            went: few(change.went),
            text: Text::from(change.text + &more),
        }
    }
}

#[cfg(test)]
mod tests;
