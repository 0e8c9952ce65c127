//! `request --wait`.

use jit_tests::trouble::Result;
use serde_json::Value;

use super::desk::{Desk, LIMIT, Running};

fn request(desk: &Desk, more: &[&str]) -> Running {
    let mut args =
        vec!["--json", "request", "--role", "ops", "--host", "web1.prod.example.com", "--for", "2h"];
    args.extend(["--reason", "deploy", "--wait"]);
    args.extend(more);
    desk.start("alice", &args)
}

/// The id of the request that waits.
fn asked(desk: &Desk) -> Result<String> {
    let mut id = None;
    jit_tests::wait::until(LIMIT, "a request is there", || {
        id = desk.run("bob", &["--json", "grants", "--pending"]).ids().pop();
        id.is_some()
    })?;
    Ok(id.unwrap())
}

fn state(waiting: &Running) -> String {
    let json: Value =
        serde_json::from_str(&waiting.out.now()).unwrap_or_else(|e| panic!("{e}: {}", waiting.all()));
    json["grants"][0]["state"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn until_it_is_approved() -> Result<()> {
    let desk = Desk::up()?;
    let mut waiting = request(&desk, &[]);
    let id = asked(&desk)?;
    waiting.prints("needs 1 more approval from leads")?;
    desk.approves("bob", &id)?;
    assert_eq!(waiting.ends()?, 0, "{}", waiting.all());
    waiting.prints("approved by bob")?;
    assert_eq!(state(&waiting), "live");
    Ok(())
}

#[test]
fn until_it_is_approved_for_later() -> Result<()> {
    let desk = Desk::up()?;
    let mut waiting = request(&desk, &["--at", "now+1h"]);
    let id = asked(&desk)?;
    desk.approves("carol", &id)?;
    assert_eq!(waiting.ends()?, 0, "{}", waiting.all());
    assert_eq!(state(&waiting), "scheduled");
    Ok(())
}

#[test]
fn until_it_is_denied() -> Result<()> {
    let desk = Desk::up()?;
    let mut waiting = desk.start(
        "alice",
        &[
            "request",
            "--role",
            "ops",
            "--host",
            "web1.prod.example.com",
            "--for",
            "2h",
            "--reason",
            "deploy",
            "--wait",
        ],
    );
    let id = asked(&desk)?;
    desk.takes("carol", &id, "not today")?;
    assert_eq!(waiting.ends()?, 1, "{}", waiting.all());
    waiting.prints("denied or taken away by carol")?;
    waiting.prints("not today")
}

#[test]
fn who_stops_waiting_takes_nothing_back() -> Result<()> {
    let desk = Desk::up()?;
    let mut waiting = request(&desk, &[]);
    let id = asked(&desk)?;
    waiting.prints("needs 1 more approval")?;
    waiting.interrupt();
    assert_eq!(waiting.ends()?, 1, "{}", waiting.all());
    assert_eq!(state(&waiting), "pending");
    assert_eq!(desk.run("bob", &["--json", "grants", "--pending"]).ids(), [id]);
    Ok(())
}
