//! The door with a real OpenLDAP behind it, over StartTLS under an authority of its own, told by push: what only a directory
//! can show, that is who wrote what and when. The rules of the directory are those of packaging/ldap; the administrator, whom no rule
//! binds, plays everybody who gets round them.

use std::time::Duration;

use jit_tests::door::{Door, NAME};
use jit_tests::host::Host;
use jit_tests::ldif::{Grant, Ldif, group, person};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::Result;
use jit_tests::wait::until;

const CONFIG: &str = r#"
[host]
name = "web1.prod.example.com"

[source.ldap]
uris = ["ldap://localhost"]
start_tls = true
base = "dc=example,dc=com"
ca = "/etc/jitd/ca.crt"
bind = { method = "simple", dn = "cn=web1,ou=hosts,dc=example,dc=com", password_file = "/etc/jitd/ldap.secret" }
"#;

/// What a person finds at the door.
#[derive(Clone, Copy, Debug)]
enum Finds {
    In,
    Out(&'static str),
}
use Finds::{In, Out};

/// The usual company (alice, bob and carol; bob and carol are leads) and a person for each case.
struct Company {
    slapd: Slapd,
    door: Door,
    wrong: Vec<String>,
}

impl Company {
    fn up(people: &[&str]) -> Result<Company> {
        let host = Host::named(NAME).up()?;
        let members: Vec<String> = people.iter().map(|who| person(who)).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let leads = group("leads");
        let (everybody, inner) = (group("everybody"), group("inner"));
        let rules = |n| {
            [
                ("jitHost", "*"),
                ("jitEligible", everybody.as_str()),
                ("jitApprovalsRequired", n),
                ("jitApproverGroup", leads.as_str()),
            ]
        };
        let mut more = Ldif::new()
            .group("everybody", &members)
            .group("inner", &[&person("nested")])
            .group("outer", &[&inner])
            .role("free", &rules("0"))
            .role("careful", &rules("1"));
        for who in people.iter().filter(|who| !["alice", "bob"].contains(who)) {
            let secret = format!("{who}-secret");
            let classes = [("objectClass", "account"), ("objectClass", "simpleSecurityObject")];
            let attributes = [classes[0], classes[1], ("uid", who), ("userPassword", &secret)];
            more = more.entry(&person(who), &attributes);
        }
        let slapd = Slapd::plan().in_network_of(&host).with(&more.to_string()).up()?;
        let door = Door::on(host, people, CONFIG)?;
        door.host().install(&slapd.tls_file("ca.crt"), "/etc/jitd/ca.crt", 0o644)?;
        door.host().write("/etc/jitd/ldap.secret", 0o600, "host-secret\n")?;
        door.host().sh("chown jitd /etc/jitd/ldap.secret").run()?.must()?;
        door.start_jitd()?;
        door.enforce()?;
        Ok(Company { slapd, door, wrong: Vec::new() })
    }

    /// `who` adds entries with his own password.
    fn adds(&self, who: &str, ldif: &Ldif) -> Result<()> {
        // `ldapmodify` adds where it is told so.
        let text = ldif.to_string().replace("\nobjectClass: jit", "\nchangetype: add\nobjectClass: jit");
        self.slapd.change_as(&person(who), &format!("{who}-secret"), &text)
    }

    /// Waits until jitd holds the grant in this state; not more often than it takes.
    fn until_state(&self, grant: &Grant, state: &str) -> Result<()> {
        until(Duration::from_secs(30), &format!("jitd holds {} as {state}", grant.id()), || {
            let listed =
                self.door.jitctl(["grants", "--all", "--json"]).run().map(|o| o.stdout).unwrap_or_default();
            let all: serde_json::Value = serde_json::from_str(&listed).unwrap_or_default();
            all["grants"]
                .as_array()
                .is_some_and(|all| all.iter().any(|g| g["id"] == grant.id() && g["state"] == state))
        })
    }

