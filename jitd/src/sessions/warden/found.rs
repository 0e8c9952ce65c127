//! Sessions that were there when the daemon came, and of which nobody had told: opened while it was away, or before it was ever started.
//! Found by the marks of pam_loginuid, written down, and judged after a grace, once every source has been heard of. Only those to which
//! the rule applies: applications' cron jobs are nobody's business.
//!
//! When a host begins to enforce, whoever is in already and was not told of (the session lines are younger than his login) is written
//! down as everybody else who came in while it was permissive: without a deadline. Else the admin who types `jitctl mode enforcing` would
//! be thrown out when jitd starts the next time.
//!
//! What is not provably a login is left alone: of a login whose leader is gone, a daemon may remain that its person had started again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use jit_model::decide::Unguarded;
use jit_model::name::{Login, Service};
use jit_model::policy::Policy;
use jit_model::question::Question;
use jit_model::session::{Stay, stay};
use jit_model::snapshot::Snapshot;
use jit_model::time::Timestamp;
use nix::unistd::{Uid, User};

use super::host::Host;
use super::underway::Whom;
use super::{Due, Known, Warden, note};
use crate::audit::session::{SessionEvent, SessionState};
use crate::config::OnEnd;
use crate::mode::Mode;
use crate::sessions::claim::{Kind, Mark};
use crate::sessions::process::{AuditMark, Process, ProcessId, Table, identify};
use crate::sessions::record::{Basis, Life, Session, Standing};
use crate::sessions::words::Why;

/// So long after the start, openings that were under way when we came have been told of: a module waits two seconds for its answer.
const CALM: Duration = Duration::from_secs(3);

/// The shortest grace: in that time whoever opened a session has told of it, if he could.
const SHORTEST_GRACE: Duration = Duration::from_secs(10);

/// How long the host's name service may take to name people who are not in /etc/passwd.
const NAMING: Duration = Duration::from_secs(20);

/// How far the search has come.
pub(super) enum Search {
    /// Not begun.
    Calm(Instant),
    /// The host has begun to enforce, and the processes could not be seen.
    Blind,
    /// The host has begun to enforce, and these were there. Some may yet be told of, until then.
    Enforced { strangers: Vec<Stranger>, until: Instant },
    /// The names of people are asked for.
    Naming { strangers: Vec<Stranger>, names: Receiver<BTreeMap<u32, Login>>, until: Instant, came: Came },
    /// Those that were found are judged from then on.
    Judging(Instant),
    /// Nobody is left to judge.
    Over,
}

impl Search {
    pub(super) fn new(begun: Instant) -> Search {
        Search::Calm(begun.checked_add(CALM).unwrap_or(begun))
    }
}

/// When they came of whom nobody told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// Before this daemon was started.
    BeforeUs,
    /// While the host was permissive.
    WhilePermissive,
}

/// A login that nobody told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stranger {
    /// By what its processes are known.
    mark: Mark,
    /// What can be said of it.
    login: Sort,
}

/// What can be said of a login by its oldest process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// It came by this service.
    By(&'static str),
    /// It is a login, by a service that cannot be told: a display manager's, or one of the host's own.
    Other,
    /// Its leader is gone, and this process of its person's is what remains of it.
    Remains,
    /// Its oldest process is somebody else's: a daemon that its person had started again, most likely.
    Unclear,
}

/// The logins in a table that are none of the known sessions', of processes older than `us`.
fn strangers(table: &Table, known: &[Session], us: ProcessId) -> Vec<Stranger> {
    // What jitd or process 1 was started with is no login's own.
    let shared = [table.get(1), table.get(us.pid)].into_iter().flatten().filter_map(|process| process.audit);
    let mut taken: BTreeSet<AuditMark> = shared.collect();
    for session in known.iter().filter(|session| session.mark.kind == Kind::Login) {
        taken.extend(session.mark.audit);
        taken.extend(table.alive(session.mark.leader).and_then(|leader| leader.audit));
    }
    let mut oldest: BTreeMap<AuditMark, &Process> = BTreeMap::new();
    for process in table.iter().filter(|process| !process.kernel) {
        let Some(mark) = process.audit.filter(|mark| mark.login_uid != 0 && !taken.contains(mark)) else {
            continue;
        };
        let first = oldest.entry(mark).or_insert(process);
        if (process.id.start, process.id.pid) < (first.id.start, first.id.pid) {
            *first = process;
        }
    }
    let old = oldest.into_iter().filter(|(_, leader)| leader.id.start < us.start);
    let stranger = |(audit, leader): (AuditMark, &Process)| {
        let mut mark =
            Mark { leader: leader.id, kind: Kind::Login, uid: audit.login_uid, audit: None, scope: None };
        mark.refresh(table);
        // A mark that is not its leader's own proves nothing.
        let own = mark.audit == Some(audit);
        let login = if own { sort(table, leader, audit, mark.scope.as_deref()) } else { Sort::Unclear };
        Stranger { mark: Mark { audit: Some(audit), ..mark }, login }
    };
    old.map(stranger).collect()
}

