//! How the daemon is, and everything that makes it less than healthy, a sentence each.

use jit_control::{RefusedGroup, RefusedPerson, SetAside, SourceStatus, Status, Stuck as ShownStuck};
use jit_model::name::{Login, SourceName};
use jit_model::snapshot::Silence;
use jit_model::source::EntryKind;
use jit_model::state::{State, state};
use jit_model::text::clock_time;
use jit_model::time::{Span, Timestamp};

use super::{Reach, keys};
use crate::clock::Now;
use crate::config::{Place, SourceConfig};
use crate::desk::Desk;
use crate::mode::Seen;
use crate::sessions::record::Life;
use crate::sessions::registry::{Registry, Stuck};
use crate::view::View;

/// The status as a caller may see it.
pub(super) fn status(desk: &Desk, registry: &Registry, reach: Reach) -> Status {
    let view = desk.view();
    let now = desk.clock().now();
    let seen = desk.mode();
    let policy = view.snapshot.policy();
    let live = |grant: &&std::sync::Arc<jit_model::assess::AssessedGrant>| {
        state(&grant.assessed, now.login) == State::Live
            && view.snapshot.silence(&grant.source, now.login) == Silence::Fresh
    };
    let set_aside = match reach {
        Reach::All => view.snapshot.set_aside().iter().map(shown_aside).collect(),
        Reach::Himself => Vec::new(),
    };
    let stuck = registry.stuck();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: policy.host.fqdn().to_string(),
        answers_to: policy.host.iter().map(ToString::to_string).collect(),
        production: policy.production,
        mode: seen.mode(now.login).as_str().to_owned(),
        until: seen.until(now.login).map(|until| until.0),
        lapsed: seen.lapsed(now.login).map(|until| until.0),
        guarded: policy.guarded.iter().map(ToString::to_string).collect(),
        config: match reach {
            Reach::All => Some(view.config.digest.clone()),
            Reach::Himself => None,
        },
        now: now.login.0,
        clock: now.concern.map(|concern| concern.to_string()),
        sources: view
            .config
            .sources
            .iter()
            .map(|(name, config)| source(&view, name, config, now.login))
            .collect(),
        live: view.snapshot.grants().iter().filter(live).count(),
        sessions: registry.sessions().iter().filter(|session| session.life != Life::Closed).count(),
        on_end: Some(view.config.session.on_end.as_str().to_owned()),
        set_aside,
        groups_refused: match reach {
            Reach::All => view.conferred.refused.iter().map(shown_group).collect(),
            Reach::Himself => Vec::new(),
        },
        people_refused: match reach {
            Reach::All => {
                let people = view.served.refused.iter().map(shown_person);
                people.chain(keys::unusable(&view, now.login)).collect()
            }
            Reach::Himself => Vec::new(),
        },
        degraded: degraded(desk, &view, &now, &seen)
            .into_iter()
            .chain(registry.concern())
            .chain(keys::concern(desk, &view))
            .chain(stuck_in_words(&stuck))
            .collect(),
        stuck: match reach {
            Reach::All => stuck.iter().map(shown_stuck).collect(),
            Reach::Himself => Vec::new(),
        },
    }
}

fn shown_stuck(stuck: &Stuck) -> ShownStuck {
    ShownStuck {
        session: stuck.session.as_ref().map(ToString::to_string),
        user: stuck.login.to_string(),
        seconds: stuck.since.elapsed().as_secs(),
        why: stuck.why.clone(),
    }
}

/// To be read by anybody, so it names nobody.
fn stuck_in_words(stuck: &[Stuck]) -> Option<String> {
    let longest = Span(stuck.iter().map(|stuck| stuck.since.elapsed().as_secs()).max()?);
    Some(match stuck.len() {
        1 => format!("an ending has been stuck for {longest}; as root, jitctl status names it"),
        n => format!("{n} endings are stuck, the longest for {longest}; as root, jitctl status names them"),
    })
}

fn shown_aside(aside: &jit_model::snapshot::Aside) -> SetAside {
    SetAside {
        source: aside.source.to_string(),
        dn: aside.entry.dn.to_string(),
        attribute: aside.entry.attribute.clone(),
        reason: aside.entry.reason.clone(),
    }
}

fn shown_group(refused: &jit_model::confer::RefusedGroup) -> RefusedGroup {
    RefusedGroup {
        group: refused.group.to_string(),
        roles: refused.roles.iter().cloned().collect(),
        reason: refused.why.to_string(),
    }
}

fn shown_person((login, why): (&Login, &String)) -> RefusedPerson {
    RefusedPerson { user: login.to_string(), reason: why.clone() }
}

