//! What the tests of sessions stand on: people at terminals, and finding what they leave behind.

use std::time::Duration;

use jit_tests::door::{CONFIG, Door, Mode};
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::trouble::Result;
use jit_tests::wait::until;

fn alice() -> Ldif {
    Ldif::new().person("alice").grant(&Grant::live("one", "alice"))
}

fn finds_what_a_person_started(door: &Door) -> Result<()> {
    let mut shell = door.terminal("alice", "one")?;
    door.marked_running("one", "bash")?;
    shell.types("setsid sh -c 'sleep 600.5 & sleep 600.25' </dev/null >/dev/null 2>&1 &")?;
    shell.types("sudo JIT_MARK=two sleep 600.75 &")?;
    door.marked_running("one", "600.25")?;
    door.marked_running("one", "600.5")?;
    door.marked_running("two", "600.75")?;
    assert_eq!(door.marked("three"), []);
    let command = door.client("alice").marked("three").runs("echo out; echo err >&2; exit 7")?;
    assert_eq!(command.ends()?, 7);
    until(Duration::from_secs(30), "all that it said is here", || {
        command.screen() == "out\n" && command.errors() == "err\n"
    })?;
    door.gone("three")
}

#[test]
fn on_a_plain_host() -> Result<()> {
    finds_what_a_person_started(&Door::up(&["alice"], Mode::Enforcing, CONFIG, &alice())?)
}

#[test]
fn on_a_booted_host() -> Result<()> {
    let door = Door::booted(&["alice"], Mode::Enforcing, CONFIG, &alice())?;
    finds_what_a_person_started(&door)?;
    // What a session belongs to is what these tests are about.
    let scope = door.ssh("alice", "cat /proc/self/cgroup /proc/self/loginuid")?.must()?;
    assert!(scope.contains("/session-") && scope.ends_with("5001"), "{scope}");
    Ok(())
}
