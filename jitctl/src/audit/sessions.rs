//! Who was in: what the lines say of each session and of each decision, put together whatever order they come in. Kept is only what was
//! asked for, since an audit may be large.

mod ends;
mod finish;
mod words;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jit_control::audit::Grant;

use super::event::{self, Trouble, seconds};
use super::read::Told;
use words::{Id, Words};

/// Whose sessions are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Full names or `*.domain`; none: every host.
    pub hosts: Vec<String>,
    /// Logins; none: everybody.
    pub users: Vec<String>,
    /// From when, in Unix seconds.
    pub from: Option<i64>,
    /// Until when.
    pub to: Option<i64>,
}

impl Wanted {
    /// Whether a host is asked for.
    pub fn host(&self, host: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_prefix('*') {
            Some(domain) if domain.starts_with('.') => {
                host.len() > domain.len()
                    && host
                        .get(host.len() - domain.len()..)
                        .is_some_and(|end| end.eq_ignore_ascii_case(domain))
            }
            _ => host.eq_ignore_ascii_case(pattern),
        };
        self.hosts.is_empty() || self.hosts.iter().any(fits)
    }

    fn user(&self, user: &str) -> bool {
        self.users.is_empty() || self.users.iter().any(|wanted| wanted == user)
    }

    /// Whether something that lasted from `begin` to `end` (none: unknown, or not over) falls into the time asked for.
    pub fn time(&self, begin: i64, end: Option<i64>) -> bool {
        self.to.is_none_or(|to| begin <= to) && self.from.is_none_or(|from| end.is_none_or(|end| end >= from))
    }
}

/// A host in one boot.
type Where = (Id, Id);

/// A grant of a host, by its id.
type GrantOf = (Id, Id);

/// Whether the line tells all of it, the number of the line, and what it says.
type Known = (bool, u64, Arc<Grant>);

/// What is known so far.
#[derive(Debug, Default)]
pub struct Sessions {
    wanted: Wanted,
    words: Words,
    lives: HashMap<(Where, Id), Life>,
    asked: Vec<Asked>,
    grants: HashMap<GrantOf, Known>,
    hosts: HashMap<Id, Last>,
    unguarded: u64,
}

/// The last line of a host.
#[derive(Debug)]
struct Last {
    seq: u64,
    time: i64,
    stopped: bool,
}

/// A session as its events tell it.
#[derive(Debug)]
struct Life {
    user: Id,
    uid: u32,
    service: Id,
    target: Option<Id>,
    from: Option<Id>,
    audit_session: Option<u32>,
    /// When it was opened, or found, and in which line.
    begin: Option<(i64, u64, Begin)>,
    end: Option<(i64, End)>,
    /// From the newest line.
    newest: (u64, i64),
    oldest: (u64, i64),
    grants: Vec<Id>,
    until: Option<i64>,
    standing: Option<Id>,
    would_end: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    Opened,
    Found,
}

/// How it ends.
#[derive(Clone, Copy, Debug)]
struct End {
    state: Id,
    /// Nothing of it is left.
    over: bool,
    code: Option<Id>,
    by: Option<u32>,
    text: Id,
}

/// A decision.
#[derive(Debug)]
struct Asked {
    place: Where,
    seq: u64,
    /// The first line of the same login, where this one goes on from it.
    first: (u64, i64),
    time: i64,
    phase: Phase,
    user: Id,
    uid: Option<u32>,
    dn: Option<Id>,
    service: Id,
    target: Option<Id>,
    from: Option<Id>,
    tty: Option<Id>,
    key: Option<Id>,
    verdict: Id,
    code: Id,
    refusal: Option<Id>,
    why: Id,
    until: Option<i64>,
    grants: Vec<Id>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Before,
    Open,
    Close,
}

impl Sessions {
    /// For what is wanted.
    pub fn of(wanted: Wanted) -> Sessions {
        Sessions { wanted, ..Sessions::default() }
    }

