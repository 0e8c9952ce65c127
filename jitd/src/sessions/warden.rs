//! The warden: asks of each session whether it may stay, warns, ends, and writes it all down. On a thread of its own, for the process
//! table of a busy host takes a while to read.
//!
//! Woken by a word from the [`registry`](super::registry), by a new view, by the alarm at the next deadline or warning, by endings that go
//! on, and each second, for what nobody tells: the mode, a clock that root has accepted. Each time the same is asked of each session by
//! the settled time ([`judge`]); what has begun to end goes on to its end ([`underway`]).
//!
//! Must never begin an ending for any other reason than a grant that is over, an order, or a denial; and must never lose one
//! that has begun: its file stays until nothing of it is left.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jit_model::name::{Login, Service};
use jit_model::reason::DenyReason;
use jit_model::session::stay;
use jit_model::time::{Span, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::claim::{Mark, Modules};
use super::process::Table;
use super::record::{Basis, Life, Session, SessionId, Standing, Visitor};
use super::registry::{Registry, Word};
use super::timer::Alarm;
use super::words::Why;
use crate::audit::Event;
use crate::audit::session::{SessionEvent, SessionState};
use crate::clock::BootId;
use crate::desk::Desk;
use crate::mode::Mode;
use crate::view::View;

mod found;
mod host;
mod judge;
mod marked;
mod note;
mod persons;
mod prune;
mod say;
mod spared;
mod underway;

use found::Search;
use host::{Host, Kernel};
use judge::{Act, judge, warnings};
use prune::Prune;
use underway::{Underway, Whom};

/// Between two looks at what nobody tells.
const LOOK: Duration = Duration::from_secs(1);

/// After a session opened, the host may say more of it: pam_loginuid and pam_systemd may come after us in the stack.
const SETTLED: Duration = Duration::from_secs(1);

/// So long it looks at most for those who are to be warned before the rest is left to the next second: the processes of each session are
/// told from those of all others, and neither an ending nor the watchdog may wait for thousands of warnings.
const PATIENCE: Duration = Duration::from_secs(1);

/// So many denied peers are remembered while the processes cannot be seen: more than a host lets in at a time.
const MOST_DENIED: usize = 4096;

/// Watches until `stop` is sent or dropped; then lets go of what it has frozen.
///
/// # Errors
/// When the kernel has no timer for us.
pub async fn serve(
    registry: Arc<Registry>,
    desk: Arc<Desk>,
    mut heard: mpsc::UnboundedReceiver<Word>,
    mut stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    let mut alarm = Alarm::new()?;
    let mut views = desk.changes();
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut warden = Warden::new(registry, desk, Kernel::default());
    // What became overdue while nobody watched, before anything else.
    warden.evaluate();
    loop {
        if std::mem::take(&mut warden.again) {
            warden.evaluate();
            continue;
        }
        alarm.set(warden.wait())?;
        let step = warden.next_step();
        let stepping = async {
            match step {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = &mut stop => break,
            Some(word) = heard.recv() => {
                let mut words = vec![word];
                while let Ok(word) = heard.try_recv() {
                    words.push(word);
                }
                warden.hear(words);
            }
            Ok(()) = views.changed() => warden.evaluate(),
            rung = alarm.ring() => {
                rung?;
                warden.evaluate();
            }
            () = stepping => warden.step(),
            _ = look.tick() => warden.look(),
        }
    }
    warden.release();
    Ok(())
}

/// The warden's own state: what goes on at the moment. What must outlive it stands in the registry.
struct Warden<H> {
    registry: Arc<Registry>,
    desk: Arc<Desk>,
    host: H,
    /// What is being ended.
    underway: BTreeMap<Whom, Underway>,
    /// When to evaluate again, whatever happens.
    next: Option<Timestamp>,
    /// Something has ended for whose sake others may have stayed: to be evaluated again at once.
    again: bool,
    /// The mode at the last evaluation.
    mode: Option<Mode>,
    /// Opened a moment ago: their marks are to be looked at again.
    fresh: Vec<(SessionId, Instant)>,
    /// When the registry is to be pruned.
    prune: Prune,
    search: Search,
    /// Found and adopted just now: their opening is no news.
    adopted: BTreeSet<SessionId>,
    /// Why the processes cannot be seen at all, if so.
    blind: Option<String>,
    /// So long it looks for those who are to be told something, at a time.
    patience: Duration,
    /// Denied while the processes could not be seen. Nothing else remembers them.
    denied: Vec<Session>,
}

/// What is known at the moment of a judgement.
struct Known {
    view: Arc<View>,
    now: Timestamp,
    mode: Mode,
}

/// What is to be done with the processes of sessions and persons.
#[derive(Default)]
struct Due {
    /// These end.
    end: Vec<(Session, Why)>,
    /// These would; their people are told, and nothing more.
    only_say: Vec<(Session, DenyReason)>,
    /// These are warned: what is left, and which warning it is.
    warn: Vec<(Session, Span, Timestamp)>,
    /// Of these everything ends.
    leave: Vec<(Visitor, DenyReason)>,
    /// These were denied and are still there.
    denied: Vec<Session>,
    /// These go on, although a daemon before us had begun to end them.
    go_on: Vec<Session>,
}

impl Due {
    fn is_empty(&self) -> bool {
        self.end.is_empty()
            && self.only_say.is_empty()
            && self.warn.is_empty()
            && self.leave.is_empty()
            && self.denied.is_empty()
            && self.go_on.is_empty()
    }
}

impl<H: Host> Warden<H> {
    fn new(registry: Arc<Registry>, desk: Arc<Desk>, host: H) -> Warden<H> {
        let begun = Instant::now();
        Warden {
            registry,
            desk,
            host,
            underway: BTreeMap::new(),
            next: None,
            again: false,
            mode: None,
            fresh: Vec::new(),
            prune: Prune::new(begun),
            search: Search::new(begun),
            adopted: BTreeSet::new(),
            blind: None,
            patience: PATIENCE,
            denied: Vec::new(),
        }
    }

    /// What is known now. The mode, too, is judged by the settled time: an enforcing file whose `until` lies in a future that only a
    /// clock gone wrong has reached lifts no deadline.
    fn known(&self) -> Known {
        let now = self.desk.clock().now();
        Known { view: self.desk.view(), now: now.settled, mode: self.desk.mode().settled_mode(&now) }
    }

    /// How long until the next evaluation.
    fn wait(&self) -> Option<Duration> {
        // One more than the milliseconds that are counted: too early would be for nothing.
        self.next.map(|at| self.desk.clock().until(at).saturating_add(Duration::from_millis(1)))
    }

    /// To be evaluated no later than at `at`. Never at once: whatever is left undone at `now` would be so in the same second again.
    fn wake(&mut self, at: Timestamp, now: Timestamp) {
        let at = at.max(now.plus(Span(1)));
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// Asks of everybody whether he may stay.
    fn evaluate(&mut self) {
        let known = self.known();
        if self.mode.replace(known.mode) == Some(Mode::Permissive) && known.mode == Mode::Enforcing {
            self.spare_who_came_before(&known, Instant::now());
        }
        self.next = None;
        let sessions = self.registry.sessions();
        self.keep_rests(&known, &sessions);
        let mut due = self.judge(&known, sessions);
        self.judge_persons(&known, &mut due);
        self.act(&known, due);
    }

    /// Asks of these sessions whether they may stay.
    fn judge(&mut self, known: &Known, sessions: Vec<Session>) -> Due {
        let Known { view, now, mode } = known;
        let settings = &view.config.session;
        let mut due = Due::default();
        for mut session in sessions {
            if self.underway.contains_key(&Whom::Session(session.id.clone())) {
                continue;
            }
            let act = judge(&session, *mode, settings.on_end, || {
                let rests = match &session.basis {
                    Basis::Grants { rests, .. } => rests.as_slice(),
                    Basis::Standing(_) => &[],
                };
                let mut question = self.desk.question_as(&session.login, session.mark.uid, &session.service);
                question.rhost.clone_from(&session.rhost);
                question.tty.clone_from(&session.tty);
                stay(&view.snapshot, &question, rests, *now)
            });
            if session.life == Life::Ending && !matches!(act, Act::End(_)) {
                due.go_on.push(session.clone());
            }
            match act {
                Act::Keep => {}
                Act::Rest { rests, until, moved, warned } => {
                    session.basis = Basis::Grants { rests, until };
                    session.warned = warned;
                    self.registry.change(&session.id, |kept| {
                        kept.basis = session.basis.clone();
                        kept.warned = warned;
                    });
                    if moved {
                        let text = format!("it may last {} now", note::term(&session));
                        self.note(*mode, note::of(&session, SessionState::Moved, text));
                    }
                }
                Act::Lift(standing) => {
                    self.stand(&mut session, standing);
                    let text = format!("it may last {} now", note::term(&session));
                    self.note(*mode, note::of(&session, SessionState::Lifted, text));
                    continue;
                }
                Act::WouldEnd => {
                    let text = format!("it would have ended; it may last {}", note::term(&session));
                    let event = note::of(&session, SessionState::WouldEnd, text);
                    self.stand(&mut session, Standing::Lifted);
                    self.note(*mode, SessionEvent { standing: Some(Standing::Lifted.as_str()), ..event });
                    continue;
                }
                Act::OnlySay(reason) => {
                    due.only_say.push((session, reason));
                    continue;
                }
                Act::End(why) => {
                    due.end.push((session, why));
                    continue;
                }
            }
            if let Basis::Grants { until, .. } = session.basis {
                let warnings = warnings(until, &settings.warn, session.warned, *now);
                for at in [Some(until), warnings.next].into_iter().flatten() {
                    self.wake(at, *now);
                }
                if let Some(at) = warnings.due {
                    due.warn.push((session, until.since(*now), at));
                }
            }
        }
        due
    }

    /// A session has no deadline from now on.
    fn stand(&self, session: &mut Session, standing: Standing) {
        session.basis = Basis::Standing(standing);
        self.registry.change(&session.id, |kept| kept.basis = Basis::Standing(standing));
    }

    /// Does what is due, on one look at the processes.
    fn act(&mut self, known: &Known, mut due: Due) {
        let denied = std::mem::take(&mut self.denied);
        if known.mode == Mode::Enforcing {
            due.denied.extend(denied);
        }
        if due.is_empty() {
            return;
        }
        let Some(table) = self.table() else {
            // Asked again in a second: nothing that is due is forgotten.
            due.denied.truncate(MOST_DENIED);
            self.denied = due.denied;
            self.wake(known.now, known.now);
            return;
        };
        self.begin(known, &table, due);
        self.step_on(&table);
    }

    /// Whose terminals are a session's: the person's, and those of whom he became (sudo makes a terminal for the target).
    fn owners(&self, session: &Session) -> BTreeSet<u32> {
        let target = session.target.as_deref().and_then(|target| Login::new(target).ok());
        let target = target.and_then(|target| self.desk.uid_of(&target));
        [Some(session.mark.uid), target].into_iter().flatten().collect()
    }

    /// The marks of the sessions that go on.
    fn spared(&self) -> Vec<Mark> {
        let goes_on =
            |session: &&Arc<Session>| !self.underway.contains_key(&Whom::Session(session.id.clone()));
        self.registry.shared().iter().filter(goes_on).map(|session| session.mark.clone()).collect()
    }

    /// Hears what happened.
    fn hear(&mut self, words: Vec<Word>) {
        let known = self.known();
        let mut asked = BTreeMap::new();
        let mut denied = Vec::new();
        for word in words {
            match word {
                Word::Opened(id) => {
                    let Some(session) = self.registry.session(&id) else { continue };
                    self.witness(&session, Modules::Asked);
                    self.note_opened(known.mode, &session);
                    asked.insert(id, session);
                }
                // The order is written beside the session, and found there when it is judged.
                Word::Ordered(id) => {
                    let session = self.registry.session(&id);
                    asked.extend(session.map(|session| (id, session)));
                }
                Word::Closed(id) => {
                    if let Some(session) = self.registry.session(&id) {
                        self.witness(&session, Modules::Done);
                    }
                    self.prune.ask();
                }
                Word::Denied { mark, login, service } if known.mode == Mode::Enforcing => {
                    denied.extend(peer(&known, self.registry.boot(), *mark, &login, &service));
                }
                Word::Denied { .. } => {}
            }
        }
        let mut due = self.judge(&known, asked.into_values().collect());
        due.denied = denied;
        // A session that ends may be a person's last; one that begins may be why he stays.
        if !due.end.is_empty() || self.underway.keys().any(|whom| matches!(whom, Whom::Person(_))) {
            self.judge_persons(&known, &mut due);
        }
        self.act(&known, due);
    }

    fn note_opened(&mut self, mode: Mode, session: &Session) {
        if self.adopted.remove(&session.id) {
            return;
        }
        let text = format!("opened; it may last {}", note::term(session));
        self.note(mode, note::of(session, SessionState::Opened, text));
        self.fresh.push((session.id.clone(), Instant::now()));
    }

    /// Looks at what nobody tells.
    fn look(&mut self) {
        let known = self.known();
        let clock_has_moved = self.next.is_some_and(|next| next <= known.now);
        if self.mode != Some(known.mode) || clock_has_moved {
            self.evaluate();
        }
        let now = Instant::now();
        self.prune(&known, now);
        self.refresh(now);
        self.search(&known, now);
        self.registry.retry();
        self.show_lacks(known.mode);
    }

    /// The processes; when they cannot be seen, that is a concern.
    fn table(&mut self) -> Option<Table> {
        match self.host.table() {
            Ok(table) => {
                self.blind = None;
                Some(table)
            }
            Err(error) => {
                self.blind = Some(format!("sessions cannot be ended: /proc cannot be read: {error}"));
                None
            }
        }
    }

    fn show_lacks(&mut self, mode: Mode) {
        let lacks = self.host.lacks(mode);
        self.registry.show_lacks(self.blind.iter().cloned().chain(lacks).collect());
    }

    fn note(&self, mode: Mode, event: SessionEvent) {
        let at = self.desk.clock().now().login;
        self.desk.scribe().audit().record(at, mode, Event::Session(Box::new(event)));
    }
}

/// A denied peer as a session that never was, to end it like one.
fn peer(known: &Known, boot: BootId, mark: Mark, login: &str, service: &str) -> Option<Session> {
    Some(Session {
        id: SessionId::new(boot, mark.leader, 0),
        boot,
        mark,
        login: Login::new(&tamed(login)).ok()?,
        service: Service::new(&tamed(service)).ok()?,
        target: None,
        rhost: None,
        tty: None,
        opened: known.now,
        basis: Basis::Grants { rests: Vec::new(), until: known.now },
        life: Life::Open,
        warned: known.now,
        order: None,
    })
}

/// A name as it may stand in a log, whatever somebody made of it: a peer is not left alone for its name.
fn tamed(name: &str) -> String {
    let tame = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = name.chars().take(64).map(tame).collect();
    if name.is_empty() || name.starts_with('-') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests;
