//! The same with a real OpenLDAP under the access rules of packaging/ldap: alice asks, bob approves, bob revokes, each with
//! ldapadd and a password of his own. jitd only reads, over TLS, and is told of each change by push.

use std::io::Write;
use std::process::{Command, Stdio};

use jit_tests::door::{Door, NAME};
use jit_tests::host::Host;
use jit_tests::host::exec::Output;
use jit_tests::ldif::{Grant, Ldif, group, person};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::{Result, Trouble};

use super::{Steps, groups, known, session};

const CONFIG: &str = r#"
[host]
name = "web1.prod.example.com"

[source.ldap]
uris = ["ldaps://localhost"]
base = "dc=example,dc=com"
ca = "/etc/jitd/ca.crt"
bind = { method = "simple", dn = "cn=web1,ou=hosts,dc=example,dc=com", password_file = "/etc/jitd/ldap.secret" }
"#;

/// OpenLDAP as the directory.
pub(super) fn with_slapd() -> Result<Steps> {
    println!(
        "raising {NAME}: real sshd and sudo, pam_jit.so in their PAM files, and an OpenLDAP that jitd follows over TLS"
    );
    let host = Host::named(NAME).up()?;
    let roles = Ldif::new().role(
        "web-admin",
        &[
            ("jitHost", "*.prod.example.com"),
            ("jitEligible", &group("operators")),
            ("jitApprovalsRequired", "1"),
            ("jitApproverGroup", &group("leads")),
        ],
    );
    let dba = [
        ("jitHost", "*.prod.example.com"),
        ("jitEligible", &group("operators")),
        ("jitApprovalsRequired", "1"),
        ("jitApproverGroup", &group("leads")),
        ("jitLocalGroup", groups::GROUP),
    ];
    let roles = roles.role("dba", &dba);
    let slapd = Slapd::plan().in_network_of(&host).with(&roles.to_string()).up()?;
    let door = Door::on(host, &["alice"], &format!("{CONFIG}{}{}", session::QUICK, groups::ALLOWED))?;
    door.host().install(&slapd.tls_file("ca.crt"), "/etc/jitd/ca.crt", 0o644)?;
    door.host().write("/etc/jitd/ldap.secret", 0o600, "host-secret\n")?;
    door.host().sh("chown jitd /etc/jitd/ldap.secret").run()?.must()?;
    door.start_jitd()?;
    door.enforce()?;
    let mut steps = Steps::default();

    steps.refused(
        &door,
        "alice has no grant: ssh refuses her and says what to do",
        "ask for a grant for web1.prod.example.com under ou=grants,ou=jit,dc=example,dc=com",
    )?;

    let grant = Grant::of(&random()?, &person("alice")).under("web-admin").lasting(7200);
    let grant = grant.with("jitReason", "disk full on web1");
    let asked = Ldif::new().grant(&grant);
    let out = ldapadd(&slapd, "alice", &asked)?;
    let typed = |who: &str, ldif: &Ldif| format!("ldapadd -D {} -W <<.\n{}", person(who), indented(ldif));
    steps.show("she asks for two hours under the role web-admin", &typed("alice", &asked), &out, out.ok());
    known(&door, grant.id(), "pending")?;
    steps.refused(&door, "asking is not enough", "pending: needs 1 more approval from leads")?;

    let approved = Ldif::new().approval(&grant, "alice");
    let out = ldapadd(&slapd, "alice", &approved)?;
    let refused = !out.ok() && out.stderr.contains("Insufficient access");
    steps.show("nobody approves for himself", &typed("alice", &approved), &out, refused);

    // An approver who may not ask the host is told it by somebody who may.
    let typed_digest = "jitctl grants --json | grep -o '\"digest\":\"[0-9a-f]*\"'";
    let out = door.host().sh(typed_digest).run()?;
    let right = out.ok() && out.stdout.contains(&grant.digest());
    steps.show(
        "what an approval of it has to carry, so that nobody changes it afterwards",
        typed_digest,
        &out,
        right,
    );

    let approved = Ldif::new().approval(&grant, "bob");
    let out = ldapadd(&slapd, "bob", &approved)?;
    steps.show(
        "bob, a lead, approves exactly that (a digest of the grant)",
        &typed("bob", &approved),
        &out,
        out.ok(),
    );
    known(&door, grant.id(), "live")?;

    steps.welcome(&door, "disk full on web1")?;

    let revoked = Ldif::new().revocation(&grant);
    let out = ldapadd(&slapd, "bob", &revoked)?;
    steps.show("bob takes it back", &typed("bob", &revoked), &out, out.ok());
    known(&door, grant.id(), "revoked")?;

    steps.refused(&door, "the next ssh is refused", "revoked by bob")?;

    let short = |steps: &mut Steps, role: &str, seconds: u32, reason: &str| {
        let grant = Grant::of(&random()?, &person("alice")).under(role);
        let grant = grant.lasting(seconds).with("jitReason", reason);
        let out = ldapadd(&slapd, "alice", &Ldif::new().grant(&grant))?;
        let typed = typed("alice", &Ldif::new().grant(&grant));
        let what = format!("she asks for {seconds} seconds under the role {role}");
        steps.show(&what, &typed, &out, out.ok());
        let approved = Ldif::new().approval(&grant, "bob");
        let out = ldapadd(&slapd, "bob", &approved)?;
        steps.show("and bob approves", "ldapadd ...", &out, out.ok());
        known(&door, grant.id(), "live")
    };
    groups::come_and_go(&mut steps, &door, |steps| short(steps, "dba", groups::SECONDS, "slow queries"))?;
    session::shell_until_the_end(&mut steps, &door, |steps| {
        short(steps, "web-admin", session::SECONDS, "one last look")
    })?;
    steps.audit(&door, &[grant.id(), "disk full on web1", &person("bob")])?;
    Ok(steps)
}

/// What a person adds to the directory, with his password.
fn ldapadd(slapd: &Slapd, who: &str, ldif: &Ldif) -> Result<Output> {
    let trouble = |e| Trouble::new(format!("ldapadd does not run ({e}): apt-get install ldap-utils"));
    let mut child = Command::new("ldapadd")
        .args(["-x", "-D", &person(who), "-w", &format!("{who}-secret"), "-H", &slapd.socket()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(trouble)?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(ldif.to_string().as_bytes()).map_err(trouble)?;
    }
    let output = child.wait_with_output().map_err(trouble)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Output {
        status: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}

/// As it is typed, in the shape of the demo.
fn indented(ldif: &Ldif) -> String {
    let lines: Vec<String> = ldif.to_string().trim_end().lines().map(|line| format!("     {line}")).collect();
    lines.join("\n")
}

/// 128 random bits, as a grant's cn is made of.
fn random() -> Result<String> {
    let path = std::path::Path::new("/proc/sys/kernel/random/uuid");
    let uuid = std::fs::read_to_string(path).map_err(|e| Trouble::io(path, e))?;
    Ok(uuid.trim().replace('-', ""))
}
