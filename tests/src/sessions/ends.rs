//! A session ends with all that belongs to it, however it tries to stay, and with nothing that does not.

use super::jobs::{
    self, CALM, CHAIN, Job, NOHUP, ORPHAN, SHELL, STOPPED, STUBBORN, SUDO_COMMAND, SUDO_LEFT, SUDO_SHELL,
    SWARM, TMUX,
};
use super::{Kind, for_seconds, people};
use crate::door::Door;
use crate::host::console::Console;
use crate::ldif::{Grant, Ldif};
use crate::trouble::Result;

/// Everything at once, by the clock; the same jobs of another person go on, and so do the daemons.
///
/// # Errors
/// When something is not as it should be.
pub fn everything_ends_at_the_deadline(kind: Kind) -> Result<()> {
    let long = people().grant(&Grant::live("bobs", "bob"));
    let hour = long.clone().grant(&Grant::live("alices", "alice"));
    let door = kind.door(&hour)?;
    let bobs = jobs::start(&CALM, &door, "bob")?;
    let alices = jobs::start(&CALM, &door, "alice")?;
    let daemons = daemons(&door);
    // Now that all of it runs: the end is in four seconds.
    door.grants(&long.grant(&for_seconds("alices", "alice", 4)))?;
    assert!(alices.iter().all(|job| job.goes_on(&door).is_ok()), "something ended before its time");
    for job in &alices {
        job.is_over(&door)?;
    }
    assert_eq!(door.running("sshd: alice"), [], "sshd's own processes for her");
    for job in &bobs {
        job.goes_on(&door)?;
    }
    assert_eq!(self::daemons(&door), daemons);
    door.audited("the person's end", |event| {
        super::is(event, "ended", "alice") && event["processes"].is_u64()
    })?;
    assert!(door.ssh("bob", "true")?.ok());
    assert!(!door.ssh("alice", "true")?.ok());
    Ok(())
}

/// Numbers of the processes that must outlive everything.
fn daemons(door: &Door) -> Vec<i32> {
    let mut all = door.running("/usr/sbin/jitd");
    all.extend(door.running("sshd: /usr/sbin/sshd -D"));
    all.retain(|found| !found.line.contains("strace"));
    assert_eq!(all.len(), 2, "{all:?}");
    all.iter().map(|found| found.pid).collect()
}

/// Each alone, so that none is only found because another was: started, revoked, gone. She keeps another grant, so that nothing ends
/// only because it is hers.
///
/// # Errors
/// When something is not as it should be.
pub fn each_way_to_stay_ends(kind: Kind) -> Result<()> {
    let door = kind.door(&people())?;
    for job in CALM {
        ends(&door, job, &welcome())?;
    }
    Ok(())
}

/// A grant that keeps alice a guest of this host, and opens none of the services that the jobs use.
fn welcome() -> Ldif {
    people().grant(&Grant::live("elsewhere", "alice").with("jitService", "login"))
}

/// On a host that marks no logins at all a session is known by its tree, and what left the tree by whose it is, once his last grant is
/// over. Only what root left behind is not to be found there.
///
/// # Errors
/// When something is not as it should be.
pub fn without_marks_the_tree_is_known() -> Result<()> {
    let door = Kind::Plain.door(&people())?;
    door.host().sh("sed -i /pam_loginuid/d /etc/pam.d/*").run()?.must()?;
    let mark = "cat /proc/self/loginuid";
    door.grants(&people().grant(&Grant::live("before", "alice")))?;
    assert_eq!(
        door.ssh("alice", mark)?.must()?,
        door.host().sh(mark).run()?.must()?,
        "a login is marked still"
    );
    for job in CALM.into_iter().filter(|job| job.name != SUDO_LEFT.name) {
        ends(&door, job, &people())?;
    }
    Ok(())
}

/// Starts a job, revokes the grant, and sees that nothing is left; another person's shell and job go on.
fn ends(door: &Door, job: &Job, others: &Ldif) -> Result<()> {
    let alices = Grant::live(&format!("a-{}", job.name), "alice");
    let both = others.clone().grant(&Grant::live(&format!("b-{}", job.name), "bob")).grant(&alices);
    door.grants(&both)?;
    let (his, hers) = (SHELL.start(door, "bob")?, job.start(door, "alice")?);
    door.grants(&both.revocation(&alices))?;
    hers.is_over(door)?;
    his.goes_on(door)
}

