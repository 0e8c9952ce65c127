//! The access rules of packaging/ldap, on a real OpenLDAP: who may ask, approve and revoke, and the result code of every
//! other attempt. 50 is insufficientAccess, 19 constraintViolation, 65 objectClassViolation (RFC 4511, A.1).

use jit_tests::ldif::{BASE, group, person, role};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::Result;

const GRANTS: &str = "ou=grants,ou=jit,dc=example,dc=com";
const DENIED: &[i32] = &[50];
const DONE: &[i32] = &[0];

/// Beyond the usual company: developers, two kinds of approvers, one of them through a nested group, and a stranger.
const MORE: &str = "
dn: cn=h1,ou=hosts,dc=example,dc=com
objectClass: device
objectClass: simpleSecurityObject
cn: h1
userPassword: h1-secret

dn: cn=devs,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: devs
member: uid=alice,ou=people,dc=example,dc=com
member: uid=bob,ou=people,dc=example,dc=com
member: uid=dave,ou=people,dc=example,dc=com

dn: cn=inner,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: inner
member: uid=carol,ou=people,dc=example,dc=com

dn: cn=approvers,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: approvers
member: uid=bob,ou=people,dc=example,dc=com
member: cn=inner,ou=groups,dc=example,dc=com

dn: cn=others,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: others
member: uid=eve,ou=people,dc=example,dc=com

dn: cn=mallorys,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: mallorys
member: uid=mallory,ou=people,dc=example,dc=com

dn: cn=ops,ou=roles,ou=jit,dc=example,dc=com
objectClass: jitRole
cn: ops
jitHost: *
jitEligible: cn=devs,ou=groups,dc=example,dc=com
jitEligible: uid=frank,ou=people,dc=example,dc=com
jitMaxDuration: 28800
jitApprovalsRequired: 1
jitApproverGroup: cn=approvers,ou=groups,dc=example,dc=com

dn: cn=db,ou=roles,ou=jit,dc=example,dc=com
objectClass: jitRole
cn: db
jitHost: *
jitEligible: cn=devs,ou=groups,dc=example,dc=com
jitMaxDuration: 28800
jitApprovalsRequired: 1
jitApproverGroup: cn=others,ou=groups,dc=example,dc=com
";

struct Company {
    slapd: Slapd,
    wrong: Vec<String>,
}

impl Company {
    fn up() -> Result<Company> {
        let mut more = MORE.to_owned();
        for login in ["dave", "eve", "frank", "mallory"] {
            more.push_str(&format!(
                "\ndn: {}\nobjectClass: account\nobjectClass: simpleSecurityObject\nuid: {login}\nuserPassword: {login}-secret\n",
                person(login)
            ));
        }
        Ok(Company { slapd: Slapd::plan().with(&more).up()?, wrong: Vec::new() })
    }

    /// Lets somebody try a change, and notes when the result code is another.
    fn tries(&mut self, who: &str, what: &str, codes: &[i32], ldif: &str) {
        let dn = if who == "h1" { format!("cn=h1,ou=hosts,{BASE}") } else { person(who) };
        let outcome = self.slapd.change_as(&dn, &format!("{who}-secret"), ldif);
        let text = outcome.err().map(|trouble| trouble.to_string());
        let code = match &text {
            None => 0,
            Some(text) => text
                .split_once("exit status: ")
                .and_then(|(_, rest)| rest.split(')').next()?.parse().ok())
                .unwrap_or(-1),
        };
        if !codes.contains(&code) {
            self.wrong
                .push(format!("{who} {what}: {code} instead of {codes:?}: {}", text.unwrap_or_default()));
        }
    }

    fn end(self) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }
}

fn grant(cn: &str, subject: &str, role: &str, more: &str) -> String {
    format!(
        "dn: cn={cn},{GRANTS}\nchangetype: add\nobjectClass: jitGrant\ncn: {cn}\njitSubject: {subject}\njitRoleDN: {role}\n\
         jitHost: h1.example.com\njitDuration: 7200\n{more}"
    )
}

fn approval(cn: &str, grant: &str, approver: &str, more: &str) -> String {
    format!(
        "dn: cn={cn},cn={grant},{GRANTS}\nchangetype: add\nobjectClass: jitApproval\ncn: {cn}\njitApprover: {approver}\n\
         jitHost: h1.example.com\njitGrantDigest: {}\n{more}",
        "0f".repeat(32)
    )
}

fn revocation(cn: &str, grant: &str) -> String {
    format!(
        "dn: cn={cn},cn={grant},{GRANTS}\nchangetype: add\nobjectClass: jitRevocation\ncn: {cn}\njitHost: h1.example.com\n"
    )
}

fn change(name: &str, what: &str) -> String {
    format!("dn: {name},{GRANTS}\nchangetype: modify\n{what}\n")
}

