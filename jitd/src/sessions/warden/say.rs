//! What is said to people, on their terminals and in the audit. The same words for several sessions of one person (a shell and what he
//! became within it) are said once on each terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jit_model::reason::DenyReason;
use jit_model::time::{Span, Timestamp};

use super::host::Host;
use super::spared::Spared;
use super::underway::{Of, Whom};
use super::{Known, Warden, note};
use crate::audit::session::SessionState;
use crate::sessions::process::{ProcessId, Table};
use crate::sessions::record::{Life, Session, Standing};
use crate::sessions::terminal::Told;
use crate::sessions::words::{self, Why};

/// What there is to be said.
pub(super) struct Announced {
    /// Endings that have just begun.
    pub(super) begun: Vec<Whom>,
    /// Ends that are only said.
    pub(super) only_say: Vec<(Session, DenyReason)>,
    /// Warnings: what is left, and which warning it is.
    pub(super) warn: Vec<(Session, Span, Timestamp)>,
}

/// Whose terminals, and the text.
type Words = (BTreeSet<u32>, String);

/// Texts, each with the processes whose people it is for.
#[derive(Default)]
struct Speech(BTreeMap<Words, BTreeSet<ProcessId>>);

impl Speech {
    fn add(&mut self, words: &Words, members: Vec<ProcessId>) {
        self.0.entry(words.clone()).or_default().extend(members);
    }

    /// How each arrived.
    fn hold(self, host: &mut impl Host, table: &Table) -> BTreeMap<Words, Told> {
        let tell = |(words, members): (Words, BTreeSet<ProcessId>)| {
            let members: Vec<ProcessId> = members.into_iter().collect();
            let told = host.tell(table, &members, &words.0, &words.1);
            (words, told)
        };
        self.0.into_iter().map(tell).collect()
    }
}

impl<H: Host> Warden<H> {
    /// Says it, and writes down that it was said.
    pub(super) fn say(&mut self, known: &Known, table: &Table, announced: Announced) {
        let Announced { begun, mut only_say, mut warn } = announced;
        let mut spared = Spared::of(self);
        let mut speech = Speech::default();
        let mut endings = Vec::new();
        for whom in begun {
            let words = self.last_words(known, &whom);
            let Some(underway) = self.underway.get_mut(&whom) else { continue };
            let members = spared.lend(&whom, &mut underway.ending.claim, |claim| claim.members(table));
            if let Some(words) = &words {
                speech.add(words, members);
            } else if members.is_empty() {
                // One line will say that nothing was left.
                continue;
            }
            endings.push((whom, words));
        }
        let mut add = |session: &Session, words: &Words| speech.add(words, spared.members(table, session));
        // Those who are still there first. Whoever is not reached is found to be due again in a second: a late warning is better than
        // an ending that waits for it. One is reached whatever it takes.
        only_say.sort_by_key(|(session, _)| session.life == Life::Closed);
        warn.sort_by_key(|(session, ..)| session.life == Life::Closed);
        let all = only_say.len().saturating_add(warn.len());
        let (begun, mut any) = (Instant::now(), false);
        let mut in_time = || !std::mem::replace(&mut any, true) || begun.elapsed() < self.patience;
        let mut said: Vec<(Session, Why, Words)> = Vec::new();
        for (session, reason) in only_say {
            if !in_time() {
                break;
            }
            let why = Why::Over(reason);
            let words = (self.owners(&session), words::last(&known.view, &session, &why));
            add(&session, &words);
            said.push((session, why, words));
        }
        let mut warned: Vec<(Session, Span, Timestamp, Words)> = Vec::new();
        for (session, left, at) in warn {
            if !in_time() {
                break;
            }
            let words = (self.owners(&session), words::warning(&known.view, &session, left));
            add(&session, &words);
            warned.push((session, left, at, words));
        }
        if said.len().saturating_add(warned.len()) < all {
            self.wake(known.now, known.now);
        }

        let told = speech.hold(&mut self.host, table);
        let how = |words: &Words| told.get(words).cloned().unwrap_or_default();
        for (whom, words) in endings {
            let Some(underway) = self.underway.get(&whom) else { continue };
            let text = format!("ends: {}", note::phrase(&underway.why()));
            let mut event = underway.event(SessionState::Ending, text);
            note::told(&mut event, &words.as_ref().map(how).unwrap_or_default());
            self.note(known.mode, event);
        }
        for (session, why, words) in said {
            self.note_only_said(known, session, &why, &how(&words));
        }
        for (session, left, at, words) in warned {
            self.note_warned(known, &session, left, at, &how(&words));
        }
    }

    /// The last words of an ending. What is left of a person when his sessions end runs in the background: there is no terminal that is
    /// his, and nothing to be said.
    fn last_words(&self, known: &Known, whom: &Whom) -> Option<Words> {
        let underway = self.underway.get(whom)?;
        match &underway.of {
            Of::Session(session, _) | Of::Peer(session) => {
                Some((self.owners(session), words::last(&known.view, session, &underway.why())))
            }
            Of::Person(..) => None,
        }
    }

    fn note_warned(&mut self, known: &Known, session: &Session, left: Span, at: Timestamp, told: &Told) {
        self.registry.change(&session.id, |kept| kept.warned = at);
        if session.life == Life::Closed && told.on.is_empty() {
            // Nobody is there to be warned.
            return;
        }
        let text = match told.on.is_empty() {
            false => format!("warned: {left} left"),
            true => format!("{left} left, and no terminal to say so on"),
        };
        let mut event = note::of(session, SessionState::Warned, text);
        note::told(&mut event, told);
        self.note(known.mode, event);
    }

    fn note_only_said(&mut self, known: &Known, mut session: Session, why: &Why, told: &Told) {
        let text = format!("it would be ended, were on_end not \"warn\": {}", note::phrase(why));
        let mut event = note::of(&session, SessionState::WouldEnd, text);
        note::code(&mut event, why);
        note::told(&mut event, told);
        self.stand(&mut session, Standing::Warned);
        self.note(known.mode, event);
    }
}
