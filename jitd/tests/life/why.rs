//! What a grant rests on, as the daemon tells it over its socket.

use serde_json::json;

use crate::host::{Host, PEOPLE, until};

fn person(name: &str) -> String {
    format!(
        "dn: uid={name},ou=people,dc=local\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n\n"
    )
}

fn group(name: &str, members: &[&str]) -> String {
    let members: String = members.iter().map(|dn| format!("member: {dn},dc=local\n")).collect();
    format!("dn: cn={name},ou=groups,dc=local\nobjectClass: groupOfNames\ncn: {name}\n{members}\n")
}

fn role(name: &str, more: &str) -> String {
    format!(
        "dn: cn={name},ou=roles,ou=jit,dc=local\nobjectClass: jitRole\ncn: {name}\njitHost: *\n\
         jitEligible: cn=engineers,ou=groups,dc=local\njitMaxDuration: 864000000\njitApproverGroup: cn=leads,ou=groups,dc=local\n{more}\n"
    )
}

fn grant(id: &str, role: &str) -> String {
    format!(
        "dn: cn={id},ou=grants,ou=jit,dc=local\nobjectClass: jitGrant\ncn: {id}\njitSubject: uid=alice,ou=people,dc=local\n\
         jitRoleDN: cn={role},ou=roles,ou=jit,dc=local\njitHost: *\njitNotBefore: 20200101000000Z\njitNotAfter: 20290101000000Z\n\n"
    )
}

fn approval(id: &str, who: &str, digest: &str) -> String {
    format!(
        "dn: cn=by-{who},cn={id},ou=grants,ou=jit,dc=local\nobjectClass: jitApproval\ncn: by-{who}\n\
         jitApprover: uid={who},ou=people,dc=local\njitHost: *\njitGrantDigest: {digest}\ncreateTimestamp: 20200102000000Z\n\n"
    )
}

#[test]
fn the_whole_chain_is_told() {
    let host = Host::new();
    let company = [
        PEOPLE.to_owned(),
        person("carol"),
        person("mallory"),
        group("devs", &["uid=alice,ou=people"]),
        group("engineers", &["cn=devs,ou=groups"]),
        group("oncall", &["uid=bob,ou=people", "uid=alice,ou=people"]),
        group("leads", &["uid=carol,ou=people", "cn=oncall,ou=groups"]),
        role("ops", "jitApprovalsRequired: 2\n"),
        role("careful", "jitApprovalsRequired: 1\njitSignatureRequired: TRUE\n"),
        grant("g1", "ops"),
        grant("g2", "careful"),
    ]
    .concat();
    host.write("grants.ldif", &company);
    let jitd = host.start();
    // What an approval has to carry is what the daemon says of the grant.
    let digests = until("the grants are shown", || {
        let grants = jitd.control(&json!({ "ask": "grants", "all": true }));
        let of = |id: &str| {
            let grant = grants["grants"].as_array()?.iter().find(|grant| grant["id"] == id)?;
            grant["digest"].as_str().map(str::to_owned)
        };
        Some([of("g1")?, of("g2")?])
    });
    let [first, second] = &digests;
    let written: String = [
        approval("g1", "bob", first),
        approval("g1", "mallory", first),
        approval("g1", "alice", first),
        approval("g1", "carol", second),
        approval("g2", "bob", second),
    ]
    .concat();
    host.write("grants.ldif", &format!("{company}{written}"));
    let why = until("the approvals are heard", || {
        let why = jitd.control(&json!({ "ask": "why", "user": "alice" }));
        let heard = why["grants"].as_array()?.iter().all(|grant| grant["approvals"] != json!([]));
        heard.then_some(why)
    });
    let shown = |id: &str| why["grants"].as_array().unwrap().iter().find(|g| g["id"] == id).unwrap();
    let g1 = shown("g1");
    assert_eq!(
        g1["eligible"],
        json!({
            "login": "alice", "dn": "uid=alice,ou=people,dc=local",
            "by": ["cn=devs,ou=groups,dc=local", "cn=engineers,ou=groups,dc=local"]
        })
    );
    let approvals = g1["approvals"].as_array().unwrap();
    assert_eq!(
        approvals[0],
        json!({
            "dn": "cn=by-bob,cn=g1,ou=grants,ou=jit,dc=local", "approver": "uid=bob,ou=people,dc=local",
            "counts": true, "at": 1_577_923_200, "evidence": "source", "key": null,
            "groups": [["cn=oncall,ou=groups,dc=local", "cn=leads,ou=groups,dc=local"]],
            "code": null, "why": null
        })
    );
    let ignored = |of: &serde_json::Value| -> Vec<(String, String)> {
        let all = of["approvals"].as_array().unwrap().iter().filter(|approval| approval["counts"] == false);
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let mut told: Vec<_> = all.map(|a| (text(&a["approver"]), text(&a["code"]))).collect();
        told.sort();
        told
    };
    let of = |who: &str, code: &str| (format!("uid={who},ou=people,dc=local"), code.to_owned());
    assert_eq!(
        ignored(g1),
        [of("alice", "own-grant"), of("carol", "other-words"), of("mallory", "no-approver")]
    );
    assert_eq!(ignored(shown("g2")), [of("bob", "unsigned")]);
    assert_eq!(
        (&shown("g2")["missing"], &shown("g2")["from"][0]),
        (&1.into(), &"cn=leads,ou=groups,dc=local".into())
    );
}