/// What can be said of a login by the first process of it. Root's has a name that only says so together with its parent's, for a
/// daemon that its person had started again has the same. But that one's parent is process 1, as somebody's login's is only where
/// systemd starts an sshd for each; then it has a `scope` that logind says it leads.
fn sort(table: &Table, leader: &Process, mark: AuditMark, scope: Option<&str>) -> Sort {
    if leader.uids.all().iter().all(|uid| *uid == mark.login_uid) {
        // The person's service manager has a login of its own.
        let manager = leader.cgroup.contains("/user@");
        return if manager { Sort::By("systemd-user") } else { Sort::Remains };
    }
    // Anybody may give himself a name, and who has no mark a mark of anybody's.
    let roots = leader.uids.all().iter().all(|uid| *uid == 0);
    let parent = table.get(leader.parent).filter(|parent| roots && parent.audit != leader.audit);
    match (leader.name.as_str(), parent.map(|parent| parent.name.as_str())) {
        ("sshd" | "sshd-session", Some("sshd")) => Sort::By("sshd"),
        ("cron", Some("cron")) => Sort::By("cron"),
        ("crond", Some("crond")) => Sort::By("crond"),
        ("atd", Some("atd")) => Sort::By("atd"),
        ("login", Some(_)) => Sort::By("login"),
        ("sshd" | "sshd-session", Some(_)) if scope.is_some() => Sort::By("sshd"),
        _ if parent.is_some_and(|parent| parent.id.pid != 1 || scope.is_some()) => Sort::Other,
        _ => Sort::Unclear,
    }
}

/// Those who are in by a service that is not guarded, and so may stay whatever becomes of their grants.
pub(super) fn unguarded(table: &Table, known: &[Session], policy: &Policy) -> BTreeSet<u32> {
    let logins = strangers(table, known, ProcessId { pid: our_number(), start: u64::MAX });
    let is_free = |login: &Stranger| {
        let service = match login.login {
            Sort::By(service) => service,
            // Whoever came by a guarded service is known, or came while we were away.
            Sort::Other => return true,
            Sort::Remains => "sshd",
            Sort::Unclear => return false,
        };
        let listed = |services: &BTreeSet<Service>| services.iter().any(|listed| listed.as_str() == service);
        !listed(&policy.guarded) && !listed(&policy.background)
    };
    logins.into_iter().filter(is_free).map(|login| login.mark.uid).collect()
}

fn our_number() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(-1)
}

/// Whether the rule applies to a service for somebody: not to what is not guarded, and to what runs in the background only for those who
/// hold or held a grant.
fn applies(known: &Known, question: &Question) -> bool {
    !matches!(
        stay_of(&known.view.snapshot, question, known.now),
        Stay::Unguarded(Unguarded::NotProduction | Unguarded::Service | Unguarded::Background)
    )
}

/// What becomes of a session that was found. From where it came is not known: an exemption for somewhere may be his.
fn stay_of(snapshot: &Snapshot, question: &Question, now: Timestamp) -> Stay {
    let known = stay(snapshot, question, &[], now);
    if !matches!(known, Stay::Over(_)) || question.rhost.is_some() {
        return known;
    }
    let networks = snapshot.policy().exempt.iter().flat_map(|exempt| &exempt.from);
    let from = |network: &jit_model::policy::Network| {
        let question = Question { rhost: Some(network.address.to_string()), ..question.clone() };
        stay(snapshot, &question, &[], now)
    };
    networks.map(from).find(|stay| matches!(stay, Stay::Unguarded(_))).unwrap_or(known)
}

/// The names of people who are not in /etc/passwd, from the host's name service. On a thread of its own, which nobody waits for: a name
/// service may hang.
fn ask_names(uids: BTreeSet<u32>) -> Receiver<BTreeMap<u32, Login>> {
    let (tell, names) = channel();
    let ask = move || {
        let name = |uid: u32| {
            let user = User::from_uid(Uid::from_raw(uid)).ok().flatten()?;
            Some((uid, Login::new(&user.name).ok()?))
        };
        // Nobody listens any more when it took too long.
        let _ = tell.send(uids.into_iter().filter_map(name).collect());
    };
    // Without a thread nobody is named, and nobody is found whom /etc/passwd does not name.
    let _ = thread::Builder::new().name("names".to_owned()).spawn(ask);
    names
}

