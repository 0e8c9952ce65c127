//! What somebody who may write a request writes into it, and what is broken around whoever takes something away: it stays easy.

use jit_tests::trouble::Result;

use super::desk::{BASE, Desk, GRANTS, Ran, person};

/// An entry of alice's that stands among the grants, by an administrator.
fn grant(rdn: &str, cn: &str, more: &str) -> String {
    format!(
        "dn: cn={rdn},{GRANTS}\nobjectClass: jitGrant\ncn: {cn}\njitSubject: {}\njitRoleDN: cn=ops,ou=roles,ou=jit,{BASE}\n\
         jitHost: web1.prod.example.com\njitDuration: 7200\njitReason: x\n{more}",
        person("alice")
    )
}

#[test]
fn what_is_no_grant_that_counts_is_taken_away_all_the_same() -> Result<()> {
    let desk = Desk::up()?;
    desk.slapd.add(&grant("broken-1", "broken-1", "jitNotAfter: 20300101000000Z\n"))?;
    desk.run("bob", &["approve", "broken-1", "-y"]).must(1, &["no grant"]);
    let done = desk.run("carol", &["--json", "revoke", "broken"]).must(0, &[]).json();
    assert_eq!((done["kind"].as_str(), done["id"].as_str()), (Some("revocation"), Some("broken-1")));
    // Which hosts it is for cannot be told, so all of them hear of it.
    assert_eq!(desk.values("jitRevocation", "jitHost"), ["*"]);
    desk.run("alice", &["release", "broken-1"]).must(0, &["taken away before"]);
    assert_eq!(desk.count("jitRevocation"), 1);
    Ok(())
}

#[test]
fn nothing_that_only_judges_keeps_anybody_from_taking_away() -> Result<()> {
    let desk = Desk::up()?;
    let [one, two, three] =
        ["--service=sshd", "--service=sudo", "--service=su"].map(|more| desk.ask("alice", "ops", &[more]));
    for id in [&one, &two, &three] {
        desk.run("bob", &["approve", id, "-y"]).must(0, &[]);
    }
    desk.configure("carol", "", "[sign]\nallowed_signers = \"/nonexistent/signers\"")?;
    desk.run("carol", &["grants", "--live"]).must(2, &["/nonexistent/signers"]);
    desk.run("carol", &["revoke", &one]).must(0, &["revoked: ops for alice", "/nonexistent/signers"]);
    desk.configure("carol", "", "")?;

    desk.slapd.delete(&format!("cn=ops,ou=roles,ou=jit,{BASE}"))?;
    desk.slapd.rules("{0}to attrs=userPassword by anonymous auth by * none\n{1}to * by users write")?;
    desk.run("carol", &["revoke", &two]).must(0, &["revoked"]);

    desk.slapd.rules(&format!(
        "{{0}}to attrs=userPassword by anonymous auth by * none\n{{1}}to dn.subtree=\"ou=people,{BASE}\" by * none\n\
         {{2}}to * by users write"
    ))?;
    desk.run("carol", &["grants", "--all", "--directory"]).must(1, &["people and groups"]);
    desk.run("carol", &["revoke", &three]).must(0, &["revoked", "people and groups cannot be read"]);
    assert_eq!(desk.count("jitRevocation"), 3);
    Ok(())
}

/// An id is chosen by whoever writes the grant, and stands in lines that people copy into a shell.
#[test]
fn an_id_is_no_command() -> Result<()> {
    let desk = Desk::up()?;
    for (rdn, cn, shown) in [
        ("aaaa\\3b touch PWNED", "aaaa; touch PWNED", "revoke --reason '...' 'aaaa; touch PWNED'"),
        ("--config=bbbb", "--config=bbbb", "revoke --reason '...' -- --config=bbbb"),
    ] {
        let by = person("alice");
        desk.slapd.rules("{0}to attrs=userPassword by anonymous auth by * none\n{1}to * by users write")?;
        desk.slapd.change_as(
            &by,
            "alice-secret",
            &grant(rdn, cn, "").replacen('\n', "\nchangetype: add\n", 1),
        )?;
        desk.run("bob", &["approve", "-y", "--", cn]).must(0, &[shown, &by]);
        desk.run("bob", &["deny", "--reason", "x", "--", cn])
            .must(3, &["approved already", &shown.replace("revoke --reason '...'", "revoke")]);
    }
    Ok(())
}

/// mallory guesses the beginning that people type for alice's grant.
#[test]
fn a_decoy_is_not_taken_for_what_is_meant() -> Result<()> {
    let desk = Desk::up()?;
    let id = desk.ask("alice", "ops", &[]);
    let short = &id[..8];
    desk.slapd.add(&grant(short, short, ""))?;
    desk.run("bob", &["approve", short, "-y"]).must(1, &["fits 2 grants", "type the DN"]);
    desk.run("bob", &["revoke", short]).must(1, &["fits 2 grants", "type the DN"]);
    assert_eq!((desk.count("jitApproval"), desk.count("jitRevocation")), (0, 0));
    desk.run("bob", &["approve", &id, "-y"]).must(0, &["live until"]);
    desk.run("bob", &["revoke", &format!("cn={short},{GRANTS}")]).must(0, &["revoked"]);
    desk.run("bob", &["revoke", &id]).must(0, &["revoked"]);
    Ok(())
}

#[test]
fn ctrl_c_gives_the_terminal_back() -> Result<()> {
    let desk = Desk::up()?;
    let asked = format!(
        "[directory]\nuris = [\"{}\"]\nbase = \"{BASE}\"\nbind = {{ method = \"simple\", dn = \"{}\" }}\n",
        desk.slapd.plain(),
        person("alice")
    );
    desk.write("alice.toml", &asked)?;
    let question = format!("Password of {} at {}:", person("alice"), desk.slapd.plain());
    let ended = desk.interrupts("alice", &["grants", "--mine"], &question);
    let ended = ended.must(2, &["ended 130"]);
    let usual = |ran: &Ran| {
        for on in ["echo", "icanon", "isig"] {
            assert!(ran.err.split([' ', ';', '\n']).any(|mode| mode == on), "{on}: {ran:?}");
        }
    };
    usual(&ended);

    let id = desk.ask("dave", "signed", &[]);
    let key = desk.key("bob.key", "open sesame")?.display().to_string();
    let ended = desk.interrupts("bob", &["approve", &id, "-y", "--key", &key], "Enter passphrase:");
    // Neither the temporary directory nor an approval is left.
    let ended = ended.must(2, &["ended 130", "cannot access"]);
    usual(&ended);
    assert_eq!(desk.count("jitApproval"), 0);
    Ok(())
}
