//! A grant as jitctl shows it, made from what it was judged to be: in one place, so that a host and a person's tool use the same words.
//! What only a host knows (its Unix groups, how fresh its sources are) is the host's to add.

use jit_model::assess::{Approver as Judged, Assessed, AssessedGrant, Services};
use jit_model::digest::digest;
use jit_model::dn::Dn;
use jit_model::grant::{End, Revocation};
use jit_model::state::{State, state};
use jit_model::text::{clock_time, plain};
use jit_model::time::Timestamp;

use crate::{Approver, Grant};

impl Grant {
    /// What it is at `now`.
    pub fn of(assessed: &AssessedGrant, now: Timestamp) -> Grant {
        let grant = &assessed.grant;
        let (window, approved) = match &assessed.assessed {
            Assessed::Granted { window, approved } => (Some(*window), approved.as_slice()),
            Assessed::Pending { approved, .. } => (None, approved.as_slice()),
            Assessed::Refused(_) | Assessed::Revoked(_) => (None, &[][..]),
        };
        let (missing, from) = match &assessed.assessed {
            Assessed::Pending { missing, from, .. } => {
                (Some(*missing), from.iter().map(Dn::to_string).collect())
            }
            Assessed::Granted { .. } | Assessed::Refused(_) | Assessed::Revoked(_) => (None, Vec::new()),
        };
        let (written_end, duration) = match grant.end {
            End::At(end) => (Some(end), None),
            End::After(span) => (None, Some(span.0)),
        };
        let services = match &assessed.services {
            Services::AllGuarded => Vec::new(),
            Services::Only(services) => services.iter().map(ToString::to_string).collect(),
        };
        Grant {
            id: grant.id.clone(),
            dn: grant.dn.to_string(),
            source: assessed.source.to_string(),
            subject: grant.subject.to_string(),
            logins: assessed.logins.keys().map(ToString::to_string).collect(),
            role: assessed.role.as_ref().map(|role| role.name.clone()),
            hosts: grant.hosts.iter().map(ToString::to_string).collect(),
            services,
            groups: Vec::new(),
            groups_refused: Vec::new(),
            state: word(state(&assessed.assessed, now)).to_owned(),
            why: why(assessed),
            start: window.map(|window| window.start()).or(grant.not_before).map(|at| at.0),
            end: window.map(|window| window.end()).or(written_end).map(|at| at.0),
            reason: grant.reason.clone(),
            ticket: grant.ticket.clone(),
            approved: approved.iter().map(shown).collect(),
            digest: Some(digest(grant).to_string()),
            asked: grant.provenance.created.map(|at| at.0),
            by: grant.provenance.creator.as_ref().map(Dn::to_string),
            duration,
            missing,
            from,
            eligible: None,
            approvals: Vec::new(),
            more_approvals: 0,
            waits_for_me: None,
            without: None,
        }
    }
}

fn shown(approver: &Judged) -> Approver {
    let signed = approver.evidence.key().map(str::to_owned);
    Approver { dn: approver.dn.to_string(), at: approver.at.0, signed }
}

/// A state's word, for people and programs.
pub fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Refused => "refused",
        State::Revoked => "revoked",
        State::Scheduled => "scheduled",
        State::Live => "live",
        State::Expired => "expired",
    }
}

/// Why a grant is in its state, where there is something to say.
fn why(assessed: &AssessedGrant) -> Option<String> {
    match &assessed.assessed {
        Assessed::Refused(why) => Some(why.to_string()),
        Assessed::Revoked(revocation) => taken(revocation),
        Assessed::Pending { missing, from, .. } => {
            let names: Vec<String> = from.iter().map(|dn| plain(&dn.rdn_value())).collect();
            let s = if *missing == 1 { "" } else { "s" };
            Some(format!("needs {missing} more approval{s} from {}", names.join(", ")))
        }
        Assessed::Granted { .. } if assessed.services == Services::Only(Default::default()) => {
            Some("it opens nothing: its services and its role's have none in common".to_owned())
        }
        Assessed::Granted { .. } => None,
    }
}

/// By whom, when and why something was taken away, as far as it is known.
fn taken(revocation: &Revocation) -> Option<String> {
    let by = revocation.by.as_ref().map(|by| format!("by {by}"));
    let at = revocation.at.map(|at| format!("at {}", clock_time(at)));
    let reason = revocation.reason.as_ref().map(|reason| plain(reason));
    let parts: Vec<String> = [by, at, reason].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
