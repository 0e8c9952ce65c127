//! A host with jitd, the module, a directory whose state is a number, and readers.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use jit_proto::map::layout::{FIXED, SUPERSEDED};
use jit_proto::map::read::{Clocks, Map};
use rustix::time::{ClockId, clock_gettime};

use super::board::{Board, Number};
use super::{PAIRS, STATES, board, everybody, pair, state_of, team};
use crate::door::{CONFIG, Door, Mode, SOON};
use crate::host::daemon::Daemon;
use crate::ldif::{Grant, Ldif, generalized, group, person};
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// Where the reader is, inside.
const READER: &str = "/usr/local/bin/nss_map_reader";

/// Unix seconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}

/// The host, and what its readers know.
#[derive(Debug)]
pub struct Stage {
    /// The host.
    pub door: Door,
    board: Board,
    /// When the people of `brief` are over, in Unix seconds.
    ends: Vec<i64>,
    state: u64,
    /// How often jitd was started again.
    lives: u64,
}

impl Stage {
    /// Raises it with state 0. `program` is the reader; the people of `brief` end after so many seconds each.
    ///
    /// # Errors
    /// When something is not built, or does not come up.
    pub fn up(program: &Path, brief: &[i64]) -> Result<Stage> {
        let config = format!("{CONFIG}\n[groups]\nallow = [\"twin-a\", \"twin-b\", \"brief\"]\n");
        let ends: Vec<i64> = brief.iter().map(|seconds| now() + seconds).collect();
        let door = Door::up(&["alice"], Mode::Permissive, &config, &entries(0, &ends))?;
        door.host().name_service("files jit")?;
        door.host().install(program, READER, 0o755)?;
        let board = Board::make(&door.host().path(board::PATH))?;
        let stage = Stage { door, board, ends, state: 0, lives: 0 };
        stage.shown()?;
        Ok(stage)
    }

    /// The state that the directory has.
    pub fn state(&self) -> u64 {
        self.state
    }

    /// Goes to the next state in the directory; the daemon may be anywhere.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn change(&mut self) -> Result<()> {
        self.state += 1;
        assert!(self.state < STATES, "there are no more states");
        self.board.put(Number::Most, self.state)?;
        let text = format!("{}{}", Ldif::containers(), entries(self.state, &self.ends));
        self.door.host().write("/etc/jitd/grants.ldif", 0o644, text)
    }

    /// Waits until the map shows the directory's state: from then on, no answer may be of an older one.
    ///
    /// # Errors
    /// When it does not.
    pub fn shown(&self) -> Result<()> {
        let shows = || self.map().is_some_and(|state| state == self.state);
        until(SOON, &format!("the map shows state {}", self.state), shows).map_err(|e| {
            Trouble::new(format!("{e}; it shows {:?}\n{}", self.map(), self.door.jitd_output()))
        })?;
        self.board.put(Number::Least, self.state)?;
        self.board.put(Number::Life, self.lives * 2)
    }

    /// Waits until what the map shows is on disk, too: from there a daemon that is killed begins again.
    ///
    /// # Errors
    /// When it is not written.
    pub fn kept(&self) -> Result<()> {
        let path = self.door.host().path("/var/lib/jitd/store");
        let stored = || stored_team(&fs::read(&path).ok()?);
        let kept = || stored().is_some_and(|team| state_of(&team) == Some(self.state));
        until(SOON, "the directory's state is on disk", kept)
    }

    /// Starts jitd again, and tells the readers of another life.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn revive(&mut self) -> Result<()> {
        self.doubt()?;
        self.door.start_jitd()
    }

    /// Tells the readers that jitd is about to start.
    ///
    /// # Errors
    /// When the board cannot be written.
    pub fn doubt(&mut self) -> Result<()> {
        self.board.put(Number::Life, self.lives * 2 + 1)?;
        self.lives += 1;
        Ok(())
    }

    /// Where the map is, seen from outside.
    pub fn path(&self) -> PathBuf {
        self.door.host().path("/run/jitd/pub/groups.map")
    }

    /// The state that the map in its place is of; `None` where there is none that counts.
    pub fn map(&self) -> Option<u64> {
        let file = fs::read(self.path()).ok()?;
        if file.get(SUPERSEDED..SUPERSEDED + 4)? != [0; 4] {
            return None;
        }
        let map = Map::open(file.get(FIXED..)?).ok()?;
        let boot = clock_gettime(ClockId::Boottime);
        let at = map.at(Clocks { real: now(), boot_ms: boot.tv_sec * 1000 + boot.tv_nsec / 1_000_000 })?;
        let members = map.members(&map.group(b"twin-a").ok()??, at).ok()?;
        let names: Option<Vec<String>> =
            members.map(|name| Some(String::from_utf8_lossy(name.ok()?).into_owned())).collect();
        state_of(&names?)
    }

    /// Starts readers of both kinds, so many of each.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn readers(&self, of_each: usize) -> Result<Readers> {
        let kinds = ["threads", "programs"].into_iter().cycle().take(2 * of_each);
        let start =
            |(n, kind): (usize, &str)| self.door.host().start(&format!("reader{n}"), self.words(kind));
        Ok(Readers(kinds.enumerate().map(start).collect::<Result<_>>()?))
    }

    fn words(&self, kind: &str) -> Vec<String> {
        [READER, kind].into_iter().map(str::to_owned).chain(self.ends.iter().map(i64::to_string)).collect()
    }

    /// A process that was not there before asks everything once.
    ///
    /// # Errors
    /// When an answer is wrong.
    pub fn ask_once(&self) -> Result<()> {
        self.door.host().exec(self.words("once")).run()?.must().map(drop)
    }
}

