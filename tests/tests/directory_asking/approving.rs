//! `jitctl approve`.

use jit_tests::trouble::Result;

use super::desk::{Desk, GRANTS, HOST, person};

#[test]
fn an_approver_sees_exactly_what_is_asked_and_says_yes() -> Result<()> {
    let desk = Desk::up()?;
    let before = desk.ask("alice", "ops", &[]);
    desk.run("alice", &["release", &before]).must(0, &[]);
    let id = desk.ask("alice", "ops", &["--host", "web2.prod.example.com"]);
    let shown = [
        "alice (Alice)  uid=alice,ou=people,dc=example,dc=com",
        "ops (at most 8h; approved by 1 of leads)",
        "web1.prod.example.com, web2.prod.example.com",
        "all that are guarded",
        "adm (where a host",
        "2h from the last approval that it needs",
        "deploy",
        "OPS-7",
        "by alice",
        "by nobody yet; it takes 1 more",
        "ops on web1.prod.example.com for 2h: revoked",
    ];
    // A script must say that it is meant.
    desk.run("bob", &["approve", &id]).must(2, &[&shown[..], &["nothing was written", "--yes"]].concat());
    for no in ["n", "", "yess"] {
        desk.types("bob", &["approve", &id], &[("approve? [y/N]", no)], || ())
            .must(1, &["nothing was written"]);
    }
    assert_eq!(desk.count("jitApproval"), 0);
    let yes = desk.types("bob", &["approve", &id[..5]], &[("approve? [y/N]", "y")], || ());
    yes.must(0, &[&shown[..], &["approved: ops for alice on web1", "live until", "left)"]].concat());
    assert_eq!(desk.values("jitApproval", "jitApprover"), [person("bob")]);
    assert_eq!(desk.values("jitApproval", "jitHost"), [HOST, "web2.prod.example.com"]);
    assert_eq!(desk.values("jitApproval", "jitDuration"), Vec::<String>::new());
    Ok(())
}

#[test]
fn what_hosts_would_not_count_is_not_written() -> Result<()> {
    let desk = Desk::up()?;
    let id = desk.ask("alice", "ops", &[]);
    let own = desk.ask("bob", "ops", &[]);
    desk.run("alice", &["approve", &id, "-y"]).must(1, &["it is your own grant", "These can: bob, carol"]);
    desk.run("bob", &["approve", &own, "-y"]).must(1, &["it is your own grant", "These can: carol"]);
    // Who may not approve does not even see it under the shipped rules; with open ones he is told.
    desk.run("mallory", &["approve", &id, "-y"]).must(1, &["no grant"]);
    desk.slapd.rules("{0}to attrs=userPassword by anonymous auth by * none\n{1}to * by users write")?;
    desk.run("mallory", &["approve", &id, "-y"]).must(1, &["in none of the role's approver groups (leads)"]);
    desk.slapd.shipped_rules()?;
    desk.run("bob", &["approve", &id, "-y", "--for", "3h"])
        .must(1, &["3h is longer than the 2h that was asked for"]);
    desk.run("bob", &["approve", "zzz", "-y"]).must(2, &["too short"]);
    desk.run("bob", &["approve", "zzzz", "-y"]).must(1, &["no grant"]);
    assert_eq!(desk.count("jitApproval"), 0);

    desk.run("bob", &["approve", &id, "-y", "--for", "1h"]).must(0, &["you allow", "only 1h", "live until"]);
    assert_eq!(desk.values("jitApproval", "jitDuration"), ["3600"]);
    desk.run("bob", &["approve", &id, "-y"]).must(1, &["you approved it already"]);
    assert_eq!(desk.count("jitApproval"), 1);
    // A spare one.
    desk.run("carol", &["approve", &id, "-y"]).must(0, &["it has the approvals that it needs", "live until"]);
    desk.run("alice", &["release", &id]).must(0, &[]);
    desk.run("carol", &["approve", &id, "-y"]).must(1, &["it was taken away by alice: given back"]);
    Ok(())
}

