//! What a grant rests on, as jitctl shows it: why its person is eligible, and every approval with its proof, or why it does not count.

use jit_model::assess::AssessedGrant;
use jit_model::dn::Dn;
use jit_model::heard::{Heard, Outcome};
use jit_model::name::Login;
use jit_model::text::plain_within;

use crate::{Approval, Eligible, Grant};

/// The most approvals of a grant in one answer: whoever may write one may write many.
pub const MAX_APPROVALS: usize = 64;

/// The longest reason, in characters: a key's fingerprint and a DN fit.
const SENTENCE: usize = 400;

impl Grant {
    /// With what it rests on for this person.
    pub fn explained(mut self, assessed: &AssessedGrant, login: &Login) -> Grant {
        let by = assessed.eligible_by(login).filter(|_| assessed.grant.role.is_some());
        let person = assessed.logins.get(login);
        self.eligible = person.zip(by).map(|(dn, by)| Eligible {
            login: login.to_string(),
            dn: dn.to_string(),
            by: by.iter().map(Dn::to_string).collect(),
        });
        let mut approvals: Vec<Approval> = assessed.heard.iter().map(approval).collect();
        // What counts first, in the order of time; the rest as it stands.
        approvals.sort_by_key(|approval| (!approval.counts, approval.at));
        self.more_approvals = approvals.len().saturating_sub(MAX_APPROVALS);
        approvals.truncate(MAX_APPROVALS);
        self.approvals = approvals;
        self
    }
}

fn approval(heard: &Heard) -> Approval {
    let dns = |path: &Vec<Dn>| path.iter().map(Dn::to_string).collect();
    let mut shown =
        Approval { dn: heard.dn.to_string(), approver: heard.approver.to_string(), ..Approval::default() };
    match &heard.outcome {
        Outcome::Counts { at, evidence, paths } => {
            shown.counts = true;
            shown.at = Some(at.0);
            shown.evidence = Some(evidence.code().to_owned());
            shown.key = evidence.key().map(str::to_owned);
            shown.groups = paths.iter().map(dns).collect();
        }
        Outcome::Ignored(why) => {
            shown.code = Some(why.code().to_owned());
            shown.why = Some(plain_within(&why.to_string(), SENTENCE));
        }
    }
    shown
}
