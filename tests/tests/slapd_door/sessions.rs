//! Sessions while the directory is dead and while the clock is wrong: none ends before its known end, and each ends then.

use jit_tests::door::SOON;
use jit_tests::ldif::{Ldif, from_now};
use jit_tests::sessions::is;
use jit_tests::sessions::jobs::{NOHUP, Running, SHELL};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

use super::clock::Clock;
use jit_tests::company::{Cable, Company, START_TLS, Source, free};

const QUICK: &str = "[session]\nwarn = [\"2s\"]\ngrace = \"1s\"\n";
const SHORT_OF_BREATH: &str =
    "poll = \"1s\"\nmax_offline = \"2s\"\n[session]\nwarn = [\"2s\"]\ngrace = \"1s\"\n";
const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

/// Somebody's session that ends at a time that is known.
struct Open {
    who: &'static str,
    job: Running,
    end: String,
}

/// What these tests do with a company.
trait InAndOut {
    fn enters(&self, who: &'static str, seconds: u32) -> Result<Open>;
    fn goes_on(&self, open: &Open) -> Result<()>;
    fn ends_on_time(&self, open: &Open) -> Result<()>;
}

impl InAndOut for Company {
    /// His grant lasts so many seconds, and he is in, with something in the background.
    fn enters(&self, who: &'static str, seconds: u32) -> Result<Open> {
        let grant = free(who).lasting(seconds);
        self.adds(who, &Ldif::new().grant(&grant))?;
        self.until_state(&grant, "live")?;
        let job = SHELL.start(&self.door, who)?;
        let end = self.door.session_of(who, "sshd")?["until"].as_i64();
        let end = end.ok_or_else(|| Trouble::new("his session has no end"))?;
        Ok(Open { who, job, end: jit_tests::ldif::generalized(end) })
    }

    /// It has not ended yet, although nothing new begins.
    fn goes_on(&self, open: &Open) -> Result<()> {
        let at = from_now(0);
        open.job.goes_on(&self.door)?;
        assert!(at < open.end, "the machine is too slow for this: {} has nothing left to be shown", open.who);
        Ok(())
    }

    /// It goes on until its end, and ends then.
    fn ends_on_time(&self, open: &Open) -> Result<()> {
        until(SOON, "its time has come", || {
            let going = open.job.goes_on(&self.door).is_ok();
            let over = from_now(0) >= open.end;
            assert!(going || over, "{} was ended before {}", open.who, open.end);
            over
        })?;
        open.job.is_over(&self.door)?;
        self.door.audited("its end", |event| is(event, "ended", open.who) && event["code"] == "expired")?;
        Ok(())
    }
}

/// Longer without word than grants may hold for those who come: whoever is in stays to his own end, with the daemon that let him in, with
/// the next one, and with one that has lost all it knew of the directory.
#[test]
fn a_dead_directory_ends_nobody_early() -> Result<()> {
    let people = ["alice", "bob", "carol", "dave"];
    let mut company = Company::up(&people, Source { more: SHORT_OF_BREATH, ..START_TLS })?;
    let fourth = company.enters("dave", 3600)?;
    let third = company.enters("carol", 42)?;
    let second = company.enters("bob", 30)?;
    let first = company.enters("alice", 18)?;
    let left = NOHUP.start(&company.door, "carol")?;
    company.slapd.kill()?;
    company.until_out("dave", "no word from the directory for")?;
    for open in [&first, &second, &third, &fourth] {
        company.goes_on(open)?;
    }
    company.ends_on_time(&first)?;

    company.door.kill_jitd()?;
    company.door.start_jitd()?;
    company.is_out("dave", "no word from the directory for")?;
    for open in [&second, &third, &fourth] {
        company.goes_on(open)?;
    }
    company.ends_on_time(&second)?;

    company.door.kill_jitd()?;
    company.door.host().sh("rm -rf /var/lib/jitd/*").run()?.must()?;
    company.door.start_jitd()?;
    company.is_out("dave", "no word from the directory yet")?;
    company.goes_on(&third)?;
    left.goes_on(&company.door)?;
    company.ends_on_time(&third)?;
    left.is_over(&company.door)?;

    company.goes_on(&fourth)?;
    company.slapd.start()?;
    company.until_in("dave")?;
    company.goes_on(&fourth)
}

/// The cable is pulled, and put back after the end.
#[test]
fn a_pulled_cable_ends_nobody_early() -> Result<()> {
    let company = Company::up(&["alice", "bob"], Source { more: SHORT_OF_BREATH, ..START_TLS })?;
    let stays = company.enters("bob", 3600)?;
    let open = company.enters("alice", 18)?;
    company.cable(Cable::Pulled)?;
    company.until_out("bob", "no word from the directory for")?;
    company.goes_on(&open)?;
    company.ends_on_time(&open)?;
    company.goes_on(&stays)?;
    company.cable(Cable::In)?;
    company.until_in("bob")?;
    company.goes_on(&stays)
}

/// A wall clock that is a year ahead, or an hour behind: whoever is in stays, and goes when his time is over by the time that has really
/// passed, also when the daemon is another one by then.
#[test]
fn a_clock_that_jumps_ends_nobody_early_and_keeps_nobody() -> Result<()> {
    let people = ["alice", "bob", "carol", "dave"];
    let company = Company::new(&people, &Ldif::new(), Source { more: QUICK, ..START_TLS })?;
    let mut clock = Clock::of(&company.door)?;
    company.open()?;
    let stays = company.enters("dave", 3600)?;
    let first = company.enters("alice", 18)?;
    clock.wall(&company.door, YEAR)?;
    company.until_trouble("ahead of what this host can account for")?;
    company.until_out("dave", "expired")?;
    company.goes_on(&first)?;
    company.goes_on(&stays)?;
    company.ends_on_time(&first)?;
    company.door.kill_jitd()?;
    company.door.start_jitd()?;
    company.is_out("dave", "")?;
    company.goes_on(&stays)?;
    clock.wall(&company.door, 0)?;
    company.until_in("dave")?;

    let second = company.enters("bob", 15)?;
    clock.wall(&company.door, -HOUR)?;
    company.until_trouble("behind the time this host has already seen")?;
    company.goes_on(&second)?;
    company.ends_on_time(&second)?;
    let third = company.enters("carol", 15)?;
    company.door.kill_jitd()?;
    company.door.start_jitd()?;
    company.goes_on(&third)?;
    company.ends_on_time(&third)?;
    company.goes_on(&stays)
}
