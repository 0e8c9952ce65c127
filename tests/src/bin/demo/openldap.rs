//! The same with a real OpenLDAP under the access rules of packaging/ldap: alice asks, bob approves and takes away, each with jitctl at a
//! machine of their own and a password of their own. jitd only reads, over TLS, and is told of each change by push.

use jit_tests::company::laptop::{Laptop, PASSWORDS};
use jit_tests::door::{Door, NAME};
use jit_tests::host::Host;
use jit_tests::host::exec::Output;
use jit_tests::ldif::{Ldif, group, person};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::{Result, Trouble};

use super::{Steps, groups, known, session};

const CONFIG: &str = r#"
[host]
name = "web1.prod.example.com"

[source.ldap]
uris = ["ldaps://ldap.example.com"]
base = "dc=example,dc=com"
ca = "/etc/jitd/ca.crt"
bind = { method = "simple", dn = "cn=web1,ou=hosts,dc=example,dc=com", password_file = "/etc/jitd/ldap.secret" }
"#;

/// OpenLDAP as the directory.
pub(super) fn with_slapd() -> Result<Steps> {
    println!(
        "raising {NAME}: real sshd and sudo, pam_jit.so in their PAM files; ldap.example.com, an OpenLDAP that jitd follows over TLS;\n\
         and laptop.example.com, where alice and bob have nothing but jitctl and their passwords"
    );
    let (host, ldap) = (Host::named(NAME).up()?, Host::named("ldap.example.com").up()?);
    host.join(&ldap, "cable", "10.9.0.1/24", "10.9.0.2/24")?;
    host.append("/etc/hosts", "10.9.0.2 ldap.example.com\n")?;
    let careful = [
        ("jitHost", "*.prod.example.com"),
        ("jitEligible", &group("operators")),
        ("jitApprovalsRequired", "1"),
        ("jitApproverGroup", &group("leads")),
    ];
    let dba = [careful.as_slice(), &[("jitLocalGroup", groups::GROUP)]].concat();
    let roles = Ldif::new().role("web-admin", &careful).role("dba", &dba);
    let slapd = Slapd::plan().in_network_of(&ldap).with(&roles.to_string()).up()?;
    let door = Door::on(host, &["alice"], &format!("{CONFIG}{}{}", session::QUICK, groups::ALLOWED))?;
    door.host().install(&slapd.tls_file("ca.crt"), "/etc/jitd/ca.crt", 0o644)?;
    door.host().write("/etc/jitd/ldap.secret", 0o600, "host-secret\n")?;
    door.host().sh("chown jitd /etc/jitd/ldap.secret").run()?.must()?;
    door.start_jitd()?;
    door.enforce()?;
    let people = People {
        door: &door,
        laptop: Laptop::joined(&ldap, &slapd.tls_file("ca.crt"), &["alice", "bob"], PASSWORDS)?,
    };
    let mut steps = Steps::default();

    steps.refused(
        &door,
        "alice has no grant: ssh refuses her and says what to type",
        "ask: jitctl request --role dba --host web1.prod.example.com --for 2h --reason '...'\nor with --role operator or --role web-admin",
    )?;

    let what = "she asks for two hours under the role web-admin";
    let id = people.asks(&mut steps, what, "web-admin", "2h", "disk full on web1")?;
    steps.refused(&door, "asking is not enough", &format!("ask them: jitctl approve {id}"))?;

    let own = ["approve", &id, "--yes"];
    people.says(&mut steps, "alice", "nobody approves for himself", &own, |out| !out.ok())?;
    people.approves(&mut steps, "bob, a lead, sees exactly what is asked, and approves that", &id, "live")?;

    steps.welcome(&door, "disk full on web1")?;

    let what = "she needs longer: a request of its own that begins where the other ends";
    let out = people.says(&mut steps, "alice", what, &["extend", &id, "--for", "1h"], Output::ok)?;
    let longer = asked(&out)?;
    known(&door, &longer, "pending")?;
    people.approves(&mut steps, "bob approves that too", &longer, "scheduled")?;
    people.says(
        &mut steps,
        "alice",
        "done earlier than that: she gives it back",
        &["release", &longer],
        Output::ok,
    )?;
    known(&door, &longer, "revoked")?;

    let out = ["revoke", &id, "--reason", "disk is fine again"];
    people.says(&mut steps, "bob", "and bob takes the rest away", &out, Output::ok)?;
    known(&door, &id, "revoked")?;
    steps.refused(&door, "the next ssh is refused", "revoked by bob")?;

    let short = |steps: &mut Steps, role: &str, seconds: u32, reason: &str| {
        let what = format!("she asks for {seconds} seconds under the role {role}");
        let id = people.asks(steps, &what, role, &format!("{seconds}s"), reason)?;
        people.approves(steps, "and bob approves", &id, "live")
    };
    groups::come_and_go(&mut steps, &door, |steps| short(steps, "dba", groups::SECONDS, "slow queries"))?;
    session::shell_until_the_end(&mut steps, &door, |steps| {
        short(steps, "web-admin", session::SECONDS, "one last look")
    })?;
    steps.audit(&door, &[&id, "disk full on web1", &person("bob")])?;
    Ok(steps)
}

/// Who types what at the laptop.
struct People<'a> {
    door: &'a Door,
    laptop: Laptop,
}

impl People<'_> {
    /// One of them types a command of jitctl's.
    fn says(
        &self,
        steps: &mut Steps,
        who: &str,
        what: &str,
        words: &[&str],
        right: impl Fn(&Output) -> bool,
    ) -> Result<Output> {
        let out = self.laptop.jitctl(who, words.iter().copied())?;
        let quoted = |word: &&str| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() };
        let typed: Vec<String> = words.iter().map(quoted).collect();
        let typed = format!("jitctl {}     ({who}, at the laptop)", typed.join(" "));
        steps.show(what, &typed, &out, right(&out));
        Ok(out)
    }

    /// alice asks; the grant's id.
    fn asks(&self, steps: &mut Steps, what: &str, role: &str, lasting: &str, reason: &str) -> Result<String> {
        let words = ["request", "--role", role, "--host", NAME, "--for", lasting, "--reason", reason];
        let id = asked(&self.says(steps, "alice", what, &words, Output::ok)?)?;
        known(self.door, &id, "pending")?;
        Ok(id)
    }

    /// bob approves, and the host hears of it.
    fn approves(&self, steps: &mut Steps, what: &str, id: &str, then: &str) -> Result<()> {
        self.says(steps, "bob", what, &["approve", id, "--yes"], Output::ok)?;
        known(self.door, id, then)
    }
}

/// The id in the line that is for approvers.
fn asked(out: &Output) -> Result<String> {
    let id = out.stdout.split("jitctl approve ").nth(1).and_then(|rest| rest.split_whitespace().next());
    id.map(str::to_owned).ok_or_else(|| Trouble::new(format!("jitctl names nothing to approve: {out}")))
}
