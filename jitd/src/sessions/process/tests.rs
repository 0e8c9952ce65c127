use std::fs;
use std::process::{Child, Command, Stdio};

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpgrp, getpid, getppid, getsid, getuid};

use super::*;

/// A child that is ended and reaped with the test.
struct Owned(Child);

impl Owned {
    fn run(command: &mut Command) -> Owned {
        Owned(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    fn sleeping() -> Owned {
        Owned::run(Command::new("sleep").arg("600"))
    }

    fn pid(&self) -> i32 {
        self.0.id().try_into().unwrap()
    }

    fn look(&self) -> Process {
        look(self.pid()).unwrap()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn me() -> i32 {
    getpid().as_raw()
}

#[test]
fn this_process() {
    let me = look(me()).unwrap();
    assert_eq!(identify(me.id.pid), Some(me.id));
    assert_eq!(me.run, Run::Running);
    assert_eq!(me.parent, getppid().as_raw());
    assert_eq!(me.group, getpgrp().as_raw());
    assert_eq!(me.session, getsid(None).unwrap().as_raw());
    assert_eq!(me.uids.all(), [getuid().as_raw(); 4]);
    assert!(!me.kernel && !me.nested);
    let own = |file: &str| fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    let marked = own("sessionid").parse().ok().filter(|session| *session != u32::MAX);
    assert_eq!(me.audit.map(|audit| audit.session), marked);
    assert!(own("cgroup").contains(&me.cgroup) && me.cgroup.starts_with('/'));
}

#[test]
fn a_child_is_in_the_table_and_then_gone() {
    let child = Owned::sleeping();
    let seen = child.look();
    assert_eq!(seen.parent, me());
    let table = Table::read().unwrap();
    assert_eq!(table.alive(seen.id).map(|p| p.parent), Some(me()));
    assert!(table.children(me()).any(|p| p.id == seen.id));
    assert!(table.in_session(seen.session).any(|p| p.id == seen.id));
    assert!(table.get(me()).is_some() && table.get(1).is_some());
    drop(child);
    assert_eq!(look(seen.id.pid), None);
    assert_eq!(Table::read().unwrap().alive(seen.id), None);
}

#[test]
fn a_zombie_is_dead() {
    let mut child = Owned::sleeping();
    let id = child.look().id;
    child.0.kill().unwrap();
    waitid(Id::Pid(Pid::from_raw(id.pid)), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    let zombie = child.look();
    assert_eq!((zombie.id, zombie.run), (id, Run::Dead));
    assert_eq!(identify(id.pid), Some(id));
    assert_eq!(Table::read().unwrap().alive(id), None);
    child.0.wait().unwrap();
    assert_eq!(identify(id.pid), None);
}

#[test]
fn a_stopped_child_is_stopped() {
    let child = Owned::sleeping();
    let pid = Pid::from_raw(child.pid());
    kill(pid, Signal::SIGSTOP).unwrap();
    waitid(Id::Pid(pid), WaitPidFlag::WSTOPPED | WaitPidFlag::WNOWAIT).unwrap();
    assert_eq!(child.look().run, Run::Stopped);
}

#[test]
fn a_traced_child_is_stopped_and_still_ours() {
    let child = Owned::sleeping();
    let pid = Pid::from_raw(child.pid());
    ptrace::attach(pid).unwrap();
    assert!(matches!(waitpid(pid, None), Ok(WaitStatus::Stopped(..))));
    let traced = child.look();
    assert_eq!((traced.run, traced.parent), (Run::Stopped, me()));
    ptrace::detach(pid, None).unwrap();
}

/// comm is the name of the file, as far as it fits.
#[test]
fn a_name_that_looks_like_the_rest_of_the_line() {
    let home = tempfile::tempdir().unwrap();
    let name = ") R 1 1\n9 (s";
    let shell = home.path().join(name);
    fs::copy("/bin/sh", &shell).unwrap();
    let child = Owned::run(Command::new(&shell).args(["-c", "read line; exit"]));
    let seen = child.look();
    assert_eq!(seen.name, ") R 1 1?9 (s");
    assert_eq!((seen.parent, seen.session), (me(), getsid(None).unwrap().as_raw()));
}

#[test]
fn no_process_has_these_numbers() {
    for pid in [0, -1, i32::MIN, i32::MAX] {
        assert_eq!((look(pid), identify(pid)), (None, None));
    }
}

#[test]
fn a_thread_is_no_process() {
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        tell.send(nix::unistd::gettid().as_raw()).unwrap();
        let _ = ended.recv();
    });
    let tid = told.recv().unwrap();
    assert!(fs::read(format!("/proc/{tid}/stat")).is_ok());
    assert_eq!(look(tid), None);
    assert!(Table::read().unwrap().get(tid).is_none());
    drop(end);
    thread.join().unwrap();
}

#[test]
fn process_1_can_be_seen_where_nothing_hides_it() {
    assert_eq!(sees_others(), fs::read("/proc/1/stat").is_ok());
}

#[test]
fn the_cgroup_of_a_login() {
    let scope = "/user.slice/user-1000.slice/session-4.scope";
    assert_eq!(session_scope(scope), Some(scope));
    assert_eq!(session_scope(&format!("{scope}/below/session-5.scope")), Some(scope));
    for other in ["", "/", "/user.slice", "/x/session-4.scopes", "/x/session-.scop", "/xsession-4.scope"] {
        assert_eq!(session_scope(other), None, "{other}");
    }
}
