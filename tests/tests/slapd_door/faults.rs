//! Everything that breaks between a host and its directory, with ssh as the witness: live grants go on, what was revoked
//! meanwhile is closed as soon as the directory is heard again, and nothing that breaks opens a door or closes them all.

use jit_tests::ldif::{Grant, Ldif};
use jit_tests::trouble::Result;
use rustix::process::Signal;

use super::clock::Clock;
use jit_tests::company::{Cable, Company, LDAPS, START_TLS, Source, additions, altering, free};

/// A live grant for each of the people.
fn granted(company: &Company, people: &[&str]) -> Result<()> {
    for who in people {
        let grant = free(who);
        company.adds(who, &Ldif::new().grant(&grant))?;
        company.until_state(&grant, "live")?;
    }
    Ok(())
}

fn revocation(grant: &Grant) -> String {
    additions(&Ldif::new().revocation(grant))
}

/// Settings of slapd itself, in cn=config.
fn certificate(company: &Company, name: &str) -> String {
    let file = |kind: &str| company.slapd.tls_file(&format!("{name}.{kind}")).display().to_string();
    altering(
        "cn=config",
        &format!(
            "replace: olcTLSCertificateFile\nolcTLSCertificateFile: {}\n-\nreplace: olcTLSCertificateKeyFile\n\
             olcTLSCertificateKeyFile: {}",
            file("crt"),
            file("key")
        ),
    )
}

/// The server dies and comes back: as it was, with a stranger's certificate, with a certificate of another name, with another
/// password for the host. Each time somebody was revoked meanwhile, unseen and in no session log.
#[test]
fn a_server_that_comes_back_is_believed_when_it_is_the_right_one() -> Result<()> {
    let people = ["stays", "first", "second", "third", "fourth"];
    let mut company = Company::up(&people, START_TLS)?;
    granted(&company, &people)?;

    company.slapd.kill()?;
    company.until_trouble("source ldap")?;
    company.is_in("stays")?;
    company.is_in("first")?;
    company.slapd.unseen(&revocation(&free("first")))?;
    company.slapd.start()?;
    company.until_out("first", "revoked")?;
    company.is_in("stays")?;
    company.until_well()?;

    for (wrong, complaint, who) in
        [("impostor", "does not lead to any in ca", "second"), ("host", "another name", "third")]
    {
        company.slapd.kill()?;
        let change = certificate(&company, wrong);
        company.slapd.unseen(&format!("{change}{}", revocation(&free(who))))?;
        company.slapd.start()?;
        company.until_trouble(complaint)?;
        company.is_in("stays")?;
        company.is_in(who)?;
        company.slapd.kill()?;
        let change = certificate(&company, "server");
        company.slapd.unseen(&change)?;
        company.slapd.start()?;
        company.until_out(who, "revoked")?;
        company.is_in("stays")?;
    }

    company.slapd.kill()?;
    let account = "cn=web1,ou=hosts,dc=example,dc=com";
    let password = |word: &str| altering(account, &format!("replace: userPassword\nuserPassword: {word}"));
    company.slapd.unseen(&format!("{}{}", password("changed"), revocation(&free("fourth"))))?;
    company.slapd.start()?;
    company.until_trouble("wrong name or password")?;
    company.is_in("stays")?;
    // In the middle of it, jitd dies too: what it knew is on disk.
    company.door.kill_jitd()?;
    company.door.start_jitd()?;
    company.is_in("stays")?;
    company.is_in("fourth")?;
    company.is_out("second", "revoked")?;
    company.door.host().write("/etc/jitd/ldap.secret", 0o600, "changed\n")?;
    company.door.host().sh("chown jitd /etc/jitd/ldap.secret").run()?.must()?;
    company.until_out("fourth", "revoked")?;
    company.is_in("stays")?;
    company.until_well()
}

/// A server that hangs says nothing, and is noticed by that.
#[test]
fn a_server_that_hangs() -> Result<()> {
    let company = Company::up(&["stays", "goes"], START_TLS)?;
    granted(&company, &["stays", "goes"])?;
    company.slapd.signal(Signal::STOP)?;
    company.is_in("stays")?;
    company.until_trouble("no answer within")?;
    company.is_in("stays")?;
    company.is_in("goes")?;
    company.slapd.signal(Signal::CONT)?;
    company.slapd.change(&revocation(&free("goes")))?;
    company.until_out("goes", "revoked")?;
    company.is_in("stays")?;
    company.until_well()
}

/// A cable that is pulled loses everything without a word.
#[test]
fn a_cable_that_is_pulled() -> Result<()> {
    let company = Company::up(&["stays", "goes", "deleted"], LDAPS)?;
    granted(&company, &["stays", "goes", "deleted"])?;
    company.cable(Cable::Pulled)?;
    company.slapd.change(&revocation(&free("goes")))?;
    company.slapd.delete(&free("deleted").dn())?;
    company.is_in("goes")?;
    company.until_trouble("source ldap")?;
    company.is_in("stays")?;
    company.cable(Cable::In)?;
    company.until_out("goes", "revoked")?;
    company.until_out("deleted", "no grant")?;
    company.is_in("stays")?;
    company.until_well()
}

