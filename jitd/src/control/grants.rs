//! Grants as jitctl shows them.

use jit_control::{Answer, Approver, Grant, Grants, RefusedGroup};
use jit_model::assess::{Assessed, AssessedGrant, Services};
use jit_model::confer::GroupRefusal;
use jit_model::grant::End;
use jit_model::name::UnixGroup;
use jit_model::snapshot::{Silence, Snapshot};
use jit_model::state::{State, state};
use jit_model::text::{clock_time, plain};
use jit_model::time::Timestamp;

use super::{Caller, Reach};
use crate::desk::Desk;
use crate::groups::grant::of_grant;
use crate::view::View;

/// Grants for this host that the caller may see: with `all` the ended and refused ones too.
pub(super) fn grants(desk: &Desk, caller: &Caller, all: bool) -> Answer {
    let view = desk.view();
    let now = desk.clock().now().login;
    let mine = |grant: &&std::sync::Arc<AssessedGrant>| {
        caller.reach == Reach::All
            || caller.login.as_ref().is_some_and(|login| grant.logins.contains_key(login))
    };
    let wanted = |grant: &&std::sync::Arc<AssessedGrant>| {
        all || matches!(state(&grant.assessed, now), State::Pending | State::Scheduled | State::Live)
    };
    let mut grants: Vec<Grant> = view
        .snapshot
        .grants()
        .iter()
        .filter(mine)
        .filter(wanted)
        .map(|grant| shown(grant, &view, now))
        .collect();
    grants.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
    Answer::Grants(Grants { grants })
}

/// One grant.
pub(super) fn shown(assessed: &AssessedGrant, view: &View, now: Timestamp) -> Grant {
    let grant = &assessed.grant;
    let groups = of_grant(assessed, &view.config.groups, &view.conferred);
    let (window, approved) = match &assessed.assessed {
        Assessed::Granted { window, approved } => (Some(*window), approved.as_slice()),
        Assessed::Pending { approved, .. } => (None, approved.as_slice()),
        Assessed::Refused(_) | Assessed::Revoked(_) => (None, &[][..]),
    };
    let written_end = match grant.end {
        End::At(end) => Some(end),
        End::After(_) => None,
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
        groups: groups.conferred.iter().map(ToString::to_string).collect(),
        groups_refused: groups
            .refused
            .iter()
            .map(|(group, why)| refused_group(assessed, group, why))
            .collect(),
        state: word(state(&assessed.assessed, now)).to_owned(),
        why: reason(assessed, &view.snapshot, now),
        start: window.map(|window| window.start()).or(grant.not_before).map(|at| at.0),
        end: window.map(|window| window.end()).or(written_end).map(|at| at.0),
        reason: grant.reason.clone(),
        ticket: grant.ticket.clone(),
        approved: approved.iter().map(|a| Approver { dn: a.dn.to_string(), at: a.at.0 }).collect(),
        digest: Some(jit_model::digest::digest(grant).to_string()),
    }
}

fn refused_group(assessed: &AssessedGrant, group: &UnixGroup, why: &GroupRefusal) -> RefusedGroup {
    RefusedGroup {
        group: group.to_string(),
        roles: assessed.role.iter().map(|role| role.name.clone()).collect(),
        reason: why.to_string(),
    }
}

fn word(state: State) -> &'static str {
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
fn reason(assessed: &AssessedGrant, snapshot: &Snapshot, now: Timestamp) -> Option<String> {
    match &assessed.assessed {
        Assessed::Refused(why) => Some(why.to_string()),
        Assessed::Revoked(revocation) => {
            let by = revocation.by.as_ref().map(|by| format!("by {by}"));
            let at = revocation.at.map(|at| format!("at {}", clock_time(at)));
            let reason = revocation.reason.as_ref().map(|reason| plain(reason));
            let parts: Vec<String> = [by, at, reason].into_iter().flatten().collect();
            (!parts.is_empty()).then(|| parts.join(", "))
        }
        Assessed::Pending { missing, from, .. } => {
            let names: Vec<String> = from.iter().map(|dn| plain(&dn.rdn_value())).collect();
            let s = if *missing == 1 { "" } else { "s" };
            Some(format!("needs {missing} more approval{s} from {}", names.join(", ")))
        }
        Assessed::Granted { .. } if assessed.services == Services::Only(Default::default()) => {
            Some("it opens nothing: its services and its role's have none in common".to_owned())
        }
        Assessed::Granted { .. } => match snapshot.silence(&assessed.source, now) {
            Silence::Fresh => None,
            Silence::Stale(span) => Some(format!("does not count: no word from its source for {span}")),
            Silence::NeverHeard => Some("does not count: no word from its source yet".to_owned()),
        },
    }
}
