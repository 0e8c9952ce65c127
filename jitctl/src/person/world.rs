//! A small directory for tests, as LDIF, read as the real one is.

use std::collections::BTreeSet;

use jit_directory::decode::{Bases, Reading, decode};
use jit_directory::ldif::gather::gather;
use jit_directory::ldif::parse;
use jit_model::dn::Dn;
use jit_model::name::SourceName;
use jit_model::source::{Proof, Source};
use jit_model::text::at_civil;
use jit_model::time::Timestamp;

/// alice, bob and carol; bob and carol lead; alice and bob are eligible for `ops` (one approval) and `two` (two, of each of two teams).
const WORLD: &str = "
dn: ou=grants,ou=jit,dc=x
objectClass: organizationalUnit
ou: grants

dn: uid=alice,ou=people,dc=x
objectClass: account
uid: alice

dn: uid=bob,ou=people,dc=x
objectClass: account
uid: bob

dn: uid=carol,ou=people,dc=x
objectClass: account
uid: carol

dn: uid=mallory,ou=people,dc=x
objectClass: account
uid: mallory

dn: cn=devs,ou=groups,dc=x
objectClass: groupOfNames
cn: devs
member: uid=alice,ou=people,dc=x
member: uid=bob,ou=people,dc=x

dn: cn=leads,ou=groups,dc=x
objectClass: groupOfNames
cn: leads
member: uid=bob,ou=people,dc=x
member: uid=carol,ou=people,dc=x

dn: cn=ops,ou=roles,ou=jit,dc=x
objectClass: jitRole
cn: ops
jitHost: *.prod.x
jitEligible: cn=devs,ou=groups,dc=x
jitMaxDuration: 28800
jitApprovalsRequired: 1
jitApproverGroup: cn=leads,ou=groups,dc=x

dn: cn=two,ou=roles,ou=jit,dc=x
objectClass: jitRole
cn: two
jitHost: *
jitService: sshd
jitEligible: cn=devs,ou=groups,dc=x
jitMaxDuration: 7200
jitApprovalsRequired: 2
jitApproverGroup: cn=leads,ou=groups,dc=x
jitReasonRequired: TRUE
jitTicketPattern: OPS-[0-9]+

dn: cn=free,ou=roles,ou=jit,dc=x
objectClass: jitRole
cn: free
jitHost: *
jitEligible: uid=alice,ou=people,dc=x
jitMaxDuration: 7200
jitApprovalsRequired: 0
";

/// 2026-11-22T15:00:00Z
pub(crate) fn now() -> Timestamp {
    at_civil(2026, 11, 22, 15, 0, 0).unwrap()
}

pub(crate) fn bases() -> Bases {
    Bases::under(&Dn::parse("dc=x").unwrap()).unwrap()
}

pub(crate) fn person(login: &str) -> Dn {
    Dn::parse(&format!("uid={login},ou=people,dc=x")).unwrap()
}

/// A grant that alice wrote half an hour ago, with more lines.
pub(crate) fn grant(id: &str, role: &str, more: &str) -> String {
    format!(
        "\ndn: cn={id},ou=grants,ou=jit,dc=x\nobjectClass: jitGrant\ncn: {id}\njitSubject: uid=alice,ou=people,dc=x\n\
         jitRoleDN: cn={role},ou=roles,ou=jit,dc=x\njitHost: web1.prod.x\njitReason: r\njitTicket: OPS-1\n{more}\n{}",
        written("alice", &format!("{:0>32}", hex(id)))
    )
}

/// What the directory itself says of an entry.
pub(crate) fn written(by: &str, uuid: &str) -> String {
    let uuid: Vec<&str> = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &uuid[part]).to_vec();
    let by = person(by);
    format!(
        "entryUUID: {}\ncreatorsName: {by}\nmodifiersName: {by}\ncreateTimestamp: 20261122143000Z\nmodifyTimestamp: 20261122143000Z\n",
        uuid.join("-")
    )
}

fn hex(id: &str) -> String {
    id.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The world with more entries.
pub(crate) fn with(more: &str, proof: Proof) -> Source {
    let bases = bases();
    let reading = Reading {
        name: SourceName::new("directory").unwrap(),
        proof,
        writers: BTreeSet::new(),
        default_role: None,
        login_attribute: "uid".to_owned(),
    };
    let text = format!("{WORLD}{more}");
    let records = parse::parse(text.as_bytes()).unwrap();
    let source = decode(&gather(records, &bases).unwrap(), &bases, &reading);
    assert_eq!(source.set_aside, []);
    source
}
