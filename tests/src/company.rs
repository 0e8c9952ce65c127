//! A guarded host and a directory server on a host of its own, joined by a cable that can be pulled. Nobody reaches the
//! directory but by its name, and jitd verifies that name. People write with their own passwords under the rules of packaging/ldap,
//! so that creatorsName is theirs; the administrator, whom no rule binds, plays everybody who gets round them.

pub mod laptop;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::door::{Door, NAME};
use crate::host::Host;
use crate::host::exec::Output;
use crate::ldif::{Grant, Ldif, group, person};
use crate::slapd::{Plan, Slapd};
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// Long enough for two heartbeats and a back-off on a busy machine; only ever ends a hopeless wait.
const SOON: Duration = Duration::from_secs(90);

/// The cable's name at both ends.
const CABLE: &str = "cable";

/// Who may write grants for others where no approval is needed.
pub const TICKETS: &str = "tickets";

/// How the host is told to reach the directory.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Where.
    pub uris: &'static [&'static str],
    /// Whether TLS is asked for on the plain port.
    pub start_tls: bool,
    /// What proves who approved.
    pub proof: &'static str,
    /// As whom the host comes, the rest of the line `bind = `.
    pub bind: &'static str,
    /// More lines of `[source.ldap]`, and whatever comes after it.
    pub more: &'static str,
}

/// StartTLS; approvals are proved by creatorsName.
pub const START_TLS: Source = Source {
    uris: &["ldap://ldap.example.com"],
    start_tls: true,
    proof: "creators-name",
    bind: "{ method = \"simple\", dn = \"cn=web1,ou=hosts,dc=example,dc=com\", password_file = \"/etc/jitd/ldap.secret\" }",
    more: "",
};
/// TLS from the first byte.
pub const LDAPS: Source = Source { uris: &["ldaps://ldap.example.com"], start_tls: false, ..START_TLS };

impl Source {
    fn config(&self) -> String {
        let uris: Vec<String> = self.uris.iter().map(|uri| format!("\"{uri}\"")).collect();
        format!(
            "[host]\nname = \"{NAME}\"\ngroups = [\"web\"]\n[source.ldap]\nuris = [{}]\nstart_tls = {}\nbase = \"dc=example,dc=com\"\n\
             ca = \"/etc/jitd/ca.crt\"\nwriters = [\"{}\"]\nproof = \"{}\"\n\
             bind = {}\n{}\n",
            uris.join(", "),
            self.start_tls,
            person(TICKETS),
            self.proof,
            self.bind,
            self.more
        )
    }
}

/// Where people work, what they are told, and by whom.
#[derive(Debug)]
pub struct Company {
    /// The directory.
    pub slapd: Slapd,
    /// The guarded host.
    pub door: Door,
    /// Where slapd runs.
    ldap: Host,
}

