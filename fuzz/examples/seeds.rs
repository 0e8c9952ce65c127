//! Writes the seeds that are not text: `cargo run --example seeds --no-default-features`, after a format has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jit_directory::ldif;
use jit_model::assess::{Memory, assess};
use jit_model::grant::EntryUuid;
use jit_model::host::HostNames;
use jit_model::learn::learn;
use jit_model::name::{Login, SourceName};
use jit_model::time::{Span, Timestamp};
use jit_proto::{Answer, Phase, Question, Verdict};
use jitd::clock::{BootId, Clock, Reading};
use jitd::disk::envelope;
use jitd::groups::encode::{Content, Group, Membership, Person, encode};
use jitd::ledger::Ledger;
use jitd::people::roll::{Roll, Showing};
use jitd::store::{Fingerprint, Kept, Store};

fn main() -> Result<(), Box<dyn Error>> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let write = |path: &str, bytes: &[u8]| fs::write(seeds.join(path), bytes);
    let now = Timestamp(1_795_348_800);

    let question = Question {
        phase: Phase::Account,
        service: "sshd",
        subject: "alice",
        uid: Some(1000),
        target: None,
        ruser: None,
        rhost: Some("10.0.0.9"),
        tty: Some("ssh"),
        auth_info: Some(
            "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGbM8mB3m0z1d7v9lKqkz0n0tq0g8m1h4c2v0i6k2r9p\n",
        ),
        auth_info_cut: false,
    };
    write("frame/question", question.encode()?.as_bytes())?;
    let sudo =
        Question { service: "sudo", target: Some("root"), ruser: Some("alice"), uid: None, ..question };
    write("frame/sudo", sudo.encode()?.as_bytes())?;
    let denied = "jit: sshd on web1 is closed to alice: no grant\nask for one";
    write("frame/answer", Answer { verdict: Verdict::Deny, until: None, text: denied }.encode()?.as_bytes())?;
    let allowed = Answer { verdict: Verdict::Allow, until: Some(now.0), text: "" };
    write("frame/allow", allowed.encode()?.as_bytes())?;

    let text = fs::read(seeds.join("ldif/grants"))?;
    write("ldif/approved", &approved(&text)?)?;
    let bases = ldif::bases()?;
    let entries = ldif::gather::gather(ldif::parse::parse(&text)?, &bases)?;
    let moment =
        Clock::new(None, Reading { wall_ms: now.0 * 1000, boot_ms: 60_000, boot: BootId([0xb0; 16]) })
            .moment();
    let mut store = Store::default();
    let kept = Kept { fingerprint: Fingerprint([7; 32]), heard: moment, entries: Arc::new(entries) };
    let _ = store.put(SourceName::new("ldif")?, kept);
    write("store/payload", &store.encode()?)?;
    write("store/file", &envelope::wrap(jitd::store::KIND, &store.encode()?).ok_or("too long")?)?;

    let (bases, reading, _) = jit_fuzz::setting().ok_or("no setting")?;
    let source = ldif::read(&text, &bases, &reading)?;
    let host = HostNames::new("web1.example.com", ["web"])?;
    let first = assess(&source, &host, &Memory::default());
    let gone = BTreeSet::from([EntryUuid([9; 16])]);
    let memory = learn(&Memory::default(), &gone, &source, &first);
    let mut ledger = Ledger::default();
    let _ = ledger.learn(memory, &first, now);
    let _ = ledger.hold([Login::new("alice")?], now);
    ledger.settle(moment);
    write("ledger/payload", &ledger.encode()?)?;
    write("ledger/file", &envelope::wrap(jitd::ledger::KIND, &ledger.encode()?).ok_or("too long")?)?;

    let persons = source.people.persons().map(|person| (person.dn.clone(), person.clone())).collect();
    let grants: Vec<_> = first.into_iter().map(Arc::new).collect();
    let people = BTreeMap::from([(source.name.clone(), Arc::new(persons))]);
    let showing = Showing { grants: &grants, people: &people, recalled: &BTreeSet::new() };
    let mut roll = Roll::default();
    let (known, _) = roll.take(&showing, Span(30 * 86_400), now);
    if known.is_empty() {
        return Err("nobody in the seed holds a grant".into());
    }
    write("people/payload", &roll.encode()?)?;
    write("people/file", &envelope::wrap(jitd::people::roll::KIND, &roll.encode()?).ok_or("too long")?)?;

    write("map/whole", &encode(&conferred(now.0))?)?;
    write("map/empty", &encode(&Content { valid_until: i64::MAX, ..Content::default() })?)?;
    Ok(())
}

