//! Where a question gets its answer: facts gathered, the rule applied, the verdict written down, the words chosen. Used by the
//! thread that answers modules and by the one that answers people; each has a desk of its own, so that neither waits for the
//! other. Never asks NSS, a resolver or the directory, and never lets anybody in because something broke.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jit_model::decide::{Allow, Unguarded, Verdict, decide};
use jit_model::dn::Dn;
use jit_model::name::{Login, Service};
use jit_model::question::Question;
use jit_model::reason::DenyReason;
use jit_model::time::Timestamp;
use jit_proto::answer::MAX_TEXT;
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::audit::{Decision, Event};
use crate::clock::system::SystemClock;
use crate::fingerprint;
use crate::mode::{FileId, Mode, ModeFile, Seen};
use crate::scribe::Scribe;
use crate::view::{Current, View};
use crate::words;

/// What changes on this host without the daemon's doing.
#[derive(Debug)]
struct Facts {
    accounts: Accounts,
    mode: ModeFile,
}

/// Answers questions.
pub struct Desk {
    current: Arc<Current>,
    clock: Arc<SystemClock>,
    scribe: Scribe,
    facts: Mutex<Facts>,
}

/// Who asks, by the kernel's word (SO_PEERCRED).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its effective uid when it connected.
    pub uid: u32,
}

/// A verdict with all that belongs to it.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The rule's verdict, whatever the mode.
    pub verdict: Verdict,
    /// Whether a denial is carried out.
    pub mode: Mode,
    /// The enforcing file by which it was decided, while that waits to be confirmed.
    pub unconfirmed: Option<FileId>,
    /// By which clock it was decided.
    pub now: Timestamp,
    /// What the person reads if denied.
    pub text: String,
    /// The subject's DN, where a grant of his tells it.
    pub dn: Option<Dn>,
}

impl Decided {
    /// What the module is told: in permissive mode a denial is somebody else's to decide.
    pub fn answer(&self) -> jit_proto::Answer<'_> {
        let (verdict, until, text) = match (&self.verdict, self.mode) {
            (Verdict::Allow(Allow::Grants { until, .. }), _) => {
                (jit_proto::Verdict::Allow, Some(until.0), "")
            }
            (Verdict::Allow(Allow::BreakGlass), _) => (jit_proto::Verdict::Allow, None, ""),
            (Verdict::Deny(_), Mode::Enforcing) => (jit_proto::Verdict::Deny, None, self.text.as_str()),
            (Verdict::Deny(_), Mode::Permissive) | (Verdict::Unguarded(_), _) => {
                (jit_proto::Verdict::Unguarded, None, "")
            }
        };
        jit_proto::Answer { verdict, until, text }
    }
}

impl Desk {
    /// A desk that sees `current` and these files.
    pub fn new(
        current: Arc<Current>,
        clock: Arc<SystemClock>,
        scribe: Scribe,
        accounts: Accounts,
        mode: ModeFile,
    ) -> Desk {
        Desk { current, clock, scribe, facts: Mutex::new(Facts { accounts, mode }) }
    }

    /// Where the daemon's own doings are written down.
    pub fn scribe(&self) -> &Scribe {
        &self.scribe
    }

    /// Writes a decision down. Waits a moment if the audit does not keep up.
    pub fn write_down(&self, asked: &jit_proto::Question<'_>, decided: &Decided) {
        let key = asked.auth_info.and_then(fingerprint::of_auth_info);
        let decision =
            Decision::judged(asked, key.as_deref(), decided.dn.as_ref(), &decided.verdict, decided.mode);
        self.scribe.audit().record(decided.now, decided.mode, Event::Decision(Box::new(decision)));
    }

    /// The view in force.
    pub fn view(&self) -> Arc<View> {
        self.current.get()
    }

