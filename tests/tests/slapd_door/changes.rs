//! What one change does to a grant that is there: a service that was not granted, a member who goes and comes back. Seen by
//! ssh, sudo, `jitctl` and the audit.

use std::time::Duration;

use jit_tests::ldif::{Grant, Ldif, from_now, group, person};
use jit_tests::trouble::Result;
use jit_tests::wait::until;
use serde_json::Value;

use jit_tests::company::{Company, LDAPS, START_TLS, careful, free};

/// Over ldaps: a grant for one service opens that one alone, and `jitctl why` knows the road.
#[test]
fn services_are_apart_and_explained() -> Result<()> {
    let company = Company::up(&["walker", "worker"], LDAPS)?;
    let walk = careful("walker").with("jitService", "sshd");
    let work = careful("worker").with("jitService", "sudo");
    for (who, service, grant) in [("walker", "sshd", &walk), ("worker", "sudo", &work)] {
        company.adds(who, &Ldif::new().grant(grant))?;
        company.until_state(grant, "pending")?;
        assert_eq!(company.grant(grant)["digest"], grant.digest(), "what an approver has to write");
        let why = company.door.jitctl(["why", who, "--service", service, "--json"]).run()?;
        assert_eq!(why.status, 1, "{why}");
        let told: Value = serde_json::from_str(&why.stdout).unwrap_or_default();
        assert_eq!(told["code"], "pending", "{why}");
        company.adds("carol", &Ldif::new().approval(grant, "carol"))?;
        company.until_state(grant, "live")?;
    }
    let out = company.door.ssh("walker", "echo inside; sudo id -u")?;
    assert!(out.stdout == "inside\n" && out.stderr.contains("not for sudo"), "{out}");
    company.is_out("worker", "not for sshd")?;
    let sudo = company.door.host().exec_as("worker", ["sudo", "id", "-u"]).run()?;
    assert_eq!((sudo.status, sudo.stdout.as_str(), sudo.stderr.as_str()), (0, "0\n", ""));
    let why = company.door.jitctl(["why", "worker", "--service", "sudo", "--json"]).run()?;
    let told: Value = serde_json::from_str(&why.stdout).unwrap_or_default();
    assert!(why.ok() && told["grants"][0]["approved"][0]["dn"] == person("carol"), "{why}");
    let refused =
        company.door.decided("walker's sudo", |e| e["service"] == "sudo" && e["name"] == "walker")?;
    assert_eq!(
        (refused["verdict"].as_str(), refused["code"].as_str(), refused["nearest"].as_str()),
        (Some("deny"), Some("wrong-service"), Some(walk.id())),
        "{refused}"
    );
    let used = company.door.decided("worker's sudo", |e| e["service"] == "sudo" && e["name"] == "worker")?;
    assert_eq!(used["grants"][0]["approvers"][0]["dn"], person("carol"), "{used}");
    Ok(())
}

/// The next second of the clock, so that two changes bear different times.
fn next_second() -> Result<()> {
    let now = from_now(0);
    until(Duration::from_secs(5), "a second passes", || from_now(0) != now)
}

/// A member who goes is heard at once, and takes nobody's time with him or gives it.
#[test]
fn membership_is_judged_as_it_is_now() -> Result<()> {
    let people = ["spare", "pair", "guest"];
    let company =
        Company::new(&people, &Ldif::new().group("guests", &[&person("dave"), &person("guest")]), START_TLS)?;
    company.open()?;
    let spare = free("spare").under("senior");
    let pair = free("pair").under("both");
    let guests = Grant::of("grant-of-guests", &group("guests")).under("careful").lasting(3600);
    company.adds("spare", &Ldif::new().grant(&spare))?;
    company.adds("pair", &Ldif::new().grant(&pair))?;
    company.adds("guest", &Ldif::new().grant(&guests))?;
    company.adds("dave", &Ldif::new().approval(&spare, "dave").approval(&pair, "dave"))?;
    next_second()?;
    company
        .adds("bob", &Ldif::new().approval(&spare, "bob").approval(&pair, "bob").approval(&guests, "bob"))?;
    for (who, grant) in [("spare", &spare), ("pair", &pair), ("guest", &guests)] {
        company.until_state(grant, "live")?;
        company.is_in(who)?;
    }
    let window = |grant: &Grant| {
        let seen = company.grant(grant);
        (seen["start"].as_i64(), seen["end"].as_i64())
    };
    let (spare_window, pair_window) = (window(&spare), window(&pair));
    assert!(spare_window.0 < pair_window.0, "the first approval starts the one, the second the other");

    let member = |group_name: &str, word: &str, who: &str| {
        company.alters(&group(group_name), &format!("{word}: member\nmember: {}", person(who)))
    };
    member("seniors", "delete", "dave")?;
    company.until_out("pair", "1 more approval from seniors")?;
    company.is_in("spare")?;
    assert_eq!(window(&spare), spare_window, "the earlier approver left, and the clock goes on as it did");
    member("seniors", "add", "dave")?;
    company.until_in("pair")?;
    assert_eq!(window(&pair), pair_window, "coming back starts nothing anew");

    member("guests", "delete", "guest")?;
    company.until_out("guest", "no grant")?;
    member("everybody", "delete", "spare")?;
    company.until_out("spare", "not eligible")?;
    Ok(())
}
