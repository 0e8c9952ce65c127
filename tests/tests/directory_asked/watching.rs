//! `watch`: by push, through trouble, on a terminal.

use jit_directory::ldap::{Bind, Secret, StartTls};
use jit_model::host::HostNames;
use jit_tests::follow::{Following, access, config, dn};
use jit_tests::trouble::Result;

use super::desk::{Desk, GRANTS, person};

#[test]
fn what_happens_is_told_without_asking_again() -> Result<()> {
    let desk = Desk::up()?;
    desk.asks("alice", "before", "ops", "")?;
    let mut watch = desk.start("bob", &["--json", "watch"]);
    watch.tells("waiting", Some("before"))?;
    // The subscription stands once something comes by it.
    desk.asks("alice", "first", "ops", "")?;
    watch.tells("new", Some("first"))?;
    let asked = desk.searches();
    assert_ne!(asked, 0);
    desk.slapd.change(&format!(
        "dn: cn=first,{GRANTS}\nchangetype: modify\nreplace: jitTicket\njitTicket: OPS-1\n"
    ))?;
    watch.tells("changed", Some("first"))?;
    desk.asks("alice", "second", "ops", "")?;
    let told = watch.tells("new", Some("second"))?;
    assert_eq!(told["grant"]["waits_for_me"], true, "{told}");
    desk.takes("carol", "second", "not today")?;
    watch.tells("revoked", Some("second"))?;
    assert_eq!(desk.searches(), asked, "nobody asked for grants again");
    watch.interrupt();
    assert_eq!(watch.ends()?, 0);
    Ok(())
}

#[test]
fn who_asked_is_told_of_approvals_and_of_what_is_taken_away() -> Result<()> {
    let desk = Desk::up()?;
    desk.asks("alice", "before", "ops", "")?;
    let watch = desk.start("alice", &["--json", "watch"]);
    watch.tells("waiting", Some("before"))?;
    desk.asks("alice", "mine", "ops", "")?;
    watch.tells("new", Some("mine"))?;
    // Approving reads over the same wire, so it comes before the count.
    desk.approves("bob", "before")?;
    watch.tells("live", Some("before"))?;
    let asked = desk.searches();
    assert_ne!(asked, 0);
    desk.takes("bob", "before", "enough")?;
    let told = watch.tells("revoked", Some("before"))?;
    assert!(told["text"].as_str().unwrap().contains("enough"), "{told}");
    assert_eq!(desk.searches(), asked);
    Ok(())
}

#[test]
fn a_directory_that_goes_away_is_said_and_found_again() -> Result<()> {
    let mut desk = Desk::up()?;
    desk.asks("alice", "before", "ops", "")?;
    let watch = desk.start("bob", &["watch"]);
    watch.prints("waiting before")?;
    desk.asks("alice", "first", "ops", "")?;
    watch.prints("new first")?;
    desk.slapd.kill()?;
    watch.prints("trouble")?;
    desk.slapd.start()?;
    watch.prints("back")?;
    desk.asks("alice", "second", "ops", "")?;
    watch.prints("new second")
}

#[test]
fn on_a_terminal_it_is_a_table_that_rings_once_and_goes_away() -> Result<()> {
    let desk = Desk::up()?;
    desk.asks("alice", "before", "ops", "")?;
    let mut watch = desk.start_on_a_terminal("bob", &["watch"]);
    watch.prints("1 wait for approval, 1 for yours")?;
    watch.prints("by push")?;
    assert!(!watch.all().contains('\x07'), "what was there rings no bell");
    desk.asks("alice", "second", "ops", "")?;
    watch.prints("2 wait for approval, 2 for yours")?;
    desk.takes("carol", "before", "no")?;
    // The title is drawn anew each second, with other times.
    watch.prints("\x1b[H\x1b[1m1 wait for approval, 1 for yours")?;
    assert_eq!(watch.all().matches('\x07').count(), 1, "{}", watch.all());
    assert!(watch.all().starts_with("\x1b[?1049h"), "{}", watch.all());
    watch.interrupt();
    watch.prints("\x1b[?1049l")?;
    assert_eq!(watch.ends()?, 0);
    Ok(())
}

/// What OpenLDAP tells a person of a deletion, under the shipped rules: nothing. Reading anew finds it.
#[test]
fn what_is_deleted_goes_when_all_is_read_anew() -> Result<()> {
    let desk = Desk::up()?;
    desk.runtime.block_on(deletions(&desk))
}

async fn deletions(desk: &Desk) -> Result<()> {
    desk.asks("alice", "gone", "ops", "")?;
    let mut config = config(&desk.slapd, &[desk.slapd.plain()], StartTls::No)?;
    config.host = HostNames::everywhere();
    config.bind =
        Bind::Password { dn: dn(&person("alice")), password: Secret::new("alice-secret".to_owned()) };
    let gone = format!("cn=gone,{GRANTS}");
    let mut told = Following::begin(config.clone());
    told.until("the grant is there", |e| access(e, &gone).is_some()).await?;
    desk.slapd.delete(&gone)?;
    desk.asks("alice", "later", "ops", "")?;
    let later = format!("cn=later,{GRANTS}");
    let entries = told.until("the later one is there", |e| access(e, &later).is_some()).await?;
    assert!(
        access(&entries, &gone).is_some(),
        "a deletion is told after all: then reading anew is needed no more"
    );

    config.patience.refresh = std::time::Duration::from_millis(500);
    let mut anew = Following::begin(config);
    anew.until("both are read", |e| access(e, &later).is_some()).await?;
    desk.slapd.delete(&later)?;
    anew.until("it is gone", |e| access(e, &later).is_none()).await.map(drop)
}
