//! A large company as LDIF: 10,000 people, 100,000 grants of 5,000 hosts, and what nslcd and sssd need to do our job with the
//! same people. The grants of our own host are written while it runs, as people would.

use std::fmt::Write as _;

use crate::door::NAME;
use crate::ldif::{BASE, Grant, Ldif};

/// People in the directory.
pub const PEOPLE: u32 = 10_000;
/// Grants of other hosts.
pub const GRANTS: u32 = 100_000;
/// Other hosts.
const HOSTS: u32 = 5_000;
/// Who may hold the role: the first people.
const ELIGIBLE: u32 = 200;
/// Who approves.
pub const LEAD: &str = "u9000";
/// Everybody's password.
pub const PASSWORD: &str = "a-password";
/// People with a live grant on our host: the first ones.
pub const HOLDERS: u32 = 20;

/// The number that a person has in Unix.
pub fn uid(person: u32) -> u32 {
    100_000 + person
}

/// The name of a person.
pub fn login(person: u32) -> String {
    format!("u{person}")
}

fn dn(login: &str) -> String {
    format!("uid={login},ou=people,{BASE}")
}

/// The whole directory but for the grants of our own host.
pub fn ldif() -> String {
    let mut text = Ldif::containers().to_string();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "dn: ou=hosts,{BASE}\nobjectClass: organizationalUnit\nou: hosts\n\n\
         dn: cn=web1,ou=hosts,{BASE}\nobjectClass: device\nobjectClass: simpleSecurityObject\ncn: web1\nuserPassword: {PASSWORD}\n\n"
    );
    for person in 0..PEOPLE {
        let (login, uid) = (login(person), uid(person));
        let _ = write!(
            text,
            "dn: {}\nobjectClass: account\nobjectClass: posixAccount\nuid: {login}\ncn: Person {person}\nuidNumber: {uid}\n\
             gidNumber: {uid}\nhomeDirectory: /home/{login}\nloginShell: /bin/bash\nuserPassword: {PASSWORD}\n\
             host: h{}.example.com\n",
            dn(&login),
            person % HOSTS
        );
        // What sssd's access filter looks at: for it, who may is written with the person.
        if person < HOLDERS {
            let _ = writeln!(text, "host: {NAME}");
        }
        text.push('\n');
    }
    let eligible: Vec<String> = (0..ELIGIBLE).map(|person| dn(&login(person))).collect();
    let eligible: Vec<&str> = eligible.iter().map(String::as_str).collect();
    let groups = Ldif::new().group("operators", &eligible).group("leads", &[&dn(LEAD)]).role(
        "operator",
        &[
            ("jitHost", "*"),
            ("jitEligible", &format!("cn=operators,ou=groups,{BASE}")),
            ("jitApprovalsRequired", "1"),
            ("jitApproverGroup", &format!("cn=leads,ou=groups,{BASE}")),
        ],
    );
    let _ = write!(text, "{groups}");
    for grant in 0..GRANTS {
        let _ = write!(
            text,
            "dn: cn=g{grant},ou=grants,ou=jit,{BASE}\nobjectClass: jitGrant\ncn: g{grant}\njitSubject: {}\n\
             jitRoleDN: cn=operator,ou=roles,ou=jit,{BASE}\njitHost: h{}.example.com\njitDuration: 28800\n\
             jitReason: deploy number {grant}\n\n",
            dn(&login(grant.wrapping_mul(31) % PEOPLE)),
            grant % HOSTS
        );
    }
    text
}

/// A grant of our host for a person.
pub fn grant(id: &str, person: u32) -> Grant {
    Grant::live(id, &login(person)).under("operator")
}

/// The approval of a grant, to be written as [`LEAD`].
pub fn approval(grant: &Grant) -> Ldif {
    let (approver, digest) = (dn(LEAD), grant.digest());
    Ldif::new().entry(
        &format!("cn=approved,{}", grant.dn()),
        &[
            ("objectClass", "jitApproval"),
            ("cn", "approved"),
            ("jitApprover", &approver),
            ("jitHost", NAME),
            ("jitGrantDigest", &digest),
        ],
    )
}

/// The revocation of a grant: its DN and its attributes.
pub fn revocation(grant: &Grant) -> (String, Vec<(&'static str, &'static str)>) {
    let attributes = vec![("objectClass", "jitRevocation"), ("cn", "revoked"), ("jitHost", NAME)];
    (format!("cn=revoked,{}", grant.dn()), attributes)
}

/// Whom [`LEAD`] is to the directory.
pub fn lead() -> String {
    dn(LEAD)
}
