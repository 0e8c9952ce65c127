//! Root's list of signers: OpenSSH's `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS). A line that cannot be used gives nobody
//! anything: it is skipped, and reported with its number, so that a slip takes one key away and never all of them. Whose file it is and
//! who can write it is the caller's to look at. Must never let a key sign that `ssh-keygen -Y verify` would refuse.

use std::collections::BTreeMap;
use std::fmt;

use jit_model::signature::BadSignature;
use jit_model::time::Timestamp;
use ssh_key::HashAlg;
use ssh_key::public::KeyData;

use crate::NAMESPACE;

mod line;
mod options;
mod pattern;
mod times;

/// Whose keys count, for what, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    signers: Vec<Signer>,
    /// Where in `signers` a key stands.
    by_key: BTreeMap<KeyData, Vec<usize>>,
    skipped: Vec<Note>,
    remarks: Vec<Note>,
    /// Why there is no list that can be used.
    trouble: Option<String>,
}

/// One line of the list that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Counted from 1.
    pub line: usize,
    /// Whose key it is: a pattern list (ssh_config(5), PATTERNS).
    pub principals: String,
    /// The key, as `ssh-keygen -l` shows it: `SHA256:…`.
    pub key: String,
    /// The namespaces that it may sign for, a pattern list; all if there is none.
    pub namespaces: Option<String>,
    /// The first second at which it may sign.
    pub valid_after: Option<Timestamp>,
    /// The last second at which it may sign.
    pub valid_before: Option<Timestamp>,
    data: KeyData,
}

/// What is to be said about a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Counted from 1.
    pub line: usize,
    /// What, and the way out.
    pub what: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl Signer {
    /// Whether the key may sign for jit at all.
    pub fn signs_approvals(&self) -> bool {
        self.namespaces.as_ref().is_none_or(|list| pattern::matches(list, NAMESPACE))
    }

    fn is_of(&self, principal: &str) -> bool {
        pattern::matches(&self.principals, principal)
    }

    /// sshsig.c: valid-before itself is still valid.
    fn is_valid(&self, at: Timestamp) -> bool {
        self.valid_after.is_none_or(|after| after <= at)
            && self.valid_before.is_none_or(|before| at <= before)
    }
}

impl AllowedSigners {
    /// Reads a list. Bytes that make no sense are lines that cannot be used.
    pub fn parse(text: impl AsRef<[u8]>) -> AllowedSigners {
        let mut list = AllowedSigners::default();
        // getline(3): a line ends with \n only.
        for (number, bytes) in (1..).zip(text.as_ref().split(|byte| *byte == b'\n')) {
            let note = |what: String| Note { line: number, what };
            match line::parse(bytes) {
                Ok(None) => {}
                Ok(Some(line::Line { signer, remarks })) => {
                    list.remarks.extend(remarks.into_iter().map(note));
                    list.by_key.entry(signer.data.clone()).or_default().push(list.signers.len());
                    list.signers.push(Signer { line: number, ..signer });
                }
                Err(fault) => list.skipped.push(note(fault.to_string())),
            }
        }
        if list.signers.is_empty() {
            list.trouble = Some("the list of signers has no line that can be used".to_owned());
        }
        list
    }

    /// No list, and why: it is missing, or may not be trusted.
    pub fn unusable(why: impl Into<String>) -> AllowedSigners {
        AllowedSigners { trouble: Some(why.into()), ..AllowedSigners::default() }
    }

    /// The lines that can be used, in the order of the list.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// The lines that cannot be used.
    pub fn skipped(&self) -> &[Note] {
        &self.skipped
    }

    /// What is odd about lines that can be used.
    pub fn remarks(&self) -> &[Note] {
        &self.remarks
    }

    /// Why nobody's signature can count.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Until when a key speaks for a principal in [`NAMESPACE`] that it signed for at `at`: of several lines the latest end, `None` for
    /// ever. sshsig.c, check_allowed_keys_line, takes the first line that fits.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) fn look_up(
        &self,
        key: &KeyData,
        principal: &str,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, BadSignature> {
        if let Some(why) = &self.trouble {
            return Err(BadSignature::NoSigners(why.clone()));
        }
        let shown = || fingerprint(key);
        let places = self.by_key.get(key).ok_or_else(|| BadSignature::UnknownKey(shown()))?;
        let mut lines: Vec<&Signer> = places.iter().filter_map(|place| self.signers.get(*place)).collect();
        lines.retain(|line| line.is_of(principal));
        if lines.is_empty() {
            return Err(BadSignature::Principal { key: shown(), principal: principal.to_owned() });
        }
        lines.retain(|line| line.signs_approvals());
        if lines.is_empty() {
            return Err(BadSignature::KeyNotForApprovals(shown()));
        }
        lines.retain(|line| line.is_valid(at));
        // No end is later than any.
        let ends = lines.into_iter().map(|line| line.valid_before);
        ends.max_by_key(|end| end.map_or(Timestamp(i64::MAX), |end| end))
            .ok_or_else(|| BadSignature::KeyNotValid(shown()))
    }
}

/// A key as `ssh-keygen -l` shows it.
pub(crate) fn fingerprint(key: &KeyData) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}
