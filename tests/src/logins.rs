//! People who come in over ssh again and again while something else happens to the host: real logins, one after the other, each counted.
//! A login that has to wait for jitd longer than its module's deadline goes by the enforcing file, so under enforcing one of somebody
//! who holds a grant fails: that none fails says that none waited longer.

use std::collections::BTreeMap;

use crate::door::{NAME, SOON};
use crate::host::Host;
use crate::host::daemon::Daemon;
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// Logs in until a file appears; of each login a line with its time, its status, and what ssh said.
const LOOP: &str = "while [ ! -e /run/logins.enough ]; do
        said=$(ssh -o ConnectTimeout=20 \"$1\"@\"$2\" true 2>&1 </dev/null)
        status=$?
        printf '%s %s %s\\n' \"$(date +%T.%3N)\" $status \"$(printf %s \"$said\" | tr '\\n' ' ')\"
    done";

/// Somebody who comes in again and again. Dropped, he stops.
#[derive(Debug)]
pub struct Logins {
    who: String,
    running: Daemon,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many logins succeeded.
    pub passed: usize,
    /// Those that did not; the line of each.
    pub failed: Vec<String>,
}

impl Logins {
    /// Begins. sshd must take root's key for him.
    ///
    /// # Errors
    /// When nothing can be started.
    pub fn of(host: &Host, who: &str) -> Result<Logins> {
        let log = format!("logins-{who}");
        // Of who came before.
        host.remove(&format!("/var/log/{log}.out"))?;
        let running = host.start(&log, ["bash", "-c", LOOP, "logins", who, NAME])?;
        Ok(Logins { who: who.to_owned(), running })
    }

    /// How it has gone so far.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for line in self.running.output().lines() {
            match line.split(' ').nth(1) {
                Some("0") => tally.passed += 1,
                _ => tally.failed.push(line.to_owned()),
            }
        }
        tally
    }

    /// Waits until he has tried so many times more.
    ///
    /// # Errors
    /// When he does not.
    pub fn go_on(&self, times: usize) -> Result<()> {
        let tried = || {
            let tally = self.tally();
            tally.passed + tally.failed.len()
        };
        let enough = tried() + times;
        until(SOON, &format!("{} has tried {times} times more", self.who), || tried() >= enough)
    }
}

/// Several people at once.
#[derive(Debug)]
pub struct Crowd<'a> {
    host: &'a Host,
    all: Vec<Logins>,
}

impl<'a> Crowd<'a> {
    /// All of them begin.
    ///
    /// # Errors
    /// When nothing can be started.
    pub fn of(host: &'a Host, people: &[&str]) -> Result<Crowd<'a>> {
        host.remove("/run/logins.enough")?;
        let all: Result<Vec<Logins>> = people.iter().map(|who| Logins::of(host, who)).collect();
        Ok(Crowd { host, all: all? })
    }

    /// Waits until each has tried so many times more: what is to be seen by logins is seen.
    ///
    /// # Errors
    /// When somebody does not.
    pub fn go_on(&self, times: usize) -> Result<()> {
        self.all.iter().try_for_each(|logins| logins.go_on(times))
    }

    /// All of them have ended their last login and stop; how it went.
    ///
    /// # Errors
    /// When they cannot be told to stop, or do not.
    pub fn ends(mut self) -> Result<BTreeMap<String, Tally>> {
        self.host.write("/run/logins.enough", 0o644, "")?;
        let mut tallies = BTreeMap::new();
        for logins in &mut self.all {
            until(SOON, &format!("{} stops", logins.who), || logins.running.pid().is_err())?;
            tallies.insert(logins.who.clone(), logins.tally());
        }
        Ok(tallies)
    }
}

/// What one of them did.
///
/// # Errors
/// When there is nobody of that name.
pub fn of<'t>(tallies: &'t BTreeMap<String, Tally>, who: &str) -> Result<&'t Tally> {
    tallies.get(who).ok_or_else(|| Trouble::new(format!("nobody counted {who}")))
}