impl<H: Host> Warden<H> {
    /// Goes on with the search.
    pub(super) fn search(&mut self, known: &Known, now: Instant) {
        match std::mem::replace(&mut self.search, Search::Over) {
            Search::Calm(until) if now < until => self.search = Search::Calm(until),
            Search::Calm(_) => self.search = self.look_for_strangers(now),
            Search::Blind => self.spare_who_came_before(known, now),
            Search::Enforced { strangers, until } if now < until => {
                self.search = Search::Enforced { strangers, until };
            }
            Search::Enforced { strangers, .. } => {
                self.search = self.name(strangers, now, Came::WhilePermissive);
            }
            Search::Naming { strangers, names, until, came } => match names.try_recv() {
                Err(TryRecvError::Empty) if now < until => {
                    self.search = Search::Naming { strangers, names, until, came };
                }
                answer => {
                    self.find(known, strangers, &answer.unwrap_or_default(), came);
                    self.search = match came {
                        Came::BeforeUs => {
                            Search::Judging(now.checked_add(self.grace_for_found(known)).unwrap_or(now))
                        }
                        Came::WhilePermissive => Search::Over,
                    };
                }
            },
            Search::Judging(from) if now < from => self.search = Search::Judging(from),
            Search::Judging(from) => {
                if self.judge_found(known) {
                    self.search = Search::Judging(from);
                }
            }
            Search::Over => {}
        }
    }

    fn grace_for_found(&self, known: &Known) -> Duration {
        Duration::from_secs(known.view.config.session.grace.0).max(SHORTEST_GRACE)
    }

    fn look_for_strangers(&mut self, now: Instant) -> Search {
        let later = Search::Calm(now.checked_add(CALM).unwrap_or(now));
        let (Some(us), Some(table)) = (identify(our_number()), self.table()) else { return later };
        // Listed after the table was read: what opened meanwhile is known.
        let strangers = strangers(&table, &self.registry.sessions(), us);
        self.name(strangers, now, Came::BeforeUs)
    }

    /// The host has begun to enforce: whoever was in before that has no deadline.
    pub(super) fn spare_who_came_before(&mut self, known: &Known, now: Instant) {
        let table = self.table();
        // Listed after the table was read: what opened meanwhile is known.
        let mut sessions = self.registry.sessions();
        self.search = match table {
            Some(table) => {
                let us = ProcessId { pid: our_number(), start: u64::MAX };
                let strangers = strangers(&table, &sessions, us);
                Search::Enforced { strangers, until: now.checked_add(CALM).unwrap_or(now) }
            }
            None => Search::Blind,
        };
        for session in &mut sessions {
            let ends = self.underway.contains_key(&Whom::Session(session.id.clone()));
            if session.basis == Basis::Standing(Standing::Found) && !ends {
                self.stand(session, Standing::Permissive);
                let text = format!("found before this host enforced: it may last {}", note::term(session));
                self.note(known.mode, note::of(session, SessionState::Lifted, text));
            }
        }
    }

    /// Asks for the names of strangers.
    fn name(&self, strangers: Vec<Stranger>, now: Instant, came: Came) -> Search {
        let unknown = |uid: &u32| self.desk.login_of(*uid).is_none();
        let unnamed: BTreeSet<u32> = strangers.iter().map(|s| s.mark.uid).filter(unknown).collect();
        let names = if unnamed.is_empty() { channel().1 } else { ask_names(unnamed) };
        Search::Naming { strangers, names, until: now.checked_add(NAMING).unwrap_or(now), came }
    }