    /// Takes a line in.
    ///
    /// # Errors
    /// When its fields are not as documented.
    pub fn see(&mut self, told: &Told<'_>) -> Result<(), Trouble> {
        if !self.wanted.host(&told.head.host) {
            return Ok(());
        }
        let host = self.words.id(&told.head.host);
        let last = Last { seq: told.head.seq, time: told.time, stopped: told.head.event == "stop" };
        match self.hosts.get_mut(&host) {
            Some(known) if known.seq < last.seq => *known = last,
            Some(_) => {}
            None => drop(self.hosts.insert(host, last)),
        }
        match told.head.event.as_ref() {
            "decision" => self.decision(host, told),
            "session" => self.session(host, told),
            "grant" | "deletion" => {
                let granted: event::Granted = event::body(told.raw, told.head)?;
                if let Some(grant) = granted.grant {
                    self.grant(host, told.head.seq, false, grant);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What a grant says counts as it was when it let somebody in; else the newest that has approvers, for of one that is over or refused
    /// jitd tells none.
    fn grant(&mut self, host: Id, seq: u64, decided: bool, grant: event::GrantRecord) -> Id {
        let id = self.words.id(&grant.id);
        let grant = Arc::new(Grant::from(grant));
        let tells = decided || !grant.approvers.is_empty();
        let known = self.grants.get(&(host, id));
        if known.is_none_or(|(before, at, _)| (*before, *at) <= (tells, seq)) {
            self.grants.insert((host, id), (tells, seq, grant));
        }
        id
    }

    fn decision(&mut self, host: Id, told: &Told<'_>) -> Result<(), Trouble> {
        let said: event::Decision<'_> = event::body(told.raw, told.head)?;
        let seq = told.head.seq;
        let grants = said.grants.into_iter().map(|grant| self.grant(host, seq, true, grant)).collect();
        if !self.wanted.user(&said.name) || self.wanted.to.is_some_and(|to| told.time > to) {
            return Ok(());
        }
        let phase = match said.phase.as_ref() {
            "open" => Phase::Open,
            "close" => Phase::Close,
            _ => Phase::Before,
        };
        // Refused before the time that is asked for: no session comes of it.
        if phase == Phase::Before
            && said.verdict == "deny"
            && self.wanted.from.is_some_and(|from| told.time < from)
        {
            return Ok(());
        }
        if said.verdict == "unguarded" {
            self.unguarded = self.unguarded.saturating_add(u64::from(phase == Phase::Before));
            return Ok(());
        }
        let asked = Asked {
            place: (host, self.words.id(&told.head.boot)),
            seq,
            first: (seq, told.time),
            time: told.time,
            phase,
            user: self.words.id(&said.name),
            uid: said.uid,
            dn: self.words.some(said.dn.as_deref()),
            service: self.words.id(&said.service),
            target: self.words.some(said.target.as_deref()),
            from: self.words.some(said.rhost.as_deref()),
            tty: self.words.some(said.tty.as_deref()),
            key: self.words.some(said.key.as_deref()),
            verdict: self.words.id(&said.verdict),
            code: self.words.id(&said.code),
            refusal: self.words.some(said.refusal.as_deref()),
            why: self.words.id(&said.reason),
            until: seconds(said.until.as_deref()),
            grants,
        };
        self.asked.push(asked);
        Ok(())
    }

    fn session(&mut self, host: Id, told: &Told<'_>) -> Result<(), Trouble> {
        let said: event::Session<'_> = event::body(told.raw, told.head)?;
        let (Some(id), true) = (&said.id, self.wanted.user(&said.name)) else { return Ok(()) };
        let place = (host, self.words.id(&told.head.boot));
        let (seq, time) = (told.head.seq, told.time);
        let id = self.words.id(id);
        let (user, service) =
            (self.words.id(&said.name), self.words.id(said.service.as_deref().unwrap_or("")));
        let (target, from) =
            (self.words.some(said.target.as_deref()), self.words.some(said.rhost.as_deref()));
        let grants: Vec<Id> = said.grants.iter().map(|id| self.words.id(id)).collect();
        let standing = self.words.some(said.standing.as_deref());
        let (state, code) = (self.words.id(&said.state), self.words.some(said.code.as_deref()));
        let text = self.words.id(&said.text);
        let life = self.lives.entry((place, id)).or_insert_with(|| Life {
            user,
            uid: said.uid,
            service,
            target: None,
            from: None,
            audit_session: None,
            begin: None,
            end: None,
            newest: (0, i64::MIN),
            oldest: (seq, time),
            grants: Vec::new(),
            until: None,
            standing: None,
            would_end: None,
        });
        life.audit_session = life.audit_session.or(said.audit_session);
        life.target = life.target.take().or(target);
        life.from = life.from.take().or(from);
        match said.state.as_ref() {
            "opened" => life.begin = Some((time, seq, Begin::Opened)),
            // `found` is also told of one that was opened before: then that is when it began.
            "found" if life.begin.is_none_or(|(_, at, kind)| kind == Begin::Found && seq < at) => {
                life.begin = Some((time, seq, Begin::Found));
            }
            "would-end" => life.would_end = life.would_end.max(Some(time)),
            _ => {}
        }
        let ends = matches!(said.state.as_ref(), "ended" | "closed" | "ending" | "stuck");
        let over = matches!(said.state.as_ref(), "ended" | "closed");
        let counts = match &life.end {
            None => true,
            // Over is over, whatever came in between.
            Some((_, end)) => over || (!end.over && seq >= life.newest.0),
        };
        if ends && counts {
            let end = End { state, over, code, by: said.by, text };
            life.end = Some((time, end));
        } else if matches!(said.state.as_ref(), "moved" | "lifted") && seq > life.newest.0 {
            // An ending that was begun goes on after all.
            life.end = life.end.take().filter(|(_, end)| end.over);
        }
        if seq >= life.newest.0 {
            life.newest = (seq, time);
            life.standing = standing;
            life.until = seconds(said.until.as_deref()).or(life.until);
        }
        life.oldest = life.oldest.min((seq, time));
        let mut known: HashSet<Id> = life.grants.iter().copied().collect();
        life.grants.extend(grants.into_iter().filter(|grant| known.insert(*grant)));
        Ok(())
    }
}
