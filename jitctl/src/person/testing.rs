//! A small company for tests, as hosts would read it: alice and bob are operators, bob and carol are leads, bob alone is dba, and mallory
//! is nothing.

use jit_directory::decode::{Bases, Reading};
use jit_directory::ldif;
use jit_model::digest::digest;
use jit_model::dn::Dn;
use jit_model::grant::{Approval, GrantTree, Provenance, Revocation};
use jit_model::name::SourceName;
use jit_model::signature::Signature;
use jit_model::source::{Proof, Source};
use jit_model::time::{Span, Timestamp};

use super::judging::Picture;

/// 2026-11-22T15:04:05Z
pub(crate) const NOW: Timestamp = Timestamp(1_795_359_845);

const COMPANY: &str = "
dn: ou=people,dc=local
objectClass: organizationalUnit
ou: people

dn: ou=grants,ou=jit,dc=local
objectClass: organizationalUnit
ou: grants

dn: uid=alice,ou=people,dc=local
objectClass: inetOrgPerson
uid: alice
cn: Alice Adams

dn: uid=bob,ou=people,dc=local
objectClass: inetOrgPerson
uid: bob
cn: Bob

dn: uid=carol,ou=people,dc=local
objectClass: inetOrgPerson
uid: carol
cn: Carol

dn: uid=mallory,ou=people,dc=local
objectClass: inetOrgPerson
uid: mallory
cn: Mallory

dn: cn=operators,ou=groups,dc=local
objectClass: groupOfNames
cn: operators
member: uid=alice,ou=people,dc=local
member: uid=bob,ou=people,dc=local

dn: cn=leads,ou=groups,dc=local
objectClass: groupOfNames
cn: leads
member: uid=bob,ou=people,dc=local
member: uid=carol,ou=people,dc=local

dn: cn=dba,ou=groups,dc=local
objectClass: groupOfNames
cn: dba
member: uid=bob,ou=people,dc=local

dn: cn=night,ou=groups,dc=local
objectClass: groupOfNames
cn: night
member: cn=operators,ou=groups,dc=local
";

pub(crate) const OPERATORS: &str = "cn=operators,ou=groups,dc=local";

/// Roles to ask for: operators may have `ops` (one approval) and `two` (two, with a reason and a ticket), and alice may have `free`.
const ROLES: &str = "
dn: cn=ops,ou=roles,ou=jit,dc=local
objectClass: jitRole
cn: ops
jitHost: *.example.com
jitEligible: cn=operators,ou=groups,dc=local
jitMaxDuration: 28800
jitApprovalsRequired: 1
jitApproverGroup: cn=leads,ou=groups,dc=local

dn: cn=two,ou=roles,ou=jit,dc=local
objectClass: jitRole
cn: two
jitHost: *
jitService: sshd
jitEligible: cn=operators,ou=groups,dc=local
jitMaxDuration: 7200
jitApprovalsRequired: 2
jitApproverGroup: cn=leads,ou=groups,dc=local
jitReasonRequired: TRUE
jitTicketPattern: OPS-[0-9]+

dn: cn=free,ou=roles,ou=jit,dc=local
objectClass: jitRole
cn: free
jitHost: *
jitEligible: uid=alice,ou=people,dc=local
jitMaxDuration: 7200
jitApprovalsRequired: 0
";

/// A role for everybody in `eligible`, which so many of a group approve.
pub(crate) fn role(name: &str, eligible: &str, needed: u32, groups: &[&str], more: &str) -> String {
    let groups: String =
        groups.iter().map(|group| format!("jitApproverGroup: cn={group},ou=groups,dc=local\n")).collect();
    format!(
        "\ndn: cn={name},ou=roles,ou=jit,dc=local\nobjectClass: jitRole\ncn: {name}\njitHost: *\njitEligible: {eligible}\n\
         jitMaxDuration: 28800\njitApprovalsRequired: {needed}\n{groups}{more}"
    )
}

/// A grant that somebody wrote for himself a minute before [`NOW`].
pub(crate) fn grant(id: &str, who: &str, role: &str, more: &str) -> String {
    let (who, at) = (person(who), Timestamp(NOW.0 - 60).to_generalized());
    format!(
        "\ndn: cn={id},ou=grants,ou=jit,dc=local\nobjectClass: jitGrant\ncn: {id}\njitSubject: {who}\n\
         jitRoleDN: cn={role},ou=roles,ou=jit,dc=local\njitHost: web1.example.com\n{more}creatorsName: {who}\nmodifiersName: {who}\n\
         createTimestamp: {at}\nmodifyTimestamp: {at}\n"
    )
}

/// For two hours.
pub(crate) const TWO_HOURS: &str = "jitDuration: 7200\njitReason: deploy\n";

/// The company with these roles and grants.
pub(crate) fn company(more: &[String]) -> Source {
    let reading = Reading {
        name: SourceName::new("directory").unwrap(),
        proof: Proof::CreatorsName,
        writers: Default::default(),
        default_role: None,
        login_attribute: "uid".to_owned(),
    };
    let text = format!("{}\n{}", COMPANY.trim_start(), more.concat());
    ldif::read(text.as_bytes(), &bases(), &reading).unwrap_or_else(|fault| panic!("{fault}"))
}

/// The company with [`ROLES`] and these grants, all of which can be understood.
pub(crate) fn asking(grants: &[String]) -> Source {
    let source = company(&[&[ROLES.to_owned()], grants].concat());
    assert_eq!(source.set_aside, []);
    source
}

/// The same where approvals must be signed.
pub(crate) fn asking_signed(grants: &[String]) -> Source {
    Source { proof: Proof::Signature, ..asking(grants) }
}

/// Where its entries stand.
pub(crate) fn bases() -> Bases {
    ldif::bases().unwrap()
}

/// Somebody approves a grant, so many seconds before [`NOW`].
pub(crate) fn approve(source: &mut Source, id: &str, who: &str, ago: u64) {
    let tree = tree(source, id);
    let (who, at) = (person(who), Timestamp(NOW.0.saturating_sub_unsigned(ago)));
    tree.approvals.push(Approval {
        dn: tree.grant.dn.child("cn", &format!("by-{}", who.rdn_value())).unwrap(),
        approver: who.clone(),
        digest: digest(&tree.grant),
        not_after: None,
        duration: None,
        signature: Signature::Absent,
        provenance: Provenance {
            creator: Some(who.clone()),
            modifier: Some(who),
            created: Some(at),
            modified: Some(at),
        },
    });
}

/// Somebody takes a grant away, now.
pub(crate) fn take(source: &mut Source, id: &str, who: &str, reason: &str) {
    let tree = tree(source, id);
    tree.revocations.push(Revocation {
        dn: tree.grant.dn.child("cn", "r").unwrap(),
        by: Some(person(who)),
        at: Some(NOW),
        reason: Some(reason.to_owned()),
    });
}

fn tree<'a>(source: &'a mut Source, id: &str) -> &'a mut GrantTree {
    source.grants.values_mut().find(|tree| tree.grant.id == id).unwrap_or_else(|| panic!("no grant {id}"))
}

/// Judged.
pub(crate) fn picture(source: &Source) -> Picture {
    Picture::of(source.clone())
}

pub(crate) fn person(login: &str) -> Dn {
    Dn::parse(&format!("uid={login},ou=people,dc=local")).unwrap()
}

/// So long after [`NOW`].
pub(crate) fn later(span: u64) -> Timestamp {
    NOW.plus(Span(span))
}
