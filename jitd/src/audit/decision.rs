//! A decision as the audit tells it: who asked, from where, and what was answered on which ground.

use jit_model::decide::{Allow, Unguarded, Verdict};
use jit_model::dn::Dn;
use jit_model::reason::DenyReason;
use serde::Serialize;

use super::event::{Text, Time};
use super::grant::{GrantRecord, is_zero};
use crate::mode::Mode;
use crate::syslog::Severity;

/// The most grants in one line: those that an access rests on, one after the other.
const MAX_GRANTS: usize = 8;

/// The verdict, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictWord {
    /// A live grant.
    Allow,
    /// Denied, and carried out.
    Deny,
    /// Would be denied, but the host is permissive.
    WouldDeny,
    /// The rule does not apply: not production, not a guarded service.
    Unguarded,
    /// The rule does not apply to this person: standing access.
    Exempt,
    /// One of the ways in without a directory.
    BreakGlass,
}

impl VerdictWord {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            VerdictWord::Allow => "allow",
            VerdictWord::Deny => "deny",
            VerdictWord::WouldDeny => "would-deny",
            VerdictWord::Unguarded => "unguarded",
            VerdictWord::Exempt => "exempt",
            VerdictWord::BreakGlass => "break-glass",
        }
    }
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The PAM service.
    pub service: Text,
    /// `account`, `auth`, `open` or `close`.
    pub phase: &'static str,
    /// The subject's uid here, if there is such an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The subject's login.
    pub name: Text,
    /// The subject's DN, if a grant tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dn: Option<Text>,
    /// PAM_RHOST.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rhost: Option<Text>,
    /// PAM_TTY.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<Text>,
    /// Whom the subject wants to become.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Text>,
    /// PAM_RUSER.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ruser: Option<Text>,
    /// Fingerprint of the ssh key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Text>,
    /// The verdict.
    pub verdict: VerdictWord,
    /// Why, as a stable word for programs.
    pub code: &'static str,
    /// Why the nearest grant does not count, where `code` is `refused`: another stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<&'static str>,
    /// Why, for people.
    pub reason: Text,
    /// Until when an allow holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The id of the grant that nearly allowed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Text>,
    /// What an allow rests on: the first is live now, each further one follows without a gap.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantRecord>,
    /// How many more follow.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_grants: usize,
}

impl Decision {
    /// What the daemon decided. `key` is the ssh key's fingerprint, `dn` the subject's DN where a grant of his is known.
    pub fn judged(
        question: &jit_proto::Question<'_>,
        key: Option<&str>,
        dn: Option<&Dn>,
        verdict: &Verdict,
        mode: Mode,
    ) -> Decision {
        match verdict {
            Verdict::Allow(Allow::Grants { grants, until }) => {
                let first = grants.first();
                let id = first.map_or("", |grant| grant.grant.id.as_str());
                let decision = Decision {
                    until: Some(Time(*until)),
                    grants: grants.iter().take(MAX_GRANTS).map(|grant| GrantRecord::from(&**grant)).collect(),
                    more_grants: grants.len().saturating_sub(MAX_GRANTS),
                    ..Decision::asked(question, VerdictWord::Allow, "grant", format_args!("grant {id}"))
                };
                let own = |grant: &std::sync::Arc<jit_model::assess::AssessedGrant>| {
                    grant
                        .logins
                        .iter()
                        .find(|(login, _)| login.as_str() == question.subject)
                        .map(|(_, dn)| dn.clone())
                };
                decision.with(key, dn.cloned().or_else(|| first.and_then(own)).as_ref())
            }
            Verdict::Allow(Allow::BreakGlass) => {
                Decision::asked(question, VerdictWord::BreakGlass, "break-glass", "break-glass").with(key, dn)
            }
            Verdict::Deny(reason) => Decision {
                refusal: match reason {
                    DenyReason::Refused { why, .. } => Some(why.code()),
                    _ => None,
                },
                nearest: reason.grant().map(Text::from),
                ..Decision::asked(question, denied(mode), reason.code(), reason).with(key, dn)
            },
            Verdict::Unguarded(why) => {
                let (word, code, reason) = unguarded(*why);
                Decision::asked(question, word, code, reason).with(key, dn)
            }
        }
    }

    fn asked(
        question: &jit_proto::Question<'_>,
        verdict: VerdictWord,
        code: &'static str,
        reason: impl std::fmt::Display,
    ) -> Decision {
        use jit_proto::Phase;
        Decision {
            service: Text::from(question.service),
            phase: match question.phase {
                Phase::Account => "account",
                Phase::Auth => "auth",
                Phase::Open => "open",
                Phase::Close => "close",
            },
            uid: question.uid,
            name: Text::from(question.subject),
            dn: None,
            rhost: question.rhost.map(Text::from),
            tty: question.tty.map(Text::from),
            target: question.target.map(Text::from),
            ruser: question.ruser.map(Text::from),
            key: None,
            verdict,
            code,
            refusal: None,
            reason: Text::from(reason),
            until: None,
            nearest: None,
            grants: Vec::new(),
            more_grants: 0,
        }
    }

    /// The line for syslog. What the asker chose stands in quotes, escaped.
    pub fn for_syslog(&self) -> (Severity, String) {
        use std::fmt::Write;
        let severity = match self.verdict {
            VerdictWord::BreakGlass => Severity::Alert,
            VerdictWord::Deny | VerdictWord::WouldDeny => Severity::Notice,
            VerdictWord::Allow | VerdictWord::Unguarded | VerdictWord::Exempt => Severity::Info,
        };
        let mut text =
            format!("{} {:?} for {:?}", self.verdict.as_str(), self.name.as_str(), self.service.as_str());
        let mut put = |name: &str, value: Option<&Text>| {
            if let Some(value) = value {
                // Writing to a String cannot fail.
                let _ = write!(text, " {name} {:?}", value.as_str());
            }
        };
        put("as", self.target.as_ref());
        put("from", self.rhost.as_ref());
        put("key", self.key.as_ref());
        for grant in &self.grants {
            put("grant", Some(&grant.id));
            put("role", grant.role.as_ref());
            put("until", grant.end.map(|end| Text::from(jit_model::text::rfc3339(end.0))).as_ref());
            for approver in &grant.approvers {
                put("approved by", Some(&approver.dn));
            }
        }
        if self.grants.is_empty() {
            put("because", Some(&self.reason));
        }
        (severity, text)
    }

    fn with(self, key: Option<&str>, dn: Option<&Dn>) -> Decision {
        Decision { key: key.map(Text::from), dn: super::event::dn(dn), ..self }
    }
}

fn denied(mode: Mode) -> VerdictWord {
    match mode {
        Mode::Permissive => VerdictWord::WouldDeny,
        Mode::Enforcing => VerdictWord::Deny,
    }
}

fn unguarded(why: Unguarded) -> (VerdictWord, &'static str, String) {
    match why {
        Unguarded::NotProduction => {
            (VerdictWord::Unguarded, "not-production", "not a production host".to_owned())
        }
        Unguarded::Service => (VerdictWord::Unguarded, "service", "not a guarded service".to_owned()),
        Unguarded::Background => (
            VerdictWord::Unguarded,
            "background",
            "a background service of somebody who held no grant".to_owned(),
        ),
        Unguarded::Exempt(index) => (
            VerdictWord::Exempt,
            "exempt",
            format!("exempt by entry {} of [[exempt]]", index.saturating_add(1)),
        ),
    }
}
