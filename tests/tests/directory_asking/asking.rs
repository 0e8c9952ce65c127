//! `jitctl request` and `extend`.

use std::time::Duration;

use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

use super::desk::{Desk, HOST, person};

#[test]
fn what_hosts_would_refuse_is_not_written() -> Result<()> {
    let desk = Desk::up()?;
    let refused = |login: &str, args: &[&str], status: i32, code: &str, said: &[&str]| {
        let mut all = vec!["request"];
        all.extend(args);
        desk.run(login, &all).must(status, said);
        all.insert(0, "--json");
        let json = desk.run(login, &all).must(status, &[]).json();
        assert_eq!(
            (json["answer"].as_str(), json["code"].as_str()),
            (Some("refused"), Some(code)),
            "{args:?} {json}"
        );
    };
    let ops = ["--role", "ops", "--host", HOST, "--for", "2h", "--reason", "x"];
    let with = |change: &[(&'static str, &'static str)]| {
        let mut args = ops.to_vec();
        for (flag, value) in change {
            match args.iter().position(|arg| arg == flag) {
                Some(at) => args[at + 1] = value,
                None => args.extend([*flag, *value]),
            }
        }
        args
    };
    refused(
        "alice",
        &[],
        2,
        "usage",
        &["--role ROLE (you can ask for: db, operator, ops, signed)", "--host HOST", "--for DURATION"],
    );
    refused("alice", &["--host", "web1.example.org"], 2, "usage", &["you can ask for: db, operator, signed"]);
    refused("alice", &ops[..6], 2, "usage", &["the role ops wants a reason: --reason"]);
    refused(
        "alice",
        &with(&[("--role", "opz")]),
        1,
        "role-missing",
        &["there is no role opz; you can ask for: db,"],
    );
    refused(
        "alice",
        &with(&[("--for", "9h")]),
        1,
        "too-long",
        &["it lasts 9h, longer than the 8h", "--for 8h at most", "nothing was written"],
    );
    refused("alice", &with(&[("--for", "2")]), 2, "usage", &["`2` is no duration"]);
    refused("alice", &with(&[("--at", "2020-01-01T00:00Z")]), 2, "usage", &["is over"]);
    refused(
        "alice",
        &with(&[("--host", "web1.example.org")]),
        1,
        "not-this-host",
        &["is not for web1.example.org, but for *.prod.example.com"],
    );
    refused("alice", &with(&[("--host", "web1_,a b")]), 2, "usage", &["names no host"]);
    refused("alice", &with(&[("--reason", "a\u{1b}[2J")]), 2, "usage", &["control characters"]);
    let db = with(&[("--role", "db"), ("--host", "db1.prod.example.com"), ("--ticket", "OPS-1")]);
    refused(
        "alice",
        &[&db[..], &["--service", "sudo"]].concat(),
        1,
        "wrong-service",
        &["is not for sudo, but for sshd"],
    );
    refused("alice", &db[..8], 1, "ticket-required", &["a ticket that matches OPS-[0-9]+, such as OPS-1234"]);
    refused("alice", &[&db[..9], &["CHG-1"]].concat(), 1, "ticket-required", &["`CHG-1` does not"]);
    refused(
        "mallory",
        &ops,
        1,
        "not-eligible",
        &["mallory is not eligible for the role ops: that takes being one of devs", "no role here"],
    );
    let mallorys = with(&[("--group", "devs")]);
    refused("mallory", &mallorys, 1, "not-a-member", &["mallory is not in devs"]);
    refused("alice", &with(&[("--group", "nobody")]), 1, "subject-missing", &["there is no group"]);
    assert_eq!(desk.count("jitGrant"), 0);
    Ok(())
}

#[test]
fn a_request_says_who_must_approve_and_what_to_hand_over() -> Result<()> {
    let desk = Desk::up()?;
    let asked = desk.run(
        "alice",
        &[
            "request",
            "--role",
            "ops",
            "--host",
            HOST,
            "--for",
            "2h",
            "--reason",
            "deploy \u{202e}é",
            "--ticket",
            "T-1",
        ],
    );
    // A direction override would act on the reader.
    asked.must(2, &["control characters"]);
    let asked = desk.run(
        "alice",
        &[
            "request",
            "--role",
            "ops",
            "--host",
            HOST,
            "--for",
            "2h",
            "--reason",
            "deploy é",
            "--at",
            "now+1h",
        ],
    );
    let asked = asked.must(
        0,
        &["asked: ops for alice on web1.prod.example.com", "needs 1 more approval from leads (bob, carol)"],
    );
    let id =
        asked.out.split("jitctl approve ").nth(1).and_then(|rest| rest.split('\n').next()).expect("an id");
    assert_eq!(id.len(), 8, "{asked:?}");
    assert_eq!(desk.values("jitGrant", "jitSubject"), [person("alice")]);
    assert_eq!(desk.values("jitGrant", "jitDuration"), ["7200"]);
    let cn = desk.values("jitGrant", "cn");
    assert!(
        cn[0].len() == 32 && cn[0].starts_with(id) && cn[0].bytes().all(|b| b.is_ascii_hexdigit()),
        "{cn:?}"
    );

    // bob is eligible and a lead: he cannot approve his own.
    let json = desk
        .run("bob", &["--json", "request", "--role", "ops", "--host", HOST, "--for", "2h", "--reason", "x"]);
    let json = json.must(0, &[]).json();
    assert_eq!(json["answer"], "asked");
    assert_eq!(json["approvers"], serde_json::json!(["carol"]));
    assert_eq!(
        (json["grant"]["state"].as_str(), json["grant"]["missing"].as_i64()),
        (Some("pending"), Some(1))
    );

    // What only hosts know is a note.
    let noted = desk.run(
        "alice",
        &["request", "--role", "db", "--host", "db2.prod.example.com", "--for", "1h", "--ticket", "OPS-1"],
    );
    noted.must(
        0,
        &["whether db2.prod.example.com is meant is known on the host only", "needs 2 more approvals"],
    );
    Ok(())
}

