//! One attempt: who tries what, what must come of it, and which rule sees to that. And how an answer of the server is to be taken: must
//! never call an attempt refused that failed for another reason, for then a hole would look like a wall.

use jit_control::directory::Tried;
use jit_directory::ldap::admin::{Critical, Operation};

use crate::cli::DirectoryKind;

/// A part of the throw-away cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// Asks; is eligible, and an approver of the role too, so that he could approve for himself if nothing stopped him.
    Subject,
    /// Eligible for the role, and nothing else.
    Eligible,
    /// Approves; in the group that a grant may be for, too.
    Approver,
    /// Approves another role.
    Elsewhere,
    /// Belongs to nothing, but is eligible for a role that stands where no role counts.
    Stranger,
    /// A host's account.
    Host,
    /// Has not logged in.
    Nobody,
}

impl Who {
    /// In a table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Who::Subject => "subject",
            Who::Eligible => "other eligible",
            Who::Approver => "approver",
            Who::Elsewhere => "approver of another role",
            Who::Stranger => "stranger",
            Who::Host => "host",
            Who::Nobody => "nobody",
        }
    }

    /// The part of an entry's name.
    pub(super) fn id(self) -> &'static str {
        match self {
            Who::Subject => "subject",
            Who::Eligible => "eligible",
            Who::Approver => "approver",
            Who::Elsewhere => "elsewhere",
            Who::Stranger => "stranger",
            Who::Host => "host",
            Who::Nobody => "nobody",
        }
    }
}

/// What is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// An operation on an entry, perhaps with a control.
    Perform(Operation, Option<Critical>),
    /// To see this attribute of an entry.
    See(&'static str),
    /// To see anything of an entry, or below it.
    SeeBelow,
    /// To have a value of this attribute confirmed or denied.
    Guess(&'static str, &'static str),
}

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Must {
    /// The server refuses it.
    Fail,
    /// The same, or it lets it pass and does not write what was forged.
    NotForge(&'static str),
    /// It works.
    Work,
}

/// Which rule sees to it, in the files of packaging/ldap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Law {
    /// In openldap/acl.ldif.
    pub(super) openldap: &'static str,
    /// In 389ds/acl.ldif; `None` where its access control cannot say it, and hosts prove it instead.
    pub(super) ds389: Option<&'static str>,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trial {
    pub(super) who: Who,
    pub(super) what: &'static str,
    pub(super) dn: String,
    pub(super) act: Act,
    pub(super) must: Must,
    pub(super) law: Law,
    /// An entry that an earlier attempt has to have made.
    pub(super) needs: Option<String>,
}

/// What the server did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// It worked; of a forgery, whether what was forged stands there now.
    Done {
        /// Whether it does.
        forged: bool,
    },
    /// It was refused with this code and text, or not shown.
    Refused(u32, String),
    /// Nothing was to be seen.
    Hidden,
    /// It could not be tried.
    Untried(String),
}

/// Codes that say that a rule, or the server's own nature, stood in the way (RFC 4511 appendix A, RFC 4370 §4): unavailable critical
/// extension, constraint violation (operational attributes, two values of one), attribute or value exists (two values again), no such
/// object (hidden), inappropriate authentication, insufficient access, unwilling, not allowed on a non-leaf, object class violation,
/// authorization denied; stronger authentication required.
const WALL: [u32; 12] = [8, 12, 19, 20, 32, 47, 48, 50, 53, 65, 66, 123];

