//! A process that asks glibc without pause, in a host: in threads, or with new programs in between. Every answer must be one that some map of that
//! moment gives. The first that is not, ends it with a line that says so.

use std::ffi::CString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::unistd::{Gid, Group, getgrouplist};

use super::board::{Board, Number, PATH};
use super::{everybody, state_of, team};
use crate::trouble::{Result, Trouble};

/// How much earlier than by the clock a row may end: the daemon's settled time and CLOCK_REALTIME are read one after the other.
const APART: f64 = 0.1;

/// What was seen.
#[derive(Debug, Default)]
struct Seen {
    asked: u64,
    /// The newest state so far in a life of the daemon: no later answer is of an older one.
    newest: (u64, u64),
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn wrong(what: String) -> Trouble {
    Trouble::new(format!("WRONG {what}"))
}

fn group(name: &str) -> Result<Group> {
    let found = Group::from_name(name).map_err(|e| wrong(format!("{name}: {e}")))?;
    found.ok_or_else(|| wrong(format!("{name} is not there")))
}

impl Seen {
    /// The team as it is now, by this lookup.
    fn team(&mut self, board: &Board, look: impl Fn() -> Result<Group>) -> Result<Gid> {
        let life = board.get(Number::Life)?;
        let least = board.get(Number::Least)?;
        let found = look()?;
        let most = board.get(Number::Most)?;
        self.asked += 1;
        if board.get(Number::Life)? != life || self.newest.0 != life {
            self.newest = (board.get(Number::Life)?, 0);
        }
        let state = state_of(&found.mem).filter(|state| (least..=most).contains(state));
        let state = state.filter(|state| *state >= self.newest.1).ok_or_else(|| {
            let (state, newest) = (state_of(&found.mem), self.newest.1);
            let members = &found.mem;
            wrong(format!(
                "{}: {members:?}, of {state:?} after {newest}, allowed {least}..={most}",
                found.name
            ))
        })?;
        if self.newest.0 == life && life % 2 == 0 {
            self.newest.1 = state;
        }
        Ok(found.gid)
    }

    /// One person's groups: both of the twins or none, and as the states say that there may be.
    fn groups_of(&mut self, board: &Board, login: &str, twins: [Gid; 2]) -> Result<()> {
        let least = board.get(Number::Least)?;
        let name = CString::new(login).map_err(|e| Trouble::new(e.to_string()))?;
        let found = getgrouplist(&name, Gid::from_raw(60_001)).map_err(|e| wrong(format!("{login}: {e}")))?;
        let most = board.get(Number::Most)?;
        self.asked += 1;
        let is_in = twins.map(|gid| found.contains(&gid));
        let may_be = (least..=most).any(|state| team(state).iter().any(|name| name == login) == is_in[0]);
        let others = found.len() != 1 + 2 * usize::from(is_in[0]);
        if is_in[0] != is_in[1] || !may_be || others {
            return Err(wrong(format!("{login} is in {found:?}, allowed {least}..={most}")));
        }
        Ok(())
    }

    /// Nobody after his end, and everybody before it.
    fn brief(&mut self, ends: &[f64]) -> Result<()> {
        let before = now();
        let found = group("brief")?;
        let after = now();
        self.asked += 1;
        for (n, end) in ends.iter().enumerate() {
            let is_in = found.mem.contains(&format!("e{n}"));
            if is_in && before >= *end || !is_in && after < end - APART {
                return Err(wrong(format!(
                    "brief: {:?} at {before} to {after}, of ends {ends:?}",
                    found.mem
                )));
            }
        }
        Ok(())
    }

    /// What has nothing to do with us.
    fn others(&mut self) -> Result<()> {
        self.asked += 2;
        let missing = Group::from_name("jit-nothing").map_err(|e| wrong(format!("jit-nothing: {e}")))?;
        let root = group("root")?;
        if missing.is_some() || root.gid.as_raw() != 0 || !root.mem.is_empty() {
            return Err(wrong(format!("{missing:?}, {root:?}")));
        }
        Ok(())
    }

    fn round(&mut self, board: &Board, ends: &[f64]) -> Result<()> {
        let first = self.team(board, || group("twin-a"))?;
        let second = self.team(board, || group("twin-b"))?;
        self.team(board, || {
            let found = Group::from_gid(first).map_err(|e| wrong(format!("{first}: {e}")))?;
            found
                .filter(|found| found.name == "twin-a")
                .ok_or_else(|| wrong(format!("{first} is not twin-a")))
        })?;
        let whom = everybody().nth(usize::try_from(self.asked / 3 % 20).unwrap_or(0)).unwrap_or_default();
        self.groups_of(board, &whom, [first, second])?;
        self.brief(ends)?;
        self.others()
    }
}

/// Asks until it is enough.
fn ask(ends: &[f64], between: impl Fn(u64) -> Result<()>) -> Result<u64> {
    let board = Board::at(Path::new(PATH))?;
    let mut seen = Seen::default();
    let mut rounds = 0;
    while board.get(Number::Enough)? == 0 {
        seen.round(&board, ends)?;
        rounds += 1;
        between(rounds)?;
        // A host has other things to do: jitd, on as few processors.
        thread::sleep(Duration::from_micros(300));
    }
    seen.round(&board, ends)?;
    Ok(seen.asked)
}

/// Descriptors, and mappings of maps.
fn held() -> Result<(usize, usize)> {
    let path = Path::new("/proc/self/fd");
    let descriptors = fs::read_dir(path).map_err(|e| Trouble::io(path, e))?.count();
    let path = Path::new("/proc/self/maps");
    let maps = fs::read_to_string(path).map_err(|e| Trouble::io(path, e))?;
    Ok((descriptors, maps.lines().filter(|line| line.contains("/groups.map")).count()))
}

/// The program: `threads`, `programs` or `once`, and then the ends of `brief`. It prints a line in the end.
///
/// # Errors
/// The first answer that is wrong, or what is left behind.
pub fn run(words: &[String]) -> Result<String> {
    let (kind, ends) = words.split_first().ok_or_else(|| Trouble::new("nothing to do"))?;
    let ends: Vec<f64> = ends.iter().filter_map(|end| end.parse().ok()).collect();
    let board = Board::at(Path::new(PATH))?;
    Seen::default().round(&board, &ends)?;
    let before = held()?;
    let asked = match kind.as_str() {
        "once" => 0,
        "threads" => {
            let work = || ask(&ends, |_| Ok(()));
            thread::scope(|scope| {
                let threads: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
                let joined = threads
                    .into_iter()
                    .map(|one| one.join().unwrap_or_else(|_| Err(wrong("a panic".into()))));
                joined.sum::<Result<u64>>()
            })?
        }
        // New processes as they come: they find the map by themselves, in whatever moment it is.
        "programs" => {
            let once = |rounds: u64| {
                if rounds % 50 != 0 {
                    return Ok(());
                }
                let program = Path::new("/proc/self/exe");
                let mut command = Command::new(program);
                command.arg("once").args(ends.iter().map(f64::to_string)).stdin(Stdio::null());
                let output = command.output().map_err(|e| Trouble::io(program, e))?;
                if output.status.success() {
                    Ok(())
                } else {
                    Err(wrong(String::from_utf8_lossy(&output.stdout).into()))
                }
            };
            ask(&ends, once)?
        }
        other => return Err(Trouble::new(format!("{other}: threads, programs or once"))),
    };
    let after = held()?;
    if after.0 != before.0 || after.1 != 1 {
        return Err(wrong(format!("descriptors and maps: {before:?}, and then {after:?}")));
    }
    Ok(format!("asked {asked}"))
}