#[test]
fn two_must_approve_and_it_is_said_who_is_missing() -> Result<()> {
    let desk = Desk::up()?;
    let id = desk.ask("alice", "db", &[]);
    let first = desk.run("bob", &["approve", &id, "-y"]);
    first.must(
        0,
        &[
            "pending: needs 1 more approval from leads (carol)",
            "! this is for the longest time that the role allows, 2h",
        ],
    );
    let second =
        desk.run("carol", &["--json", "approve", &id, "-y"]).must(0, &["by bob", "it takes 1 more"]).json();
    assert_eq!(
        (second["kind"].as_str(), second["grant"]["state"].as_str()),
        (Some("approval"), Some("live"))
    );
    assert_eq!(second["approvers"], serde_json::json!([]));
    let digests = desk.values("jitApproval", "jitGrantDigest");
    assert_eq!(digests, vec![second["grant"]["digest"].as_str().expect("a digest"); 2]);
    Ok(())
}

#[test]
fn what_changes_while_it_is_looked_at_is_not_approved() -> Result<()> {
    let desk = Desk::up()?;
    let id = desk.ask("alice", "ops", &[]);
    let change =
        format!("dn: cn={id},{GRANTS}\nchangetype: modify\nreplace: jitReason\njitReason: something else\n");
    let ran = desk.types("bob", &["approve", &id], &[("approve? [y/N]", "y")], || {
        desk.slapd.change(&change).expect("an administrator may");
    });
    ran.must(1, &["the grant was changed while you looked at it", "nothing was written"]);
    // And who looks again is told.
    desk.run("bob", &["approve", &id])
        .must(2, &["! this was changed after it was written by admin", "something else"]);

    let id = desk.ask("alice", "ops", &[]);
    let ran = desk.types("bob", &["approve", &id], &[("approve? [y/N]", "y")], || {
        desk.run("alice", &["release", &id]).must(0, &[]);
    });
    ran.must(1, &["it was taken away by alice", "nothing was written"]);

    // What the role gives is what was shown, too.
    let id = desk.ask("alice", "ops", &[]);
    let wider = "dn: cn=ops,ou=roles,ou=jit,dc=example,dc=com\nchangetype: modify\nadd: jitLocalGroup\njitLocalGroup: docker\n";
    let ran = desk.types("bob", &["approve", &id], &[("approve? [y/N]", "y")], || {
        desk.slapd.change(wider).expect("an administrator may");
    });
    ran.must(1, &["the grant's role was changed while you looked", "nothing was written"]);
    assert_eq!(desk.count("jitApproval"), 0);
    Ok(())
}

#[test]
fn what_a_grant_says_cannot_paint_over_what_is_shown() -> Result<()> {
    let desk = Desk::up()?;
    let id = "cafe0000cafe0000cafe0000cafe0000";
    let hostile = "deploy\u{202e}lausunu gnihton !\u{2028}\u{200b}";
    desk.slapd.add(&format!(
        "dn: cn={id},{GRANTS}\nobjectClass: jitGrant\ncn: {id}\njitSubject: {}\njitRoleDN: cn=ops,ou=roles,ou=jit,dc=example,dc=com\n\
         jitHost: *\njitDuration: 28800\njitReason:: {}\n",
        person("alice"),
        base64(hostile.as_bytes())
    ))?;
    let shown = desk.run("bob", &["approve", "cafe"]).must(
        2,
        &[
            "* (only *.prod.example.com, by the role)",
            "! this is for every host that the role is for",
            "! this is for the longest time that the role allows, 8h",
            "! this was written by admin, not by alice",
            "deploy\\u{202e}lausunu",
        ],
    );
    assert!(!shown.err.contains(['\u{2028}', '\u{200b}', '\u{202e}']), "{shown:?}");
    Ok(())
}

/// RFC 4648, for LDIF.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i) & 63) as usize] as char;
            text.push(if i <= chunk.len() { digit } else { '=' });
        }
    }
    text
}