    /// Writes down who was found, and keeps an eye on him.
    fn find(&mut self, known: &Known, strangers: Vec<Stranger>, names: &BTreeMap<u32, Login>, came: Came) {
        for Stranger { mark, login: sort } in strangers {
            let named = self.desk.login_of(mark.uid).or_else(|| names.get(&mark.uid).cloned());
            let Some(login) = named.filter(|_| !self.is_known(&mark)) else { continue };
            if came == Came::WhilePermissive && self.is_on_his_way_out(mark.leader) {
                continue;
            }
            let service = match sort {
                Sort::By(service) => service,
                Sort::Other | Sort::Remains | Sort::Unclear => "sshd",
            };
            let Ok(service) = Service::new(service) else { continue };
            let question = self.desk.question_as(&login, mark.uid, &service);
            let snapshot = &known.view.snapshot;
            let held = || snapshot.has_held(&login, known.now) || !snapshot.grants_of(&login).is_empty();
            if !applies(known, &question) || !matches!(sort, Sort::By(_)) && !held() {
                continue;
            }
            let session = Session {
                id: self.registry.new_id(mark.leader),
                boot: self.registry.boot(),
                mark,
                login,
                service,
                target: None,
                rhost: None,
                tty: None,
                opened: known.now,
                basis: Basis::Standing(match came {
                    Came::BeforeUs => Standing::Found,
                    Came::WhilePermissive => Standing::Permissive,
                }),
                life: Life::Open,
                warned: known.now,
                order: None,
            };
            if let Sort::Unclear | Sort::Other = sort {
                let text = match sort {
                    Sort::Other => {
                        "found: a login that nobody had told of, by some other service; it is left alone"
                    }
                    _ => "found: what remains of a login that nobody had told of; it is left alone",
                };
                let event = note::of(&session, SessionState::Found, text);
                self.note(known.mode, SessionEvent { id: None, ..event });
                continue;
            }
            let text = match came {
                Came::BeforeUs => {
                    "found: nobody had told of it; it is judged when every source has been heard of"
                }
                Came::WhilePermissive => {
                    "found: open before this host enforced, and nobody had told of it; it has no end"
                }
            };
            self.note(known.mode, note::of(&session, SessionState::Found, text));
            self.adopted.insert(session.id.clone());
            self.registry.open(session);
        }
    }

    /// Whether a leader has gone, or is about to: whom the door has denied already is no session of before.
    fn is_on_his_way_out(&mut self, leader: ProcessId) -> bool {
        self.underway.contains_key(&Whom::Peer(leader))
            || self.host.look(leader.pid).is_none_or(|process| process.id != leader)
    }

    fn is_known(&self, mark: &Mark) -> bool {
        let same = |known: &Mark| known.leader == mark.leader || known.audit == mark.audit;
        let mut sessions = self.registry.sessions().into_iter().map(|session| session.mark);
        sessions.any(|known| known.kind == Kind::Login && same(&known))
    }

    /// Judges those that were found; whether some are left that cannot be judged yet.
    fn judge_found(&mut self, known: &Known) -> bool {
        let mut left = false;
        let mut due = Due::default();
        for mut session in self.registry.sessions() {
            if !self.is_to_be_judged(&session) {
                continue;
            }
            let question = self.desk.question_as(&session.login, session.mark.uid, &session.service);
            let standing = match stay_of(&known.view.snapshot, &question, known.now) {
                Stay::Unknown => {
                    left = true;
                    continue;
                }
                Stay::Until { rests, until, .. } => {
                    session.basis = Basis::Grants { rests, until };
                    let text = format!("found and judged: it may last {}", note::term(&session));
                    self.note(known.mode, note::of(&session, SessionState::Moved, text));
                    self.adopted.insert(session.id.clone());
                    self.registry.open(session);
                    continue;
                }
                Stay::Over(reason) if known.mode == Mode::Enforcing => {
                    match known.view.config.session.on_end {
                        OnEnd::Terminate => due.end.push((session, Why::Over(reason))),
                        OnEnd::Warn => due.only_say.push((session, reason)),
                    }
                    continue;
                }
                Stay::Over(reason) => {
                    let why = Why::Over(reason);
                    let text = format!("found; it would be ended: {}", note::phrase(&why));
                    let mut event = note::of(&session, SessionState::WouldEnd, text);
                    note::code(&mut event, &why);
                    self.note(known.mode, event);
                    self.stand(&mut session, Standing::Permissive);
                    continue;
                }
                Stay::BreakGlass => Standing::BreakGlass,
                Stay::Unguarded(Unguarded::Exempt(_)) => Standing::Exempt,
                Stay::Unguarded(Unguarded::NotProduction | Unguarded::Service | Unguarded::Background) => {
                    Standing::Unguarded
                }
            };
            self.stand(&mut session, standing);
            let text = format!("found and judged: it may last {}", note::term(&session));
            self.note(known.mode, note::of(&session, SessionState::Lifted, text));
        }
        if !due.end.is_empty() {
            self.judge_persons(known, &mut due);
        }
        self.act(known, due);
        // Those that were to end and could not be seen, too.
        left || self.registry.shared().iter().any(|session| self.is_to_be_judged(session))
    }

    fn is_to_be_judged(&self, session: &Session) -> bool {
        session.basis == Basis::Standing(Standing::Found)
            && session.order.is_none()
            && !self.underway.contains_key(&Whom::Session(session.id.clone()))
    }
}

#[cfg(test)]
mod tests;