/// Readers at work. They end with the first answer that is wrong.
#[derive(Debug)]
pub struct Readers(Vec<Daemon>);

impl Readers {
    /// Nobody has had a wrong answer so far.
    ///
    /// # Errors
    /// With what was wrong.
    pub fn are_content(&self) -> Result<()> {
        let said: Vec<String> = self.0.iter().map(Daemon::output).filter(|said| !said.is_empty()).collect();
        if said.is_empty() { Ok(()) } else { Err(Trouble::new(said.join(""))) }
    }

    /// Ends them; how many questions all of them asked.
    ///
    /// # Errors
    /// When one had a wrong answer, or left something behind.
    pub fn end(self, stage: &Stage) -> Result<u64> {
        stage.board.put(Number::Enough, 1)?;
        let ended = until(SOON, "the readers end", || {
            self.0.iter().all(|one| one.output().ends_with('\n') && one.pid().is_err())
        });
        let said: String = self.0.iter().map(Daemon::output).collect();
        ended.map_err(|e| Trouble::new(format!("{e}: {said}")))?;
        let asked = said.lines().map(|line| line.strip_prefix("asked ").and_then(|n| n.parse::<u64>().ok()));
        asked.sum::<Option<u64>>().ok_or_else(|| Trouble::new(said.clone()))
    }
}

/// Who is in the team by jitd's store: the one of each pair whose DN stands there once more than the other's.
fn stored_team(store: &[u8]) -> Option<Vec<String>> {
    let count = |login: &str| {
        let dn = person(login);
        store.windows(dn.len()).filter(|text| text.eq_ignore_ascii_case(dn.as_bytes())).count()
    };
    let chosen = |n| pair(n).into_iter().max_by_key(|login| count(login));
    (0..PAIRS).map(chosen).collect()
}

/// The directory in this state.
fn entries(state: u64, ends: &[i64]) -> Ldif {
    let short: Vec<String> = (0..ends.len()).map(|n| format!("e{n}")).collect();
    let people: Vec<String> = everybody().chain(short.iter().cloned()).collect();
    let dns = |logins: &[String]| logins.iter().map(|login| person(login)).collect::<Vec<_>>();
    let (all, some) = (dns(&people), dns(&team(state)));
    let members = |dns: &'_ [String], ldif: Ldif, name: &str| {
        ldif.group(name, &dns.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let ldif = people.iter().fold(Ldif::new(), |ldif, login| ldif.person(login));
    let ldif = members(&some, members(&all, ldif, "everybody"), "team");
    let role = |ldif: Ldif, name: &str, groups: &[&'static str]| {
        let everybody = group("everybody");
        let mut attributes = vec![("jitHost", "*"), ("jitEligible", everybody.as_str())];
        attributes.extend(groups.iter().map(|group| ("jitLocalGroup", *group)));
        ldif.role(name, &attributes)
    };
    let ldif = role(role(ldif, "twins", &["twin-a", "twin-b"]), "brief", &["brief"]);
    let ldif = ldif.grant(&Grant::of("standing", &group("team")).under("twins"));
    short.iter().zip(ends).fold(ldif, |ldif, (login, end)| {
        let grant = Grant::live(&format!("of-{login}"), login).under("brief");
        ldif.grant(&grant.with("jitNotAfter", generalized(*end)))
    })
}
