//! Grants as jitctl shows them.

use jit_control::{Answer, Grant, Grants, RefusedGroup};
use jit_model::assess::{Assessed, AssessedGrant};
use jit_model::confer::GroupRefusal;
use jit_model::name::UnixGroup;
use jit_model::snapshot::{Silence, Snapshot};
use jit_model::state::{State, state};
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
    Answer::Grants(Grants { grants, roles: Vec::new() })
}

/// One grant, with what only this host knows of it.
pub(super) fn shown(assessed: &AssessedGrant, view: &View, now: Timestamp) -> Grant {
    let groups = of_grant(assessed, &view.config.groups, &view.conferred);
    let mut grant = Grant::of(assessed, now);
    grant.groups = groups.conferred.iter().map(ToString::to_string).collect();
    grant.groups_refused =
        groups.refused.iter().map(|(group, why)| refused_group(assessed, group, why)).collect();
    if grant.why.is_none() && matches!(assessed.assessed, Assessed::Granted { .. }) {
        grant.why = silence(assessed, &view.snapshot, now);
    }
    grant
}

fn refused_group(assessed: &AssessedGrant, group: &UnixGroup, why: &GroupRefusal) -> RefusedGroup {
    RefusedGroup {
        group: group.to_string(),
        roles: assessed.role.iter().map(|role| role.name.clone()).collect(),
        reason: why.to_string(),
    }
}

/// Why a grant that would count does not.
fn silence(assessed: &AssessedGrant, snapshot: &Snapshot, now: Timestamp) -> Option<String> {
    match snapshot.silence(&assessed.source, now) {
        Silence::Fresh => None,
        Silence::Stale(span) => Some(format!("does not count: no word from its source for {span}")),
        Silence::NeverHeard => Some("does not count: no word from its source yet".to_owned()),
    }
}
