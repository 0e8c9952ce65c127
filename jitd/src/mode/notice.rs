//! Changes of the mode, for the audit: what was enforced, what is now, and who says that it was he.
//!
//! The file is the mode, and whoever may write it needs no daemon. So the change is noticed by a look at the file, and who made it is what
//! jitctl tells a moment later; the peer of that connection is the evidence. Nothing waits for that but the line in the audit. A change of
//! which nobody tells is written down as such: root's hand, or a jitctl that could not reach us (which then told syslog itself).

use std::time::{Duration, Instant};

use jit_model::time::Timestamp;

use super::{File, Mode, Seen, meant};
use crate::audit::Event;
use crate::audit::event::{ModeChange, ModeEvent, Text, Time};

/// How long a change waits for somebody to tell of it.
const TELLING: Duration = Duration::from_secs(3);

/// Who changed the mode, by the kernel's word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct By {
    /// The uid of the process that told.
    pub uid: u32,
    /// Who logged in: /proc/PID/loginuid, where the host keeps it.
    pub login_uid: Option<u32>,
    /// The session that the process is in, if it is a known one, and whose that is.
    pub session: Option<(String, String)>,
}

/// What was last noticed, and what waits to be told of.
#[derive(Debug, Default)]
pub struct Notice {
    last: Option<Known>,
    waits: Option<(ModeEvent, Instant)>,
}

/// What makes one state of the file another than the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    mode: Mode,
    rules: Option<Vec<String>>,
    until: Option<Timestamp>,
    fault: Option<String>,
}

impl Known {
    fn of(seen: &Seen, now: Timestamp) -> Known {
        let (rules, fault) = match &seen.file {
            File::Absent => (None, None),
            File::Good { text, .. } => (meant(text), None),
            File::Broken(why) => (None, Some(why.clone())),
        };
        Known { mode: seen.mode(now), rules, until: seen.written_until(), fault }
    }

    /// Whether only time has passed.
    fn is_same_file(&self, other: &Known) -> bool {
        (&self.rules, self.until, &self.fault) == (&other.rules, other.until, &other.fault)
    }
}

impl Notice {
    /// Looks at the file as it is at `now`, the login time; `before` is the mode that was in force. What comes back is to be written down, in
    /// this order.
    pub fn look(&mut self, seen: &Seen, before: Mode, now: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        let known = Known::of(seen, now);
        if self.last.as_ref() != Some(&known) {
            let change = change(self.last.as_ref(), &known, before);
            self.last = Some(known.clone());
            if let Some((what, text)) = change {
                events.extend(self.flush());
                let event = ModeEvent {
                    from: before.as_str(),
                    to: known.mode.as_str(),
                    until: known.until.filter(|_| known.mode == Mode::Enforcing).map(Time),
                    change: what,
                    uid: None,
                    login_uid: None,
                    session: None,
                    name: None,
                    text: text.map(Text::from),
                };
                match what {
                    // Nobody did it: time has passed.
                    ModeChange::FellBack | ModeChange::Clock => events.push(Event::Mode(Box::new(event))),
                    ModeChange::Enforcing | ModeChange::Confirmed | ModeChange::Permissive => {
                        self.waits = Some((event, Instant::now()));
                    }
                }
            }
        }
        let late = |(_, since): &(ModeEvent, Instant)| since.elapsed() >= TELLING;
        if self.waits.as_ref().is_some_and(late) {
            events.extend(self.flush());
        }
        events
    }

    /// Somebody says that it was he; to be called after a look. Nothing if nothing has changed.
    pub fn told(&mut self, by: By) -> Option<Event> {
        let (event, _) = self.waits.take()?;
        let (session, name) = by.session.unzip();
        Some(Event::Mode(Box::new(ModeEvent {
            uid: Some(by.uid),
            login_uid: by.login_uid,
            session: session.map(Text::from),
            name: name.map(Text::from),
            ..event
        })))
    }

    /// What nobody has told of.
    pub fn flush(&mut self) -> Option<Event> {
        let (mut event, _) = self.waits.take()?;
        event.text.get_or_insert_with(|| {
            Text::from("nobody told jitd of it: the file was written or removed by other means than jitctl")
        });
        Some(Event::Mode(Box::new(event)))
    }
}

/// What has changed, and a word on it; nothing if it makes no difference.
fn change(last: Option<&Known>, now: &Known, before: Mode) -> Option<(ModeChange, Option<String>)> {
    let lapsed = |until: Timestamp| {
        format!(
            "enforcing was not confirmed by {}, so this host is permissive",
            jit_model::text::clock_time(until)
        )
    };
    match (before, now.mode) {
        (Mode::Enforcing, Mode::Permissive) => Some(match now.until {
            Some(until) => (ModeChange::FellBack, Some(lapsed(until))),
            None => (ModeChange::Permissive, None),
        }),
        // Found so at the start: when it happened nobody may have been there to write it down.
        (Mode::Permissive, Mode::Permissive) => {
            let until = now.until.filter(|_| last.is_none())?;
            Some((ModeChange::FellBack, Some(lapsed(until))))
        }
        (Mode::Permissive, Mode::Enforcing) if last.is_some_and(|last| last.is_same_file(now)) => {
            let text = "the clock is before the time until which enforcing had to be confirmed, again";
            Some((ModeChange::Clock, Some(text.to_owned())))
        }
        (Mode::Permissive, Mode::Enforcing) => Some((ModeChange::Enforcing, now.fault.clone())),
        (Mode::Enforcing, Mode::Enforcing) => {
            let last = last?;
            let confirmed = last.until.is_some() && now.until.is_none() && last.rules == now.rules;
            let what = if confirmed { ModeChange::Confirmed } else { ModeChange::Enforcing };
            Some((what, now.fault.clone()))
        }
    }
}

#[cfg(test)]
mod tests;