/// A rule that hides everything answers "success, nothing": that is trouble and no deletion.
#[test]
fn a_rule_that_hides_everything() -> Result<()> {
    let mut company = Company::up(&["stays", "goes"], START_TLS)?;
    granted(&company, &["stays", "goes"])?;
    let hidden = "{0}to dn.subtree=\"ou=jit,dc=example,dc=com\" by * none\n\
                  {1}to attrs=userPassword by anonymous auth\n{2}to * by * read";
    // At the next heartbeat on the same connection.
    company.slapd.rules(hidden)?;
    company.until_trouble("is not to be seen")?;
    company.is_in("stays")?;
    // At a new connection of a daemon that has only its disk.
    company.slapd.kill()?;
    company.door.kill_jitd()?;
    company.slapd.unseen(&revocation(&free("goes")))?;
    company.slapd.start()?;
    company.door.start_jitd()?;
    company.until_trouble("is not to be seen")?;
    company.is_in("stays")?;
    company.is_in("goes")?;
    company.slapd.shipped_rules()?;
    company.until_out("goes", "revoked")?;
    company.is_in("stays")?;
    company.until_well()
}

/// The first of two addresses is dead from the start, and the host does without.
#[test]
fn the_second_address_is_as_good() -> Result<()> {
    let uris = &["ldap://ldap.example.com:3890", "ldap://ldap.example.com"];
    let mut company = Company::up(&["alice"], Source { uris, ..START_TLS })?;
    granted(&company, &["alice"])?;
    company.is_in("alice")?;
    company.until_well()?;
    company.slapd.kill()?;
    company.until_trouble("source ldap")?;
    company.slapd.start()?;
    company.slapd.change(&revocation(&free("alice")))?;
    company.until_out("alice", "revoked")
}

/// A host that boots without its directory knows what it knew: who may, and who may no longer.
#[test]
fn a_host_that_boots_alone() -> Result<()> {
    let people = ["stays", "revoked", "deleted", "stranger"];
    let mut company = Company::up(&people, LDAPS)?;
    granted(&company, &["stays", "revoked", "deleted"])?;
    company.adds("revoked", &Ldif::new().revocation(&free("revoked")))?;
    company.until_out("revoked", "revoked")?;
    company.slapd.delete(&free("deleted").dn())?;
    company.until_out("deleted", "no grant")?;
    // The entry goes too: only the host remembers it now.
    company.slapd.delete(&format!("cn=revoked,{}", free("revoked").dn()))?;

    company.slapd.kill()?;
    let mut clock = Clock::of(&company.door)?;
    for _ in 0..2 {
        company.door.stop_jitd()?;
        clock.boots(&company.door)?;
        company.is_out("stays", "")?;
        company.door.start_jitd()?;
        company.is_in("stays")?;
        company.is_out("revoked", "revoked")?;
        company.is_out("deleted", "no grant")?;
        company.is_out("stranger", "no grant")?;
    }
    company.slapd.start()?;
    company.until_well()?;
    company.is_in("stays")?;
    company.is_out("revoked", "revoked")?;

    // A host that has never heard anything lets nobody in, and says so.
    company.slapd.kill()?;
    company.door.stop_jitd()?;
    company.door.host().sh("rm -rf /var/lib/jitd/*").run()?.must()?;
    company.door.start_jitd()?;
    company.is_out("stays", "no word from the directory yet")?;
    company.slapd.start()?;
    company.until_in("stays")
}

/// Without word for too long, the directory's grants no longer count; those of root's own file do.
#[test]
fn without_word_for_too_long() -> Result<()> {
    let more = "poll = \"1s\"\nmax_offline = \"10s\"\n[source.emergency]\npath = \"/etc/jitd/grants.ldif\"\n\
                base = \"dc=example,dc=com\"\n[default_role]\nmax_duration = \"8h\"";
    let mut company = Company::up(&["alice", "bob"], Source { more, ..START_TLS })?;
    granted(&company, &["alice"])?;
    company.is_in("alice")?;
    company.is_out("bob", "no grant")?;
    company.slapd.kill()?;
    company.is_in("alice")?;
    company.until_out("alice", "no word from the directory for")?;
    let denied =
        company.door.audited("the stale grant", |e| e["name"] == "alice" && e["verdict"] == "deny")?;
    assert_eq!(denied["code"], "stale", "{denied}");
    let added = ["grant", "add", "bob", "--for", "1h", "--reason", "the directory is down"];
    company.door.jitctl(added).run()?.must()?;
    company.until_in("bob")?;
    // What is published of a source's last word may be a second old. Bob's grant published it anew, so that the limit can
    // have moved by that second.
    company.until_out("alice", "no word from the directory for")?;
    company.slapd.start()?;
    company.until_in("alice")?;
    company.is_in("bob")
}
