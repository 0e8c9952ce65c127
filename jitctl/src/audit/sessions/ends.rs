//! How a session ended; and of one that no line says the end of, what can be said: that it goes on is only said where nothing is missing.

use std::collections::HashMap;

use jit_control::audit::{Missing, Session};
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use super::{Life, Sessions};
use crate::audit::numbers::Numbers;

/// What is known of the ends of lines of each host.
pub(super) struct Ends<'a> {
    sessions: &'a Sessions,
    missing: HashMap<String, Vec<Missing>>,
    boots: HashMap<String, Vec<(String, u64, i64)>>,
}

impl Sessions {
    pub(super) fn ends<'a>(&'a self, numbers: &Numbers) -> Ends<'a> {
        let hosts: Vec<&str> = self.hosts.keys().map(AsRef::as_ref).collect();
        Ends {
            sessions: self,
            missing: hosts.iter().map(|host| ((*host).to_owned(), numbers.missing(host))).collect(),
            boots: hosts.iter().map(|host| ((*host).to_owned(), numbers.boots(host))).collect(),
        }
    }
}

impl Ends<'_> {
    /// Writes down how a session ended.
    pub(super) fn apply(&self, session: &mut Session, life: &Life) {
        if let Some((at, end)) = &life.end {
            let over = matches!(end.state.as_ref(), "ended" | "closed");
            end.state.as_ref().clone_into(&mut session.state);
            session.end = over.then_some(*at);
            session.end_code = end.code.as_ref().map(|code| code.as_ref().to_owned());
            session.ended_by = end.by;
            session.end_text = Some(end.text.clone());
            if over {
                return;
            }
        }
        match self.unknown(session, life) {
            Some(why) => {
                "unknown".clone_into(&mut session.state);
                session.end_text = Some(why);
            }
            None if life.end.is_none() => {
                "open".clone_into(&mut session.state);
                let last = self.sessions.hosts.get(session.host.as_str());
                session.end_text = last.map(|last| format!("as of {}", clock_time(Timestamp(last.time))));
            }
            None => {}
        }
    }

    /// Why nobody can know from these lines whether it goes on.
    fn unknown(&self, session: &Session, life: &Life) -> Option<String> {
        let newest = life.newest.0;
        let own = self
            .boots
            .get(&session.host)?
            .iter()
            .find(|(boot, ..)| *boot == session.boot)
            .map(|(_, first, _)| *first)?;
        let later = self.boots.get(&session.host)?.iter().find(|(_, first, _)| *first > own);
        let gap = self
            .missing
            .get(&session.host)?
            .iter()
            .find(|missing| matches!(missing.kind.as_str(), "numbers" | "lost") && missing.from > newest);
        let shown = |at: i64| clock_time(Timestamp(at));
        match (later, gap) {
            (Some((_, first, at)), _) if *first > newest => {
                Some(format!("no line says: the host was started anew by {}", shown(*at)))
            }
            (_, Some(gap)) => Some(format!("no line says: {}", gap.text)),
            _ => {
                let last = self.sessions.hosts.get(session.host.as_str())?;
                last.stopped.then(|| format!("no line says: jitd was stopped at {}", shown(last.time)))
            }
        }
    }
}