#[test]
fn what_needs_no_approval_is_live_at_once() -> Result<()> {
    let desk = Desk::up()?;
    let args = ["request", "--role", "operator", "--host", HOST, "--for", "2h", "--service", "sshd"];
    desk.run("alice", &args)
        .must(0, &["granted, for it needs no approval: operator for alice", "live until", "jitctl release"]);
    let json = desk.run("alice", &[&["--json"], &args[..]].concat()).must(0, &[]).json();
    assert_eq!(json["grant"]["state"], "live");
    assert_eq!(json["grant"]["services"], serde_json::json!(["sshd"]));
    Ok(())
}

#[test]
fn every_way_to_the_server_will_do() -> Result<()> {
    let desk = Desk::up()?;
    let ca = format!("ca = \"{}\"", desk.slapd.tls_file("ca.crt").display());
    let start_tls = format!("{ca}\nstart_tls = true");
    let args = ["request", "--role", "operator", "--host", HOST, "--for", "2h"];
    for (uri, more) in
        [(desk.slapd.tls(), ca.as_str()), (desk.slapd.named(), &start_tls), (desk.slapd.socket(), "")]
    {
        desk.configure_at(&uri, "alice", more, "")?;
        desk.run("alice", &args).must(0, &["live until"]);
    }
    // A server that cannot be reached is neither a no nor a usage error.
    desk.configure_at("ldap://127.0.0.1:1", "alice", "", "")?;
    desk.run("alice", &args).must(4, &["nothing listens there"]);
    desk.write("alice.secret", "wrong\n")?;
    desk.configure("bob", "", "")?;
    desk.write("bob.secret", "wrong\n")?;
    desk.run("bob", &args).must(1, &["49 invalidCredentials"]);
    assert_eq!(desk.count("jitGrant"), 3);
    Ok(())
}

#[test]
fn a_group_is_asked_for_by_somebody_in_it() -> Result<()> {
    let desk = Desk::up()?;
    let id = desk.ask("alice", "ops", &["--group", "devs"]);
    // bob is in devs too, but did not write it: hosts would count him, and the directory's rules do not let him.
    desk.run("bob", &["approve", &id, "-y"])
        .must(1, &["! this is for a group, 3 people now: alice, bob, dave", "nothing was written"]);
    desk.run("carol", &["approve", &id, "-y"]).must(0, &["approved: ops for devs", "live until"]);
    Ok(())
}

#[test]
fn nobody_floods_the_approvers() -> Result<()> {
    let desk = Desk::up()?;
    let grant = |n: usize| {
        format!(
            "dn: cn=flood{n},ou=grants,ou=jit,dc=example,dc=com\nchangetype: add\nobjectClass: jitGrant\ncn: flood{n}\njitSubject: {0}\n\
             jitRoleDN: cn=ops,ou=roles,ou=jit,dc=example,dc=com\njitHost: {HOST}\njitDuration: 60\njitReason: x\n\n",
            person("alice")
        )
    };
    let many: String = (0..20).map(grant).collect();
    desk.slapd.change_as(&person("alice"), "alice-secret", &many)?;
    let args = ["request", "--role", "ops", "--host", HOST, "--for", "2h", "--reason", "x"];
    desk.run("alice", &args).must(1, &["alice has 20 requests that wait", "jitctl release ID"]);
    assert_eq!(desk.count("jitGrant"), 20);
    desk.run("alice", &["release", "flood7"]).must(0, &["given back: ops for alice", "taken away by alice"]);
    desk.run("alice", &args).must(0, &["pending"]);
    Ok(())
}