/// A map of three groups, one of them without members, and two people.
fn conferred(now: i64) -> Content {
    let member = |login: &str, from, until| Membership { login: login.to_owned(), from, until };
    let dba = [
        member("alice", now - 60, now + 3600),
        member("alice", now + 7200, now + 9000),
        member("bob", 0, now),
    ];
    let group = |gid, members: &[Membership]| Group { gid, members: members.to_vec() };
    let person = |name: &str, uid, until| Person {
        uid,
        gid: 10_100,
        gecos: format!("{name} Example"),
        home: format!("/home/{name}"),
        shell: "/bin/bash".to_owned(),
        until,
    };
    Content {
        groups: BTreeMap::from([
            ("adm".to_owned(), group(4, &[member("alice", 0, i64::MAX)])),
            ("dba".to_owned(), group(0x7800_0001, &dba)),
            ("docker".to_owned(), group(0x7800_0002, &[])),
        ]),
        people: BTreeMap::from([
            ("alice".to_owned(), person("alice", 10_001, i64::MAX)),
            ("bob".to_owned(), person("bob", 10_002, now)),
        ]),
        settled_ms: now * 1000,
        boot_ms: 60_000,
        valid_until: now + 86_400,
    }
}

/// The same file with a role that wants two approvals, and a grant that has them: the digest in them is of its words.
fn approved(text: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let role = "
dn: cn=root,ou=roles,ou=jit,dc=local
objectClass: jitRole
cn: root
jitHost: *
jitEligible: uid=alice,ou=people,dc=local
jitMaxDuration: 7200
jitApprovalsRequired: 2
jitApproverGroup: cn=approvers,ou=groups,dc=local

dn: cn=approvers,ou=groups,dc=local
objectClass: groupOfNames
cn: approvers
member: uid=carol,ou=people,dc=local
member: uid=dave,ou=people,dc=local

dn: uid=carol,ou=people,dc=local
objectClass: account
uid: carol

dn: uid=dave,ou=people,dc=local
objectClass: account
uid: dave

dn: cn=wanted,ou=grants,ou=jit,dc=local
objectClass: jitGrant
cn: wanted
jitSubject: uid=alice,ou=people,dc=local
jitRoleDN: cn=root,ou=roles,ou=jit,dc=local
jitHost: web1.example.com
jitDuration: 3600
jitReason: kernel
createTimestamp: 20261122120000Z
";
    let mut text = [text, role.as_bytes()].concat();
    let (bases, reading, _) = jit_fuzz::setting().ok_or("no setting")?;
    let source = ldif::read(&text, &bases, &reading)?;
    let wanted = source.grants.values().find(|tree| tree.grant.id == "wanted").ok_or("no such grant")?;
    let digest = jit_model::digest::digest(&wanted.grant);
    for (n, who) in ["carol", "dave"].into_iter().enumerate() {
        let approval = format!(
            "
dn: cn={who},cn=wanted,ou=grants,ou=jit,dc=local
objectClass: jitApproval
cn: {who}
jitApprover: uid={who},ou=people,dc=local
jitHost: web1.example.com
jitGrantDigest: {digest}
createTimestamp: 2026112212100{n}Z
"
        );
        text.extend_from_slice(approval.as_bytes());
    }
    let source = ldif::read(&text, &bases, &reading)?;
    let host = HostNames::new("web1.example.com", ["web"])?;
    let live = |id: &str| {
        let assessed = assess(&source, &host, &Memory::default());
        assessed.iter().any(|grant| {
            grant.grant.id == id && matches!(grant.assessed, jit_model::assess::Assessed::Granted { .. })
        })
    };
    if ["plain", "fixed", "wanted"].into_iter().all(live) {
        Ok(text)
    } else {
        Err("the seeds grant nothing".into())
    }
}