    fn finds(&mut self, who: &str, finds: Finds) -> Result<()> {
        let output = self.door.ssh(who, "sudo id -u")?;
        let right = match finds {
            In => output.ok() && output.stdout == "0\n" && output.stderr.is_empty(),
            Out(why) => !output.ok() && output.stdout.is_empty() && output.stderr.contains(why),
        };
        if !right {
            self.wrong.push(format!("{who} should find {finds:?}, but: {output}"));
        }
        Ok(())
    }
}

#[test]
fn who_wrote_what_decides() -> Result<()> {
    let people = [
        "alice", "own", "gifted", "waiting", "approved", "forged", "later", "edited", "revoked", "deleted",
        "nested", "bob",
    ];
    let mut company = Company::up(&people)?;
    let free = |who: &str| Grant::of(&format!("grant-of-{who}"), &person(who)).under("free").lasting(3600);
    let careful = |who: &str| free(who).under("careful");

    company.finds(
        "alice",
        Out("ask for a grant for web1.prod.example.com under ou=grants,ou=jit,dc=example,dc=com"),
    )?;

    // Where no approval is needed, a grant counts when its subject wrote it, and not when somebody else did.
    let own = free("own");
    company.adds("own", &Ldif::new().grant(&own))?;
    company.until_state(&own, "live")?;
    company.finds("own", In)?;
    let gifted = free("gifted");
    company.slapd.add(&Ldif::new().grant(&gifted).to_string())?;
    company.until_state(&gifted, "refused")?;
    company.finds("gifted", Out("neither its subject nor a listed writer"))?;

    // An approval counts when the approver wrote it himself, and nobody touched it since.
    let waiting = careful("waiting");
    company.adds("waiting", &Ldif::new().grant(&waiting))?;
    company.until_state(&waiting, "pending")?;
    company.finds("waiting", Out("1 more approval from leads"))?;
    let approved = careful("approved");
    company.adds("approved", &Ldif::new().grant(&approved))?;
    company.adds("bob", &Ldif::new().approval(&approved, "bob"))?;
    company.until_state(&approved, "live")?;
    company.finds("approved", In)?;
    let forged = careful("forged");
    company.adds("forged", &Ldif::new().grant(&forged))?;
    company.slapd.add(&Ldif::new().approval(&forged, "bob").to_string())?;
    let later = careful("later");
    company.adds("later", &Ldif::new().grant(&later))?;
    company.adds("bob", &Ldif::new().approval(&later, "bob"))?;
    company.until_state(&later, "live")?;
    // What was written after the forged approval has been heard, so that one has been too.
    company.finds("forged", Out("1 more approval from leads"))?;
    let change = "changetype: modify\nreplace: jitReason\njitReason: improved";
    company.slapd.change(&format!("dn: cn=by-bob,{}\n{change}\n", later.dn()))?;
    company.until_state(&later, "pending")?;
    company.finds("later", Out("1 more approval from leads"))?;
    let edited = careful("edited");
    company.adds("edited", &Ldif::new().grant(&edited))?;
    company.adds("bob", &Ldif::new().approval(&edited, "bob"))?;
    company.until_state(&edited, "live")?;
    let change = "changetype: modify\nreplace: jitDuration\njitDuration: 7200";
    company.slapd.change(&format!("dn: {}\n{change}\n", edited.dn()))?;
    company.until_state(&edited, "refused")?;
    company.finds("edited", Out("changed after it was approved"))?;

    // The end: by an entry, which holds when it is deleted again; by deletion, which holds when the grant is written again.
    let revoked = free("revoked");
    company.adds("revoked", &Ldif::new().grant(&revoked))?;
    company.until_state(&revoked, "live")?;
    company.adds("bob", &Ldif::new().revocation(&revoked))?;
    company.until_state(&revoked, "revoked")?;
    company.finds("revoked", Out("revoked by bob"))?;
    company.slapd.delete(&format!("cn=revoked,{}", revoked.dn()))?;
    let deleted = free("deleted");
    company.adds("deleted", &Ldif::new().grant(&deleted))?;
    company.until_state(&deleted, "live")?;
    company.finds("revoked", Out("revoked by bob"))?;
    company.slapd.delete(&deleted.dn())?;
    until(Duration::from_secs(30), "the deletion is heard", || {
        company.door.ssh("deleted", "true").is_ok_and(|o| !o.ok())
    })?;
    company.finds("deleted", Out("no grant"))?;

    // A group as the subject, nested, written by the administrator and approved by two eyes that are not his.
    let nested = Grant::of("grant-of-nested", &group("outer")).under("careful").lasting(3600);
    company.slapd.add(&Ldif::new().grant(&nested).to_string())?;
    company.adds("bob", &Ldif::new().approval(&nested, "bob"))?;
    company.until_state(&nested, "live")?;
    company.finds("nested", In)?;

    assert!(company.wrong.is_empty(), "{}", company.wrong.join("\n"));
    let event =
        company.door.audited("the approved one", |e| e["name"] == "approved" && e["verdict"] == "allow")?;
    assert_eq!(event["grants"][0]["approvers"][0]["dn"], person("bob"), "{event}");
    Ok(())
}