/// A login on a console, with a background job, and the getty comes back.
///
/// # Errors
/// When something is not as it should be.
pub fn a_console_login_ends(kind: Kind) -> Result<()> {
    let alices = Grant::live("alices", "alice");
    let entries = people().grant(&alices);
    let door = kind.door(&entries)?;
    door.host().exec(["chpasswd"]).stdin("alice:hers\n").run()?.must()?;
    let mut console = Console::open(door.host(), "tty1")?;
    console.shows("login: ")?;
    console.types("alice")?;
    console.shows("Password: ")?;
    console.types("hers")?;
    console.shows("$ ")?;
    console.types("export JIT_MARK=console; setsid sleep 600.21 & sudo JIT_MARK=console sleep 600.22")?;
    door.marked_running("console", "600.21")?;
    door.marked_running("console", "600.22")?;
    assert_eq!(door.session_of("alice", "login")?["state"], "open");
    door.grants(&entries.revocation(&alices))?;
    door.gone("console")?;
    let ended = door.session_is("ended", "alice", "login")?;
    assert_eq!(ended["code"], "revoked", "{ended}");
    Ok(())
}

/// Killed after the grace, and named in the audit; what obeys is not among those named.
///
/// # Errors
/// When something is not as it should be.
pub fn what_obeys_no_signal_is_killed(kind: Kind) -> Result<()> {
    let alices = Grant::live("alices", "alice");
    let entries = people().grant(&alices);
    let door = kind.door(&entries)?;
    let (deaf, obedient) = (STUBBORN.start(&door, "alice")?, NOHUP.start(&door, "alice")?);
    door.grants(&entries.revocation(&alices))?;
    deaf.is_over(&door)?;
    obedient.is_over(&door)?;
    let killed = door.audited("what had to be killed", |event| {
        super::is(event, "ended", "alice") && event["killed"].as_array().is_some_and(|all| !all.is_empty())
    })?;
    let names: Vec<&str> =
        killed["killed"].as_array().into_iter().flatten().filter_map(|v| v.as_str()).collect();
    assert!(names.len() == 1 && names.iter().all(|name| name.contains("perl")), "{killed}");
    Ok(())
}

/// Chains and swarms of processes that live for microseconds.
///
/// # Errors
/// When something is not as it should be.
pub fn what_forks_without_pause_ends(kind: Kind) -> Result<()> {
    let door = kind.door(&people())?;
    ends(&door, &CHAIN, &welcome())?;
    ends(&door, &SWARM, &welcome())
}

/// A job that was stopped hears nothing but SIGKILL until it is continued.
///
/// # Errors
/// When something is not as it should be.
pub fn a_stopped_job_ends(kind: Kind) -> Result<()> {
    let door = kind.door(&people())?;
    ends(&door, &STOPPED, &welcome())
}

/// Whoever leaves before the end leaves nothing for after it, and is shown meanwhile.
///
/// # Errors
/// When something is not as it should be.
pub fn what_a_closed_session_left_ends(kind: Kind) -> Result<()> {
    let long = people().grant(&Grant::live("bobs", "bob"));
    let hour = long.clone().grant(&Grant::live("alices", "alice"));
    let door = kind.door(&hour)?;
    let nothing = door.client("alice").runs("true")?;
    assert_eq!(nothing.ends()?, 0);
    door.session_is("closed", "alice", "sshd")?;
    let left = jobs::start(&[&NOHUP, &ORPHAN, &TMUX], &door, "alice")?;
    crate::wait::until(crate::door::SOON, "they are shown as closed", || {
        let all = door.sessions().unwrap_or_default();
        all.iter().filter(|session| session["state"] == "closed" && session["user"] == "alice").count() == 3
    })?;
    let his = jobs::start(&[&NOHUP, &ORPHAN, &TMUX], &door, "bob")?;
    door.grants(&long.grant(&for_seconds("alices", "alice", 3)))?;
    for job in &left {
        job.is_over(&door)?;
    }
    for job in &his {
        job.goes_on(&door)?;
    }
    crate::wait::until(crate::door::SOON, "nothing of hers is shown any more", || {
        door.sessions().is_ok_and(|all| all.iter().all(|session| session["user"] != "alice"))
    })
}

/// sudo executes the command in its own place when it has no session to close and no terminal to keep: then it is the ssh session's.
///
/// # Errors
/// When something is not as it should be.
pub fn sudo_without_a_session_ends(kind: Kind) -> Result<()> {
    let door = kind.door(&people())?;
    door.host().write("/etc/sudoers.d/direct", 0o440, "Defaults !pam_session, !pam_setcred, !use_pty\n")?;
    ends(&door, &SUDO_COMMAND, &welcome())?;
    ends(&door, &SUDO_SHELL, &welcome())
}