/// What this host allows and cannot confer. What it does not allow is no fault: a role is written for many hosts, and any one who may
/// write roles could make each of them ill.
fn groups_in_words(view: &View) -> Option<String> {
    let allowed =
        |refused: &&jit_model::confer::RefusedGroup| view.config.groups.allow.contains(&refused.group);
    match view.conferred.refused.iter().filter(allowed).count() {
        0 => None,
        1 => {
            Some("1 group of [groups] allow cannot be conferred; as root, jitctl status names it".to_owned())
        }
        n => Some(format!(
            "{n} groups of [groups] allow cannot be conferred; as root, jitctl status names them"
        )),
    }
}

fn source(view: &View, name: &SourceName, config: &SourceConfig, now: Timestamp) -> SourceStatus {
    let seen = view.sources.get(name);
    let freshness = view.snapshot.sources().get(name);
    let mut status = SourceStatus {
        name: name.to_string(),
        kind: config.kind().to_owned(),
        at: match &config.place {
            Place::Ldif(path) => path.display().to_string(),
            Place::Ldap { session, .. } => {
                let all = || session.servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                seen.and_then(|seen| seen.server.clone()).unwrap_or_else(all)
            }
        },
        heard: freshness.and_then(|freshness| freshness.heard).map(|at| at.0),
        stale: view.snapshot.silence(name, now) != Silence::Fresh,
        trouble: seen.and_then(|seen| seen.trouble.clone()),
        entries: seen.map_or(0, |seen| seen.entries),
        grants_base: None,
        roles_base: None,
        people_base: None,
        groups_base: None,
        login_attribute: None,
        default_max: None,
    };
    if let Place::Ldif(_) = config.place {
        status.grants_base = Some(config.bases.grants.to_string());
        status.roles_base = Some(config.bases.roles.to_string());
        status.people_base = Some(config.bases.people.to_string());
        status.groups_base = Some(config.bases.groups.to_string());
        status.login_attribute = Some(config.reading.login_attribute.clone());
        status.default_max = config.reading.default_role.as_ref().map(|role| role.max_duration.0);
    }
    status
}

/// Everything that makes the daemon less than healthy; empty is good.
fn degraded(desk: &Desk, view: &View, now: &Now, seen: &Seen) -> Vec<String> {
    let mut all = Vec::new();
    for (name, silence) in
        view.snapshot.sources().keys().map(|name| (name, view.snapshot.silence(name, now.login)))
    {
        match silence {
            Silence::Fresh => {}
            Silence::Stale(span) => {
                all.push(format!("source {name}: no word for {span}, so its grants do not count"));
            }
            Silence::NeverHeard => all.push(format!("source {name}: no word yet, so it grants nothing")),
        }
        if let Some(trouble) = view.sources.get(name).and_then(|source| source.trouble.as_ref()) {
            all.push(format!("source {name}: {trouble}"));
        }
    }
    all.extend(now.concern.map(|concern| concern.to_string()));
    if let Some(fault) = seen.fault() {
        all.push(format!(
            "the enforcing file cannot be used, so everything is enforced: {fault}; write it anew: jitctl mode enforcing"
        ));
    } else if let Some(until) = seen.lapsed(now.login) {
        all.push(format!(
            "enforcing was not confirmed by {}, so this host is permissive; to begin anew: jitctl mode enforcing; to leave it so: \
             jitctl mode permissive",
            clock_time(until)
        ));
    } else if seen.differs_from(view.snapshot.policy()) {
        all.push(
            "the enforcing file says something else than the configuration, and modules go by it when they cannot reach \
             jitd; write it anew: jitctl mode enforcing"
                .to_owned(),
        );
    }
    // Something of an account is listed, but people often write their own keys: whoever pastes a wrong one must not make every host's
    // daemon look unwell.
    let unusable = view.snapshot.set_aside().iter().filter(|aside| aside.entry.kind != EntryKind::Account);
    match unusable.count() {
        0 => {}
        1 => all.push("1 entry cannot be used; as root, jitctl status names it".to_owned()),
        n => all.push(format!("{n} entries cannot be used; as root, jitctl status names them")),
    }
    all.extend(groups_in_words(view));
    all.extend(view.concerns.iter().cloned());
    all.extend(desk.scribe().audit().health().concerns());
    all
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn what_is_stuck_is_told_to_all_and_named_to_few() {
        assert_eq!(stuck_in_words(&[]), None);
        let stuck = |seconds| Stuck {
            session: None,
            login: Login::new("alice").unwrap(),
            since: Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap(),
            why: "SIGKILL has not ended 1 process in 5 s: 812 dd".to_owned(),
        };
        let one = stuck_in_words(&[stuck(60)]).unwrap();
        assert!(one.starts_with("an ending has been stuck for 1m"), "{one}");
        let two = stuck_in_words(&[stuck(60), stuck(120)]).unwrap();
        assert!(two.starts_with("2 endings are stuck, the longest for 2m"), "{two}");
        assert!(!two.contains("alice") && !two.contains("dd"), "{two}");
        let shown = shown_stuck(&stuck(61));
        assert_eq!((shown.session, shown.user.as_str()), (None, "alice"));
        assert!((61..120).contains(&shown.seconds), "{}", shown.seconds);
    }
}