impl Company {
    /// Everything but jitd. The people have logins on the host and entries and passwords in the directory, and are all
    /// eligible for the roles `free` (no approval), `careful` (one, by a lead) and `both` (two, by seniors). bob and carol are
    /// the leads, bob and dave the seniors.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn new(people: &[&str], entries: &Ldif, source: Source) -> Result<Company> {
        Company::at(Slapd::plan(), people, entries, source)
    }

    /// The same with this directory.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn at(plan: Plan<'_>, people: &[&str], entries: &Ldif, source: Source) -> Result<Company> {
        let (host, ldap) = joined()?;
        let text = format!("{}{entries}", entries_of(people));
        let slapd = plan.in_network_of(&ldap).with(&text).up()?;
        let locals: Vec<&str> = people.iter().copied().filter(|who| *who != "root").collect();
        let door = guarded(host, &locals, source, &slapd.tls_file("ca.crt"))?;
        Ok(Company { slapd, door, ldap })
    }

    /// The same with jitd, enforcing.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn up(people: &[&str], source: Source) -> Result<Company> {
        let company = Company::new(people, &Ldif::new(), source)?;
        company.open()?;
        Ok(company)
    }

    /// Starts jitd and enforces.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn open(&self) -> Result<()> {
        self.door.start_jitd()?;
        self.door.enforce()
    }

    /// `who` adds entries with his own password.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn adds(&self, who: &str, ldif: &Ldif) -> Result<()> {
        self.slapd.change_as(&person(who), &format!("{who}-secret"), &additions(ldif))
    }

    /// The administrator changes an entry's attributes, as the lines of a modification say.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn alters(&self, dn: &str, change: &str) -> Result<()> {
        self.slapd.change(&altering(dn, change))
    }

    /// Every grant that jitd knows of.
    pub fn grants(&self) -> Value {
        let listed = self.door.jitctl(["grants", "--all", "--json"]).run().map(|output| output.stdout);
        serde_json::from_str(&listed.unwrap_or_default()).unwrap_or_default()
    }

    /// One of them; null when jitd does not know it.
    pub fn grant(&self, grant: &Grant) -> Value {
        self.grants()["grants"]
            .as_array()
            .and_then(|all| all.iter().find(|one| one["id"] == grant.id()))
            .cloned()
            .unwrap_or_default()
    }

    /// Waits until jitd holds a grant in this state.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn until_state(&self, grant: &Grant, state: &str) -> Result<()> {
        until(SOON, &format!("jitd holds {} as {state}", grant.id()), || self.grant(grant)["state"] == state)
            .map_err(|trouble| Trouble::new(format!("{trouble}\nbut {}{}", self.grant(grant), self.status())))
    }

    /// What is wrong, as `jitctl status` tells it.
    pub fn status(&self) -> String {
        self.door.jitctl(["status", "--json"]).run().map(|output| output.stdout).unwrap_or_default()
    }

    /// Waits until `jitctl status` complains of this about the directory.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn until_trouble(&self, word: &str) -> Result<()> {
        let complains = || {
            let status: Value = serde_json::from_str(&self.status()).unwrap_or_default();
            status["degraded"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one.to_string().contains(word)))
        };
        until(SOON, &format!("status complains: {word}"), complains)
            .map_err(|trouble| Trouble::new(format!("{trouble}, but says {}", self.status())))
    }

    /// Waits until nothing is wrong any more.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn until_well(&self) -> Result<()> {
        until(SOON, "status is well", || self.door.jitctl(["status"]).run().is_ok_and(|output| output.ok()))
            .map_err(|trouble| Trouble::new(format!("{trouble}, but says {}", self.status())))
    }

    /// ssh and sudo let him in, without a word.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn is_in(&self, who: &str) -> Result<()> {
        let output = self.door.ssh(who, "sudo id -u")?;
        assert!(welcome(&output), "{who} should be in: {output}{}", self.status());
        Ok(())
    }

    /// ssh keeps him out and says why.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn is_out(&self, who: &str, why: &str) -> Result<()> {
        let output = self.door.ssh(who, "sudo id -u")?;
        assert!(refused(&output, why), "{who} should be out ({why}): {output}{}", self.status());
        Ok(())
    }

    /// Waits until ssh keeps him out, and says why.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn until_out(&self, who: &str, why: &str) -> Result<()> {
        until(SOON, &format!("{who} is out ({why})"), || {
            self.door.ssh(who, "sudo id -u").is_ok_and(|output| refused(&output, why))
        })
        .map_err(|trouble| Trouble::new(format!("{trouble}; {}", self.status())))
    }

    /// Waits until ssh lets him in.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn until_in(&self, who: &str) -> Result<()> {
        until(SOON, &format!("{who} is in"), || {
            self.door.ssh(who, "sudo id -u").is_ok_and(|output| welcome(&output))
        })
        .map_err(|trouble| Trouble::new(format!("{trouble}; {}", self.status())))
    }

    /// Pulls the cable, or puts it back: what is sent is lost without a word.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn cable(&self, state: Cable) -> Result<()> {
        let word = match state {
            Cable::Pulled => "down",
            Cable::In => "up",
        };
        self.ldap.exec(["ip", "link", "set", CABLE, word]).run()?.must().map(drop)
    }
}

/// A host to be guarded and one for a directory, `ldap.example.com`, joined by a cable.
///
/// # Errors
/// When they do not come up.
pub fn joined() -> Result<(Host, Host)> {
    let (host, ldap) = (Host::named(NAME).up()?, Host::named("ldap.example.com").up()?);
    host.join(&ldap, CABLE, "10.9.0.1/24", "10.9.0.2/24")?;
    host.append("/etc/hosts", "10.9.0.2 ldap.example.com\n")?;
    Ok((host, ldap))
}