#[test]
fn what_the_rules_forbid_is_said_plainly() -> Result<()> {
    let desk = Desk::up()?;
    desk.slapd.rules("{0}to attrs=userPassword by anonymous auth by * none\n{1}to * by users read")?;
    let args = ["request", "--role", "ops", "--host", HOST, "--for", "2h", "--reason", "x"];
    desk.run("alice", &args)
        .must(1, &["the directory's rules do not let alice ask for it", "nothing was written"]);
    let json = desk.run("alice", &[&["--json"], &args[..]].concat()).must(1, &[]).json();
    assert_eq!(json["code"], "forbidden");
    Ok(())
}

#[test]
fn who_waits_is_told_when_it_is_live_or_denied() -> Result<()> {
    let desk = Desk::up()?;
    let answer = |reply: &(dyn Fn(&str) + Sync)| {
        std::thread::scope(|scope| {
            let before = desk.count("jitGrant");
            let waiting = scope.spawn(|| {
                let ops =
                    ["request", "--role", "ops", "--host", HOST, "--for", "2h", "--reason", "x", "--wait"];
                desk.run("alice", &ops)
            });
            until(Duration::from_secs(60), "alice asks", || desk.count("jitGrant") > before)?;
            let id = desk.newest();
            reply(&id);
            Ok::<_, Trouble>((waiting.join().expect("a thread"), id))
        })
    };
    let (ran, id) = answer(&|id| drop(desk.run("bob", &["approve", id, "-y"]).must(0, &[])))?;
    ran.must(0, &["hand this to one of them: jitctl approve", &id[..8], "live until"]);
    let (ran, _) = answer(&|id| drop(desk.run("bob", &["deny", id, "--reason", "no"]).must(0, &[])))?;
    ran.must(1, &["bob"]);
    Ok(())
}

#[test]
fn at_a_terminal_what_is_missing_is_asked_for() -> Result<()> {
    let desk = Desk::up()?;
    let answers = [
        ("role (number or name):", "7"),
        ("role (number or name):", "db"),
        ("the role is for @db, db1.prod.example.com):", "a b!"),
        ("the role is for @db, db1.prod.example.com):", "db1.prod.example.com"),
        ("for how long (at most 2h):", "3h"),
        ("for how long (at most 2h):", "90m"),
        ("reason (Enter for none):", "index rebuild"),
        ("ticket (such as OPS-1234):", "nonsense"),
        ("ticket (such as OPS-1234):", "OPS-12"),
    ];
    let ran = desk.types("alice", &["request"], &answers, || ());
    ran.must(
        0,
        &[
            "1.  db        at most 2h  @db, db1.prod.example.com  approved by leads\n",
            "`7` is none of them",
            "the role allows 2h at most",
            "it must match OPS-[0-9]+",
            "asked: db for alice on db1.prod.example.com",
        ],
    );
    assert_eq!(desk.values("jitGrant", "jitTicket"), ["OPS-12"]);
    assert_eq!(desk.values("jitGrant", "jitReason"), ["index rebuild"]);
    assert_eq!(desk.values("jitGrant", "jitDuration"), ["5400"]);
    Ok(())
}

#[test]
fn an_extension_begins_where_the_old_one_ends() -> Result<()> {
    let desk = Desk::up()?;
    let id = desk.ask("alice", "ops", &[]);
    desk.run("alice", &["extend", &id, "--for", "1h"]).must(1, &["not approved yet", "nothing was written"]);
    let live = desk.run("bob", &["--json", "approve", &id, "-y"]).must(0, &[]).json();
    let end = live["grant"]["end"].as_i64().expect("an end");

    desk.run("alice", &["extend", &id, "--for", "9h"])
        .must(1, &["longer than the 8h", "Or ask anew: jitctl request --role ops"]);
    desk.run("dave", &["extend", &id, "--for", "1h"]).must(1, &["no grant"]);
    desk.run("bob", &["extend", &id, "--for", "1h"]).must(1, &["somebody else's grant"]);
    let longer = desk.run("alice", &["--json", "extend", &id[..6], "--for", "1h"]).must(0, &[]).json();
    assert_eq!(longer["grant"]["start"].as_i64(), Some(end));
    assert_eq!(longer["grant"]["reason"], "deploy");
    assert_eq!(longer["grant"]["ticket"], "OPS-7");
    assert_eq!(longer["grant"]["state"], "pending");
    desk.run("alice", &["extend", &id, "--for", "1h", "--reason", "still deploying"])
        .must(0, &["already; this is one more"]);
    let next = longer["id"].as_str().expect("an id");
    let granted = desk.run("carol", &["--json", "approve", next, "-y"]).must(0, &[]).json();
    assert_eq!(granted["grant"]["state"], "scheduled");
    assert_eq!(
        (granted["grant"]["start"].as_i64(), granted["grant"]["end"].as_i64()),
        (Some(end), Some(end + 3_600))
    );
    desk.run("alice", &["release", &id]).must(0, &[]);
    desk.run("alice", &["extend", &id, "--for", "1h"]).must(1, &["the grant was taken away"]);
    Ok(())
}
