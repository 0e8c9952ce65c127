//! What a clock cannot do: lengthen anything, or lock anybody out. Only jitd sees the wrong time (see `clock.c`); for
//! everything else on the host it is what it is, so that what is shown is jitd's judgement and not sshd's.

use std::process::Command;
use std::time::Duration;

use jit_tests::door::Door;
use jit_tests::ldif::{Ldif, from_now};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

use jit_tests::company::{Company, START_TLS, free};

const HOUR: i64 = 3600;
/// Far enough for every certificate and every grant, and where 32 bits of seconds end.
const UNTIL_2038: i64 = 12 * 365 * 24 * HOUR;

/// Jitd's clocks, to be set at will.
pub(crate) struct Clock {
    /// Seconds by which the wall clock is wrong, and the time since the boot.
    off: (i64, i64),
}

impl Clock {
    /// From the next start of jitd on.
    pub(crate) fn of(door: &Door) -> Result<Clock> {
        let built = door.host().path("/usr/lib/clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slapd_door/clock.c");
        let mut gcc = Command::new("gcc");
        gcc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(built).arg(source);
        let said = gcc.output().map_err(|e| Trouble::new(format!("gcc ({e}): apt-get install gcc")))?;
        if !said.status.success() {
            return Err(Trouble::new(String::from_utf8_lossy(&said.stderr).into_owned()));
        }
        let script = "mv /usr/sbin/jitd /usr/sbin/jitd.own";
        door.host().sh(script).run()?.must()?;
        let wrapper = "#!/bin/sh\nLD_PRELOAD=/usr/lib/clock.so exec /usr/sbin/jitd.own \"$@\"\n";
        door.host().write("/usr/sbin/jitd", 0o755, wrapper)?;
        Ok(Clock { off: (0, 0) })
    }

    /// So many seconds off the right time.
    pub(crate) fn wall(&mut self, door: &Door, off: i64) -> Result<()> {
        self.off.0 = off;
        self.write(door)
    }

    /// The host boots while jitd is not running: nothing of /run outlives that, the kernel gives the boot another name, and time
    /// since the boot begins anew.
    pub(crate) fn boots(&mut self, door: &Door) -> Result<()> {
        let uptime = door.host().read("/proc/uptime")?;
        let seconds =
            uptime.split('.').next().and_then(|seconds| seconds.parse::<i64>().ok()).unwrap_or_default();
        self.off.1 = 5 - seconds;
        let boot = "/proc/sys/kernel/random/boot_id";
        door.host()
            .sh(&format!(
                "rm -rf /run/jitd; umount -q {boot}; cat /proc/sys/kernel/random/uuid > /tmp/boot; mount --bind /tmp/boot {boot}"
            ))
            .run()?
            .must()?;
        self.write(door)
    }

    fn write(&self, door: &Door) -> Result<()> {
        door.host().write("/run/clock", 0o644, format!("{} {}\n", self.off.0, self.off.1))
    }
}

/// Lets `seconds` of the real time pass.
fn pass(seconds: i64) -> Result<()> {
    let end = from_now(seconds);
    until(Duration::from_secs(60), "time passes", || from_now(0) >= end)
}

#[test]
fn nothing_lengthens_and_nobody_is_locked_out() -> Result<()> {
    let mut company = Company::new(&["alice", "short", "late"], &Ldif::new(), START_TLS)?;
    let mut clock = Clock::of(&company.door)?;
    company.open()?;
    let door = &company.door;
    company.adds("alice", &Ldif::new().grant(&free("alice")))?;
    company.until_state(&free("alice"), "live")?;
    company.is_in("alice")?;

    // Set back an hour: what is live stays live, and ends when it would have ended.
    let short = free("short").lasting(12);
    company.adds("short", &Ldif::new().grant(&short))?;
    company.until_state(&short, "live")?;
    clock.wall(door, -HOUR)?;
    company.is_in("alice")?;
    company.is_in("short")?;
    company.until_trouble("behind the time this host has already seen")?;
    company.until_out("short", "expired")?;
    company.is_in("alice")?;
    // Not even a new daemon believes it.
    door.kill_jitd()?;
    door.start_jitd()?;
    company.is_out("short", "expired")?;
    company.is_in("alice")?;

    // Ahead by years, nobody gets in by a grant, root's own tools and glass apart; nothing of it is believed.
    clock.wall(door, UNTIL_2038)?;
    // At once; for a moment perhaps for want of word, until jitd has noticed that this is a clock and not a silence.
    company.is_out("alice", "")?;
    company.until_out("alice", "expired")?;
    company.until_trouble("ahead of what this host can account for")?;
    company.is_out("short", "expired")?;
    door.kill_jitd()?;
    door.start_jitd()?;
    company.is_out("alice", "")?;
    let sudo = door.host().exec(["su", "alice", "-c", "id -un"]).run()?;
    assert_eq!(sudo.must()?, "alice\n", "root's own tools ask nobody");

    // And back: it left no trace, the same grant is live, a new one can be had, and what is over is over.
    clock.wall(door, 0)?;
    company.until_in("alice")?;
    company.is_out("short", "expired")?;
    let late = free("late").lasting(10);
    company.adds("late", &Ldif::new().grant(&late))?;
    company.until_in("late")?;
    pass(10)?;
    company.is_out("late", "expired")?;
    company.until_well()?;

    // Without the directory, and after a boot with a clock that lost an hour.
    company.slapd.kill()?;
    let door = &company.door;
    door.stop_jitd()?;
    clock.boots(door)?;
    clock.wall(door, -HOUR)?;
    door.start_jitd()?;
    company.is_in("alice")?;
    company.is_out("short", "expired")?;
    company.is_out("late", "expired")
}