/// The guarded one, with these people's logins, told to believe this authority. jitd does not run yet.
///
/// # Errors
/// When something is not built, or it does not come up.
pub fn guarded(host: Host, locals: &[&str], source: Source, authority: &Path) -> Result<Door> {
    let door = Door::on(host, locals, &source.config())?;
    door.host().install(authority, "/etc/jitd/ca.crt", 0o644)?;
    door.host().write("/etc/jitd/ldap.secret", 0o600, "host-secret\n")?;
    door.host().sh("chown jitd /etc/jitd/ldap.secret").run()?.must()?;
    Ok(door)
}

/// The only way to the directory.
#[derive(Clone, Copy, Debug)]
pub enum Cable {
    /// Nothing gets through.
    Pulled,
    /// As usual.
    In,
}

/// Let in, without a word.
pub fn welcome(output: &Output) -> bool {
    output.ok() && output.stdout == "0\n" && output.stderr.is_empty()
}

/// Kept out, and told why.
pub fn refused(output: &Output, why: &str) -> bool {
    !output.ok() && output.stdout.is_empty() && output.stderr.contains(why)
}

/// The LDIF of additions: each entry told to be one.
pub fn additions(ldif: &Ldif) -> String {
    let entry = |text: &str| {
        text.split_once('\n')
            .map(|(dn, rest)| format!("{dn}\nchangetype: add\n{rest}\n\n"))
            .unwrap_or_default()
    };
    ldif.to_string().trim().split("\n\n").map(entry).collect()
}

/// The LDIF of a modification.
pub fn altering(dn: &str, change: &str) -> String {
    format!("dn: {dn}\nchangetype: modify\n{change}\n\n")
}

/// A grant without an approval, for an hour from now.
pub fn free(who: &str) -> Grant {
    Grant::of(&format!("grant-of-{who}"), &person(who)).under("free").lasting(3600)
}

/// The same under a role that wants one approval of a lead.
pub fn careful(who: &str) -> Grant {
    free(who).under("careful")
}

/// What such a directory holds beyond the usual company, of these people.
pub fn entries_of(people: &[&str]) -> Ldif {
    let members: Vec<String> = people.iter().map(|who| person(who)).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let (everybody, leads, seniors) = (group("everybody"), group("leads"), group("seniors"));
    let eligible = [("jitHost", "*"), ("jitEligible", everybody.as_str())];
    let with = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        eligible.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect()
    };
    let role = |ldif: Ldif, name: &str, more: &[(&'static str, &str)]| {
        let attributes = with(more);
        let attributes: Vec<(&str, &str)> = attributes.iter().map(|(n, v)| (*n, v.as_str())).collect();
        ldif.role(name, &attributes)
    };
    let mut ldif =
        Ldif::new().group("everybody", &members).group("seniors", &[&person("bob"), &person("dave")]);
    ldif = role(ldif, "free", &[]);
    ldif = role(ldif, "careful", &[("jitApprovalsRequired", "1"), ("jitApproverGroup", &leads)]);
    ldif = role(ldif, "senior", &[("jitApprovalsRequired", "1"), ("jitApproverGroup", &seniors)]);
    ldif = role(ldif, "both", &[("jitApprovalsRequired", "2"), ("jitApproverGroup", &seniors)]);
    // alice, bob and carol are there already.
    let helpers = ["dave", TICKETS, "mallory"];
    let helpers = helpers.iter().filter(|who| !people.contains(who));
    let others = people.iter().chain(helpers).filter(|who| !["alice", "bob", "carol"].contains(who));
    others.fold(ldif, |ldif, who| {
        let number = if *who == "zero" { "0" } else { "3000" };
        ldif.entry(
            &person(who),
            &[
                ("objectClass", "account"),
                ("objectClass", "posixAccount"),
                ("uid", who),
                ("cn", who),
                ("uidNumber", number),
                ("gidNumber", "3000"),
                ("homeDirectory", "/home/x"),
                ("userPassword", &format!("{who}-secret")),
            ],
        )
    })
}
