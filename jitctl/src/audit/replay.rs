//! What enforcing would have refused, counted per host, person and service, with what tells people from programs. Proposes exemptions and
//! never writes one: who may log in can behave like a program, so root decides.

mod away;
pub mod exempt;
pub mod likeness;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jit_control::audit::{Automation, Refused, Replay};
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use super::event::{self, Trouble};
use super::numbers::span;
use super::read::{Reading, Told};

/// How many places where lines are missing are told of a host.
const MISSING: usize = 20;
/// How many places are told of somebody.
const PLACES: usize = 16;

/// Somebody on a host.
#[derive(Debug, Default)]
pub struct Somebody {
    /// His uid.
    pub uid: Option<u32>,
    /// What he would have been refused.
    pub services: BTreeMap<String, Count>,
    /// When he came: at the account phase of each service.
    pub times: BTreeMap<String, Vec<i64>>,
    /// He was seen at a terminal, or one of his was told something.
    pub at_terminal: bool,
    /// He was let in by a grant.
    pub granted: bool,
    /// His ssh keys.
    pub keys: BTreeSet<String>,
    /// How many of his sessions were over, and how many of these within a minute.
    pub sessions: (u64, u64),
}

/// What somebody would have been refused by one service.
#[derive(Debug, Default)]
pub struct Count {
    /// Before the session; without that phase, at its beginning.
    before: u64,
    open: u64,
    first: i64,
    /// The line that the rest is from.
    newest: (i64, u64),
    code: String,
    refusal: Option<String>,
    why: String,
    nearest: Option<String>,
    /// From where, and how often; an empty one where the service gave none.
    pub places: HashMap<String, u64>,
    would_end: u64,
}

impl Count {
    /// How often: a login asks once before its session and once at its beginning.
    pub fn times(&self) -> u64 {
        self.before.max(self.open)
    }

    /// Why, the last time, in one stable word.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The last time, in Unix seconds.
    pub fn last(&self) -> i64 {
        self.newest.0
    }
}

/// What was gathered.
#[derive(Debug)]
pub struct Gathered {
    since: i64,
    people: BTreeMap<(String, String), Somebody>,
    /// Of sessions: when they were opened or over, whichever came first.
    half: HashMap<(String, String, String), (bool, i64)>,
    away: away::Away,
    denied: u64,
    first: BTreeMap<String, i64>,
}

impl Gathered {
    /// Of what happened since then, in Unix seconds.
    pub fn since(since: i64) -> Gathered {
        Gathered {
            since,
            people: BTreeMap::new(),
            half: HashMap::new(),
            away: away::Away::default(),
            denied: 0,
            first: BTreeMap::new(),
        }
    }