#[test]
fn people_ask_for_themselves_and_for_groups_they_are_in() -> Result<()> {
    let mut company = Company::up()?;
    let (alice, mallory) = (person("alice"), person("mallory"));
    company.tries("alice", "asks for herself", DONE, &grant("g1", &alice, &role("ops"), ""));
    company.tries("frank", "asks, eligible by name", DONE, &grant("g2", &person("frank"), &role("ops"), ""));
    company.tries("alice", "asks for her group", DONE, &grant("g3", &group("devs"), &role("ops"), ""));
    company.tries("mallory", "asks, not eligible", DENIED, &grant("m1", &mallory, &role("ops"), ""));
    company.tries("alice", "asks for dave", DENIED, &grant("m2", &person("dave"), &role("ops"), ""));
    let two = grant("m3", &alice, &role("ops"), &format!("jitSubject: {}\n", person("dave")));
    company.tries("alice", "asks for two", &[19], &two);
    company.tries(
        "mallory",
        "asks for others' group",
        DENIED,
        &grant("m4", &group("devs"), &role("ops"), ""),
    );
    company.tries("mallory", "under a group as role", DENIED, &grant("m5", &mallory, &group("mallorys"), ""));
    let own = format!(
        "objectClass: extensibleObject\njitEligible: {mallory}\njitApproverGroup: {}\n",
        group("mallorys")
    );
    let itself = format!("cn=m6,{GRANTS}");
    company.tries("mallory", "under the grant itself as role", &[65], &grant("m6", &mallory, &itself, &own));
    let role_there = format!(
        "dn: cn=m7,{GRANTS}\nchangetype: add\nobjectClass: jitRole\ncn: m7\njitHost: *\njitEligible: {mallory}\n\
         jitMaxDuration: 60\njitApprovalsRequired: 0\n"
    );
    company.tries("mallory", "puts a role among grants", DENIED, &role_there);
    company.tries("mallory", "puts a role among roles", DENIED, &role_there.replace(GRANTS, &role("x")[5..]));
    // Whoever looks for accounts below the whole suffix would find one.
    let account = "objectClass: posixAccount\nuid: root2\nuidNumber: 0\ngidNumber: 0\nhomeDirectory: /root\n";
    company.tries(
        "alice",
        "makes an account of her grant",
        &[65],
        &grant("m12", &alice, &role("ops"), account),
    );
    let login = "objectClass: simpleSecurityObject\nuserPassword: x\n";
    company.tries("alice", "makes a login of her grant", &[65], &grant("m13", &alice, &role("ops"), login));
    let bare = grant("m9", &alice, &role("ops"), "").replace(&format!("jitRoleDN: {}\n", role("ops")), "");
    company.tries("alice", "asks without a role", DENIED, &bare);
    let deep = grant("m10,cn=g1", &alice, &role("ops"), "").replace("cn: m10,cn=g1\n", "cn: m10\n");
    company.tries("alice", "asks below her grant", DENIED, &deep);
    let forged = grant("m11", &alice, &role("ops"), &format!("creatorsName: {}\n", person("bob")));
    company.tries("alice", "as if bob had", &[19], &forged);
    company.tries(
        "h1",
        "asks as a host",
        DENIED,
        &grant("m12", &format!("cn=h1,ou=hosts,{BASE}"), &role("ops"), ""),
    );
    company.end();
    Ok(())
}

#[test]
fn approvers_approve_in_their_own_name_and_never_for_themselves() -> Result<()> {
    let mut company = Company::up()?;
    let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
    company.tries("alice", "asks", DONE, &grant("g1", &alice, &role("ops"), ""));
    company.tries("alice", "asks for her group", DONE, &grant("g3", &group("devs"), &role("ops"), ""));
    company.tries("bob", "asks, an approver", DONE, &grant("g4", &bob, &role("ops"), ""));
    company.tries("bob", "approves", DONE, &approval("a1", "g1", &bob, ""));
    company.tries("carol", "approves, in a nested group", DONE, &approval("a2", "g1", &carol, ""));
    company.tries("bob", "approves as carol", DENIED, &approval("f1", "g1", &carol, ""));
    company.tries("eve", "approves, of another role", DENIED, &approval("f2", "g1", &person("eve"), ""));
    company.tries("alice", "approves her own", DENIED, &approval("f3", "g1", &alice, ""));
    company.tries("bob", "approves his own", DENIED, &approval("f4", "g4", &bob, ""));
    company.tries("bob", "approves for a group he is in", DENIED, &approval("f5", "g3", &bob, ""));
    company.tries("carol", "approves for the group", DONE, &approval("a1", "g3", &carol, ""));
    company.tries("mallory", "approves", DENIED, &approval("f6", "g1", &person("mallory"), ""));
    let open = approval("f7", "g1", &bob, "objectClass: extensibleObject\n");
    company.tries("bob", "approves with extensibleObject", &[65], &open);
    let two = approval("f8", "g1", &bob, &format!("jitApprover: {carol}\n"));
    company.tries("bob", "approves for two", &[19], &two);
    company.tries(
        "h1",
        "approves as a host",
        DENIED,
        &approval("f9", "g1", &format!("cn=h1,ou=hosts,{BASE}"), ""),
    );
    // What the rules cannot see, and every host checks: the same approver twice.
    company.tries("bob", "approves again", DONE, &approval("a3", "g1", &bob, ""));
    company.end();
    Ok(())
}

