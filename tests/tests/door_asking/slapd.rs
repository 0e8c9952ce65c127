//! On OpenLDAP, by passwords.

use jit_tests::company::laptop::PASSWORDS;
use jit_tests::company::{Company, START_TLS, Source};
use jit_tests::sessions::jobs::SHELL;
use jit_tests::trouble::Result;

use super::flow::{Place, QUICK};

const PEOPLE: [&str; 3] = ["alice", "bob", "mallory"];

#[test]
fn from_asking_to_revoking_on_openldap_by_password() -> Result<()> {
    let company = Company::up(&["alice"], Source { more: QUICK, ..START_TLS })?;
    let laptop = company.laptop(&PEOPLE, PASSWORDS)?;
    Place { door: &company.door, laptop: &laptop, role: "careful" }.goes_the_whole_way()
}

/// Refused while it waits: for good, whoever approves afterwards. And given back: the session of who gives it back ends.
#[test]
fn denied_while_it_waits_and_given_back_early() -> Result<()> {
    let company = Company::up(&["alice"], Source { more: QUICK, ..START_TLS })?;
    let laptop = company.laptop(&PEOPLE, PASSWORDS)?;
    let place = Place { door: &company.door, laptop: &laptop, role: "careful" };

    let id = place.asks("alice", "1h")?;
    let denied = laptop.does("bob", ["deny", &id, "--reason", "not on a Friday"])?;
    assert_eq!(denied["kind"], "revocation", "{denied}");
    place.until_out("alice", &["revoked by", "bob"])?;
    let late = laptop.jitctl("bob", ["approve", &id, "--yes"])?;
    assert_eq!(late.status, 1, "what was denied is approved: {late}");

    let id = place.asks("alice", "1h")?;
    place.approves(&id)?;
    place.until_in("alice")?;
    let job = SHELL.start(&company.door, "alice")?;
    let not_hers = laptop.jitctl("bob", ["release", &id])?;
    assert_eq!(not_hers.status, 1, "bob gives back what is not his: {not_hers}");
    job.goes_on(&company.door)?;
    laptop.does("alice", ["release", &id])?;
    job.is_over(&company.door)?;
    place.until_out("alice", &["revoked by", "alice"]).map(drop)
}

/// What hosts would not count, or the directory would not take, is not written; the sentence says what is wrong.
#[test]
fn what_would_not_count_is_not_written() -> Result<()> {
    let company = Company::up(&["alice"], START_TLS)?;
    let laptop = company.laptop(&PEOPLE, PASSWORDS)?;
    let place = Place { door: &company.door, laptop: &laptop, role: "careful" };
    let host = jit_tests::door::NAME;
    let id = place.asks("alice", "1h")?;
    let tries: [(&str, Vec<&str>, &str); 5] = [
        ("alice", vec!["approve", &id, "--yes"], "nobody approves his own"),
        ("mallory", vec!["approve", &id, "--yes"], ""),
        ("bob", vec!["approve", &id, "--for", "2h", "--yes"], "longer"),
        (
            "alice",
            vec!["request", "--role", "careful", "--host", host, "--for", "9h", "--reason", "r"],
            "longer",
        ),
        (
            "mallory",
            vec!["request", "--role", "careful", "--host", host, "--for", "1h", "--reason", "r"],
            "not eligible",
        ),
    ];
    let entries = |company: &Company| company.slapd.search("ou=grants,ou=jit,dc=example,dc=com", &["1.1"]);
    let before = entries(&company)?;
    for (who, arguments, why) in tries {
        let output = laptop.jitctl(who, arguments.iter().copied())?;
        let told = output.stderr.starts_with("jitctl: ") && output.stderr.contains(why);
        assert!(output.status == 1 && told, "{who} {arguments:?}: {output}");
    }
    assert_eq!(before, entries(&company)?);
    Ok(())
}