    /// Takes a line in.
    ///
    /// # Errors
    /// When its fields are not as documented.
    pub fn see(&mut self, told: &Told<'_>) -> Result<(), Trouble> {
        match self.first.get_mut(told.head.host.as_ref()) {
            Some(first) => *first = told.time.min(*first),
            None => drop(self.first.insert(told.head.host.clone().into_owned(), told.time)),
        }
        if told.time < self.since {
            return Ok(());
        }
        match told.head.event.as_ref() {
            "decision" => self.decision(told),
            "session" => self.session(told),
            "start" | "stop" => {
                self.away.see(told);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn somebody(&mut self, host: &str, user: &str) -> &mut Somebody {
        self.people.entry((host.to_owned(), user.to_owned())).or_default()
    }

    fn decision(&mut self, told: &Told<'_>) -> Result<(), Trouble> {
        let said: event::Decision<'_> = event::body(told.raw, told.head)?;
        match said.verdict.as_ref() {
            "deny" => {
                self.denied = self.denied.saturating_add(1);
                return Ok(());
            }
            "allow" => {
                self.somebody(&told.head.host, &said.name).granted = true;
                return Ok(());
            }
            "would-deny" if said.phase != "close" => {}
            _ => return Ok(()),
        }
        let somebody = self.somebody(&told.head.host, &said.name);
        somebody.uid = somebody.uid.or(said.uid);
        somebody.keys.extend(said.key.as_deref().map(str::to_owned));
        somebody.at_terminal |= said.tty.as_deref().is_some_and(is_terminal);
        let count = somebody.services.entry(said.service.clone().into_owned()).or_default();
        let rhost = said.rhost.as_deref().unwrap_or("");
        if count.before + count.open == 0 || told.time < count.first {
            count.first = told.time;
        }
        // By the phase that comes once for each login.
        match said.phase.as_ref() {
            "open" => {
                count.open = count.open.saturating_add(1);
                count.places.entry(rhost.to_owned()).or_default();
            }
            "account" => {
                count.before = count.before.saturating_add(1);
                *count.places.entry(rhost.to_owned()).or_default() += 1;
                somebody.times.entry(said.service.clone().into_owned()).or_default().push(told.time);
            }
            _ => drop(count.places.entry(rhost.to_owned()).or_default()),
        }
        if (told.time, told.head.seq) >= count.newest {
            count.newest = (told.time, told.head.seq);
            count.code = said.code.into_owned();
            count.refusal = said.refusal.map(std::borrow::Cow::into_owned);
            count.why = said.reason.into_owned();
            count.nearest = said.nearest.map(std::borrow::Cow::into_owned);
        }
        Ok(())
    }

    fn session(&mut self, told: &Told<'_>) -> Result<(), Trouble> {
        let said: event::Session<'_> = event::body(told.raw, told.head)?;
        if !said.told.is_empty() {
            self.somebody(&told.head.host, &said.name).at_terminal = true;
        }
        let Some(id) = &said.id else { return Ok(()) };
        let opens = match said.state.as_ref() {
            "opened" => true,
            "closed" | "ended" => false,
            "would-end" => {
                let service = said.service.as_deref().unwrap_or("").to_owned();
                let (time, seq) = (told.time, told.head.seq);
                let somebody = self.somebody(&told.head.host, &said.name);
                somebody.uid = somebody.uid.or(Some(said.uid));
                let count = somebody.services.entry(service).or_default();
                count.would_end = count.would_end.saturating_add(1);
                if count.first == 0 {
                    count.first = time;
                }
                if (time, seq) >= count.newest {
                    count.newest = (time, seq);
                    count.code = said.code.as_deref().unwrap_or("would-end").to_owned();
                    count.why = said.text.into_owned();
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        let key = (
            told.head.host.clone().into_owned(),
            told.head.boot.clone().into_owned(),
            id.clone().into_owned(),
        );
        match self.half.remove(&key) {
            Some((other, at)) if other != opens => {
                let lasted = if opens { at - told.time } else { told.time - at };
                let somebody = self.somebody(&told.head.host, &said.name);
                somebody.sessions.0 += 1;
                somebody.sessions.1 += u64::from(lasted <= 60);
            }
            _ => drop(self.half.insert(key, (opens, told.time))),
        }
        Ok(())
    }

    /// What it comes to.
    pub fn finish(self, reading: Reading) -> Replay {
        let mut replay = Replay { since: self.since, lines: reading.lines, ..Replay::default() };
        let hosts: BTreeSet<&str> = self.people.keys().map(|(host, _)| host.as_str()).collect();
        let mut blocks = String::new();
        for ((host, user), somebody) in &self.people {
            for (service, count) in &somebody.services {
                replay.refused.push(refused(host, user, somebody.uid, service, count));
            }
            let Some(evidence) = likeness::evidence(somebody) else { continue };
            let proposed = exempt::propose(host, user, somebody, &evidence, hosts.len() > 1);
            blocks.push_str(&proposed.text);
            replay.automation.push(Automation {
                host: host.clone(),
                user: user.clone(),
                evidence,
                services: proposed.services,
                from: proposed.from,
                left_out: proposed.left_out,
            });
        }
        if !blocks.is_empty() {
            replay.exempt = format!("{}{blocks}", exempt::HEADING);
        }
        let often = |refused: &Refused| std::cmp::Reverse(refused.count.saturating_add(refused.would_end));
        replay.refused.sort_by(|a, b| (often(a), &a.host, &a.user).cmp(&(often(b), &b.host, &b.user)));
        replay.unknown = self.unknown(&reading);
        (replay.unread, replay.more_unread) = (reading.unread, reading.more_unread);
        replay
    }

    fn unknown(&self, reading: &Reading) -> Vec<String> {
        let shown = |at: i64| clock_time(Timestamp(at));
        let mut all = vec![
            "services whose file in /etc/pam.d has no line of pam_jit.so ask nobody, so they are not here: see jitctl doctor".to_owned(),
        ];
        let late = self.first.iter().filter(|(_, first)| **first > self.since);
        all.extend(late.map(|(host, first)| format!("{host}: the lines begin at {} only", shown(*first))));
        all.extend(self.away.sentences());
        for (host, _) in reading.numbers.hosts() {
            let missing = reading.numbers.missing(host).into_iter();
            let since = missing.filter(|missing| missing.before.is_none_or(|before| before >= self.since));
            let mut told: Vec<String> =
                since.map(|missing| format!("{host}: {}{}", missing.text, span(&missing))).collect();
            let more = told.len().saturating_sub(MISSING);
            told.truncate(MISSING);
            all.append(&mut told);
            if more > 0 {
                all.push(format!("{host}: {more} more places where lines are missing: jitctl audit report --json names them"));
            }
        }
        if self.denied > 0 {
            all.push(format!(
                "real refusals, while a host enforced, are not counted here ({}): jitctl audit report shows them",
                self.denied
            ));
        }
        all
    }
}

/// PAM_TTY of a person: sshd says `ssh` for everybody, sudo names the terminal.
fn is_terminal(tty: &str) -> bool {
    let name = tty.strip_prefix("/dev/").unwrap_or(tty);
    name.starts_with("pts/") || name.starts_with("tty") || name.starts_with(':')
}

fn refused(host: &str, user: &str, uid: Option<u32>, service: &str, count: &Count) -> Refused {
    let mut places: Vec<(&String, &u64)> =
        count.places.iter().filter(|(place, _)| !place.is_empty()).collect();
    places.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    Refused {
        host: host.to_owned(),
        user: user.to_owned(),
        uid,
        service: service.to_owned(),
        count: count.times(),
        first: count.first,
        last: count.newest.0,
        code: count.code.clone(),
        refusal: count.refusal.clone(),
        why: count.why.clone(),
        nearest: count.nearest.clone(),
        from: places.iter().take(PLACES).map(|(place, _)| (*place).clone()).collect(),
        more_from: u64::try_from(places.len().saturating_sub(PLACES)).unwrap_or(u64::MAX),
        would_end: count.would_end,
    }
}