impl Trial {
    /// The line of the table, and the sentence about the hole if it is one.
    pub(super) fn judged(&self, kind: DirectoryKind, got: &Got) -> (Tried, Option<String>) {
        let works = matches!(self.must, Must::Work);
        let sees = !matches!(self.act, Act::Perform(..));
        let expected = match (works, sees) {
            (true, true) => "seen",
            (true, false) => "done",
            (false, true) => "hidden",
            (false, false) => "refused",
        };
        let (shown, verdict) = match got {
            Got::Done { forged: false } if matches!(self.must, Must::NotForge(_)) => {
                ("done, but not forged".to_owned(), Verdict::Ok)
            }
            Got::Done { .. } => {
                let shown = if sees { "seen" } else { "done" };
                (shown.to_owned(), if works { Verdict::Ok } else { self.passed(kind) })
            }
            Got::Hidden => ("hidden".to_owned(), if works { Verdict::Hole } else { Verdict::Ok }),
            Got::Refused(code, text) => {
                let verdict = match (works, WALL.contains(code)) {
                    (true, _) => Verdict::Hole,
                    (false, true) => Verdict::Ok,
                    (false, false) => Verdict::Unclear,
                };
                let text = if text.is_empty() { String::new() } else { format!(" {text}") };
                (format!("refused ({code}{text})"), verdict)
            }
            Got::Untried(why) => (why.clone(), Verdict::Unclear),
        };
        let tried = Tried {
            who: self.who.name().to_owned(),
            what: self.what.to_owned(),
            expected: expected.to_owned(),
            got: shown.clone(),
            verdict: verdict.name().to_owned(),
        };
        let rule = match kind {
            DirectoryKind::Openldap => self.law.openldap,
            DirectoryKind::Ds389 => self.law.ds389.unwrap_or("the hosts prove it"),
        };
        let sentence = match verdict {
            Verdict::Ok | Verdict::Hosts => None,
            Verdict::Hole if works => Some(format!(
                "{} {}: this must work, but it is {shown}. What lets it: {rule}.",
                self.who.name(),
                self.what
            )),
            Verdict::Hole => {
                Some(format!("{} {}: nothing stops it. What closes it: {rule}.", self.who.name(), self.what))
            }
            Verdict::Unclear => Some(format!(
                "{} {}: it is not known whether anything stops it: {shown}.",
                self.who.name(),
                self.what
            )),
        };
        (tried, sentence)
    }

    /// Something forbidden worked.
    fn passed(&self, kind: DirectoryKind) -> Verdict {
        match (kind, self.law.ds389) {
            (DirectoryKind::Ds389, None) => Verdict::Hosts,
            _ => Verdict::Hole,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    Hole,
    Hosts,
    Unclear,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Hole => "hole",
            Verdict::Hosts => "hosts",
            Verdict::Unclear => "unclear",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(must: Must, ds389: Option<&'static str>) -> Trial {
        Trial {
            who: Who::Stranger,
            what: "asks",
            dn: "cn=x".to_owned(),
            act: Act::Perform(Operation::Delete, None),
            must,
            law: Law { openldap: "rule {1}", ds389 },
            needs: None,
        }
    }

    #[test]
    fn only_a_wall_is_a_wall() {
        let verdict = |must, ds389, kind, got: Got| trial(must, ds389).judged(kind, &got).0.verdict;
        let open = DirectoryKind::Openldap;
        let refused = |code| Got::Refused(code, String::new());
        let done = Got::Done { forged: true };
        assert_eq!(verdict(Must::Fail, None, open, refused(50)), "ok");
        // The name was taken, the server busy, the entry misspelt: nothing is proved.
        for code in [1, 17, 21, 34, 51, 52, 64, 68, 80] {
            assert_eq!(verdict(Must::Fail, None, open, refused(code)), "unclear", "{code}");
        }
        assert_eq!(verdict(Must::Fail, None, open, done.clone()), "hole");
        assert_eq!(verdict(Must::Fail, None, DirectoryKind::Ds389, done.clone()), "hosts");
        assert_eq!(verdict(Must::Fail, Some("ask"), DirectoryKind::Ds389, done.clone()), "hole");
        assert_eq!(verdict(Must::NotForge("creatorsName"), None, open, done.clone()), "hole");
        assert_eq!(verdict(Must::NotForge("creatorsName"), None, open, Got::Done { forged: false }), "ok");
        assert_eq!(verdict(Must::Work, None, open, done), "ok");
        assert_eq!(verdict(Must::Work, None, open, refused(50)), "hole");
        assert_eq!(verdict(Must::Work, None, open, Got::Untried("no host".to_owned())), "unclear");
    }
}
