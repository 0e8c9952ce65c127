use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use super::{Pidfds, Sent, Signal, Signals};
use crate::sessions::process::{self, ProcessId, Run};

/// A child that sleeps, and its identity.
fn sleeper() -> (Child, ProcessId) {
    let child = Command::new("sleep").arg("60").spawn().unwrap();
    let id = process::identify(i32::try_from(child.id()).unwrap()).unwrap();
    (child, id)
}

/// Waits until it runs or not, as asked.
fn wait_for(id: ProcessId, run: Run) {
    for _ in 0..2000 {
        if process::look(id.pid).is_some_and(|process| process.id == id && process.run == run) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("{id:?} is not {run:?} in two seconds");
}

#[test]
fn a_process_is_stopped_continued_and_ended() {
    let (mut child, id) = sleeper();
    assert_eq!(Pidfds.send(id, Signal::Stop), Sent::Done);
    wait_for(id, Run::Stopped);
    assert_eq!(Pidfds.send(id, Signal::Continue), Sent::Done);
    wait_for(id, Run::Running);
    assert_eq!(Pidfds.send(id, Signal::Terminate), Sent::Done);
    wait_for(id, Run::Dead);
    child.wait().unwrap();
    assert_eq!(Pidfds.send(id, Signal::Kill), Sent::Gone);
}

#[test]
fn a_number_that_is_another_process_now_is_left_alone() {
    let (mut child, id) = sleeper();
    let before = ProcessId { start: id.start - 1, ..id };
    let after = ProcessId { start: id.start + 1, ..id };
    assert_eq!(Pidfds.send(before, Signal::Kill), Sent::Gone);
    assert_eq!(Pidfds.send(after, Signal::Kill), Sent::Gone);
    assert!(child.try_wait().unwrap().is_none(), "it has ended");
    assert_eq!(Pidfds.send(id, Signal::Kill), Sent::Done);
    child.wait().unwrap();
}

#[test]
fn what_must_never_be_signalled_is_refused_before_the_kernel_is_asked() {
    let own = i32::try_from(std::process::id()).unwrap();
    for pid in [-1, 0, 1, own] {
        let start = process::identify(pid.max(1)).map_or(0, |id| id.start);
        assert_eq!(Pidfds.send(ProcessId { pid, start }, Signal::Continue), Sent::Refused, "{pid}");
    }
}

#[test]
fn without_the_capability_the_kernel_refuses() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not root: nobody else's process to try it on");
        return;
    }
    let mut child = Command::new("sleep").arg("60").uid(65534).spawn().unwrap();
    let id = process::identify(i32::try_from(child.id()).unwrap()).unwrap();
    // Capabilities are a thread's.
    let without = std::thread::spawn(move || {
        let none = CapabilitySet::empty();
        set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
            .unwrap();
        Pidfds.send(id, Signal::Kill)
    });
    assert_eq!(without.join().unwrap(), Sent::Refused);
    assert!(child.try_wait().unwrap().is_none(), "it has ended");
    assert_eq!(Pidfds.send(id, Signal::Kill), Sent::Done);
    child.wait().unwrap();
}
