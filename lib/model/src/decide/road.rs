//! The road to a verdict as values with texts, for `jitctl why`. Deciding without anybody who wants to know costs nothing:
//! a step is only made when it is kept.

use std::fmt;

use crate::assess::{Assessed, AssessedGrant};
use crate::dn::Dn;
use crate::host::HostPattern;
use crate::name::{Login, Service, SourceName};
use crate::policy::Glass;
use crate::reason::Refusal;
use crate::snapshot::{Silence, Snapshot};
use crate::text::{clock_time, plain};
use crate::time::Timestamp;

/// Somebody who may want to know the steps.
pub(super) trait Road {
    fn note(&mut self, step: impl FnOnce() -> Step);
}

impl Road for () {
    fn note(&mut self, _: impl FnOnce() -> Step) {}
}

impl Road for Vec<Step> {
    fn note(&mut self, step: impl FnOnce() -> Step) {
        self.push(step());
    }
}

/// What the configuration makes of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The rule applies.
    Guarded,
    /// The rule applies to people who hold or lately held a grant.
    Background,
    /// The rule does not apply.
    Open,
}

/// One step on the road to a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Whether this is a production host.
    Host {
        /// Its name.
        name: HostPattern,
        /// `production` in the configuration.
        production: bool,
    },
    /// What the configuration makes of the service.
    Service {
        /// What was asked for.
        service: Service,
        /// What it is.
        guard: Guard,
    },
    /// For a background service: whether the person holds or lately held a grant.
    Held {
        /// Who.
        login: Login,
        /// Whether.
        held: bool,
    },
    /// Which exemption matches, by its place in the configuration, from zero.
    Exempt(Option<usize>),
    /// Which way in without a directory is open.
    BreakGlass(Option<Glass>),
    /// uid 0 holds no grant.
    Root,
    /// How fresh a source is.
    Source {
        /// Its name.
        name: SourceName,
        /// Whether its grants count.
        silence: Silence,
    },
    /// What one of the person's grants comes to.
    Grant(Standing),
    /// A grant that names the person and cannot be used.
    SetAside {
        /// Which entry.
        dn: Dn,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a grant comes to for a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The grant's id.
    pub id: String,
    /// Its source.
    pub source: SourceName,
    /// What it comes to, for people.
    pub text: String,
    /// Whether it lets the person in.
    pub covers: bool,
}

impl Standing {
    pub(super) fn of(grant: &AssessedGrant, opened: bool, snapshot: &Snapshot, now: Timestamp) -> Standing {
        let fresh = snapshot.silence(&grant.source, now) == Silence::Fresh;
        let (text, covers) = match &grant.assessed {
            Assessed::Refused(why) => (format!("refused: {}", refusal(why)), false),
            Assessed::Revoked(revocation) => {
                let by = revocation.by.as_ref().map(|by| format!(" by {}", plain(&by.rdn_value())));
                let at = revocation.at.map(|at| format!(" at {}", clock_time(at)));
                (format!("revoked{}{}", by.unwrap_or_default(), at.unwrap_or_default()), false)
            }
            Assessed::Pending { missing: 1, .. } => ("pending: needs 1 more approval".to_owned(), false),
            Assessed::Pending { missing, .. } => (format!("pending: needs {missing} more approvals"), false),
            Assessed::Granted { window, .. } if now < window.start() => {
                (format!("starts at {}", clock_time(window.start())), false)
            }
            Assessed::Granted { window, .. } if window.end() <= now => {
                (format!("expired {} ago", now.since(window.end())), false)
            }
            Assessed::Granted { window, .. } => {
                let live = format!("live until {}", clock_time(window.end()));
                match (opened, fresh) {
                    (true, true) => (live, true),
                    (false, _) => (format!("{live}, but not for this service"), false),
                    (true, false) => (format!("{live}, but its source has been silent for too long"), false),
                }
            }
        };
        Standing { id: plain(&grant.grant.id), source: grant.source.clone(), text, covers }
    }
}

fn refusal(why: &Refusal) -> String {
    plain(&why.to_string())
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Host { name, production: true } => write!(f, "{name} is a production host"),
            Step::Host { name, production: false } => {
                write!(f, "{name} is no production host: nothing is guarded")
            }
            Step::Service { service, guard: Guard::Guarded } => write!(f, "{service} is guarded"),
            Step::Service { service, guard: Guard::Open } => write!(f, "{service} is not guarded"),
            Step::Service { service, guard: Guard::Background } => {
                write!(f, "{service} is guarded for people who hold or lately held a grant")
            }
            Step::Held { login, held: true } => write!(f, "{login} holds or lately held a grant"),
            Step::Held { login, held: false } => write!(f, "{login} has held no grant lately"),
            Step::Exempt(None) => f.write_str("no exemption applies"),
            Step::Exempt(Some(index)) => write!(f, "exemption {} applies", index.saturating_add(1)),
            Step::BreakGlass(None) => f.write_str("no break-glass applies"),
            Step::BreakGlass(Some(Glass::User)) => f.write_str("break-glass: the user is listed"),
            Step::BreakGlass(Some(Glass::Group(group))) => write!(f, "break-glass: member of {group}"),
            Step::BreakGlass(Some(Glass::Console)) => f.write_str("break-glass: root on a local console"),
            Step::Root => f.write_str("uid 0 holds no grant"),
            Step::Source { name, silence: Silence::Fresh } => write!(f, "source {name} is fresh"),
            Step::Source { name, silence: Silence::Stale(span) } => {
                write!(f, "source {name}: no word for {span}, so its grants do not count")
            }
            Step::Source { name, silence: Silence::NeverHeard } => {
                write!(f, "source {name}: no word yet, so its grants do not count")
            }
            Step::Grant(standing) => {
                write!(f, "grant {} ({}): {}", standing.id, standing.source, standing.text)
            }
            Step::SetAside { dn, reason } => {
                write!(f, "{} cannot be used: {}", plain(dn.as_str()), plain(reason))
            }
        }
    }
}