    /// Tells of each new view from now on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.current.subscribe()
    }

    /// The clock.
    pub fn clock(&self) -> &SystemClock {
        &self.clock
    }

    /// The enforcing file as it is now.
    pub fn mode(&self) -> Seen {
        self.facts().mode.look().clone()
    }

    /// Each change under the lock is one assignment, so what is there is whole whatever panicked.
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides a module's question.
    pub fn decide(&self, asked: &jit_proto::Question<'_>) -> Decided {
        let view = self.current.get();
        let now = self.clock.now().login;
        let mut facts = self.facts();
        let seen = facts.mode.look();
        let (mode, unconfirmed) = (seen.mode(now), seen.unconfirmed(now).map(|(file, _)| file));
        let question = facts.question(asked);
        drop(facts);

        let (verdict, text, dn) = match question {
            Ok(question) => {
                let verdict = decide(&view.snapshot, &question, now);
                let text = words::for_person(&view, &verdict, &question.subject, &question.service);
                let first = view.snapshot.grants_of(&question.subject).first();
                let dn = first.and_then(|grant| grant.logins.get(&question.subject)).cloned();
                (verdict, text, dn)
            }
            Err(service) => {
                let verdict = nobody(&view, service.as_ref());
                let text = match (&verdict, &service) {
                    (Verdict::Deny(_), Some(service)) => words::for_nobody(&view, service.as_str()),
                    _ => String::new(),
                };
                (verdict, text, None)
            }
        };
        Decided { verdict, mode, unconfirmed, now, text: fit(text), dn }
    }

    /// Facts about somebody that a person asks about: as a module would report them from this very host, without a remote
    /// address and without a terminal. `uid` counts for those who are not in /etc/passwd.
    pub fn question_about(&self, login: &Login, uid: u32, service: &Service) -> Question {
        let mut facts = self.facts();
        let uid = facts.accounts.account(login).map_or(uid, |account| account.uid);
        facts.person(login.clone(), uid, service.clone())
    }

    /// Facts about somebody as they are now, under the uid that a module saw: should /etc/passwd mean another one by the name, he has
    /// nothing of it.
    pub fn question_as(&self, login: &Login, uid: u32, service: &Service) -> Question {
        self.facts().person(login.clone(), uid, service.clone())
    }

    /// The uid of a local account.
    pub fn uid_of(&self, login: &Login) -> Option<u32> {
        self.facts().accounts.account(login).map(|account| account.uid)
    }

    /// The local name of a uid.
    pub fn login_of(&self, uid: u32) -> Option<Login> {
        self.facts().accounts.login_of(uid)
    }

    /// Whether /etc/passwd has an account of this name.
    pub fn is_local(&self, login: &Login) -> bool {
        self.facts().accounts.account(login).is_some()
    }

    /// Whether a local group lists somebody.
    pub fn is_member(&self, login: &Login, uid: u32, group: &str) -> bool {
        self.facts().accounts.groups_of(login, uid).iter().any(|name| name.as_str() == group)
    }
}

impl Facts {
    /// The question in the model's words; or, where it is about no certain account, only the service, and nothing where the
    /// service has a name that no service can have.
    fn question(&mut self, asked: &jit_proto::Question<'_>) -> Result<Question, Option<Service>> {
        let service = Service::new(asked.service).map_err(|_| None)?;
        let (Ok(subject), Some(uid)) = (Login::new(asked.subject), asked.uid) else {
            return Err(Some(service));
        };
        let mut question = self.person(subject, uid, service);
        question.rhost = asked.rhost.map(str::to_owned);
        question.tty = asked.tty.map(str::to_owned);
        Ok(question)
    }

    fn person(&mut self, subject: Login, uid: u32, service: Service) -> Question {
        let (local, local_groups) = self.accounts.standing(&subject, uid);
        Question { service, subject, uid, local, local_groups, rhost: None, tty: None }
    }
}

/// The verdict about somebody who is no certain account: never an allow, no exemption, no break-glass.
fn nobody(view: &View, service: Option<&Service>) -> Verdict {
    let policy = view.snapshot.policy();
    if !policy.production {
        return Verdict::Unguarded(Unguarded::NotProduction);
    }
    match service {
        Some(service) if policy.guarded.contains(service) => Verdict::Deny(DenyReason::NoAccount),
        // No configuration can name it, so it cannot be guarded.
        Some(_) | None => Verdict::Unguarded(Unguarded::Service),
    }
}

/// At most what an answer may hold. The words are ASCII, so any cut is between characters.
fn fit(mut text: String) -> String {
    text.truncate(MAX_TEXT);
    text
}