#[test]
fn nothing_is_changed_once_it_is_written() -> Result<()> {
    let mut company = Company::up()?;
    company.tries("alice", "asks", DONE, &grant("g1", &person("alice"), &role("ops"), ""));
    company.tries("frank", "asks", DONE, &grant("g2", &person("frank"), &role("ops"), ""));
    for what in [
        "add: jitHost\njitHost: *",
        "replace: jitReason\njitReason: y",
        "delete: jitDuration",
        "add: description\ndescription: x",
    ] {
        company.tries("alice", "changes her grant", DENIED, &change("cn=g1", what));
    }
    let rename = format!("dn: cn=g1,{GRANTS}\nchangetype: modrdn\nnewrdn: cn=g9\ndeleteoldrdn: 1\n");
    company.tries("alice", "renames her grant", DENIED, &rename);
    company.tries("bob", "approves", DONE, &approval("a1", "g1", &person("bob"), ""));
    let digest = format!("replace: jitGrantDigest\njitGrantDigest: {}", "aa".repeat(32));
    company.tries("bob", "changes his approval", DENIED, &change("cn=a1,cn=g1", &digest));
    let delete = |name: &str| format!("dn: {name},{GRANTS}\nchangetype: delete\n");
    company.tries("bob", "deletes his approval", DENIED, &delete("cn=a1,cn=g1"));
    let moved = format!(
        "dn: cn=a1,cn=g1,{GRANTS}\nchangetype: modrdn\nnewrdn: cn=a1\ndeleteoldrdn: 1\nnewsuperior: cn=g2,{GRANTS}\n"
    );
    company.tries("bob", "moves his approval", &[50, 53], &moved);
    company.tries("alice", "deletes her grant", &[50, 66], &delete("cn=g1"));
    let tree = format!("dn: cn=g1,{GRANTS}\ncontrol: 1.2.840.113556.1.4.805 true\nchangetype: delete\n");
    company.tries("alice", "deletes it with all below", &[12, 50, 66], &tree);
    company.tries("frank", "deletes his grant", DENIED, &delete("cn=g2"));
    company.tries("h1", "changes a grant as a host", DENIED, &change("cn=g1", "add: jitHost\njitHost: *"));
    let role = format!(
        "dn: {}\nchangetype: modify\nadd: jitEligible\njitEligible: {}\n",
        role("ops"),
        person("mallory")
    );
    company.tries("alice", "changes the role", DENIED, &role);
    company.end();
    Ok(())
}

#[test]
fn subjects_and_approvers_revoke_and_it_stays() -> Result<()> {
    let mut company = Company::up()?;
    company.tries("alice", "asks", DONE, &grant("g1", &person("alice"), &role("ops"), ""));
    company.tries("alice", "asks for her group", DONE, &grant("g3", &group("devs"), &role("ops"), ""));
    company.tries("frank", "asks", DONE, &grant("g2", &person("frank"), &role("ops"), ""));
    company.tries("alice", "gives hers back", DONE, &revocation("r1", "g1"));
    company.tries("carol", "revokes, an approver", DONE, &revocation("r1", "g2"));
    company.tries("dave", "revokes, in the subject group", DONE, &revocation("r1", "g3"));
    company.tries("mallory", "revokes", DENIED, &revocation("r9", "g1"));
    company.tries("eve", "revokes, approver of another role", DENIED, &revocation("r8", "g1"));
    let delete = format!("dn: cn=r1,cn=g1,{GRANTS}\nchangetype: delete\n");
    company.tries("alice", "deletes the revocation", DENIED, &delete);
    company.tries(
        "alice",
        "changes the revocation",
        DENIED,
        &change("cn=r1,cn=g1", "replace: jitHost\njitHost: nowhere"),
    );
    let device = format!("dn: cn=d1,cn=g1,{GRANTS}\nchangetype: add\nobjectClass: device\ncn: d1\n");
    company.tries("bob", "puts something else under a grant", DENIED, &device);
    company.end();
    Ok(())
}
