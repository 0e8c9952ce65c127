//! A host that shows its directory a Kerberos ticket, fetched by its keytab, and a person who shows hers: what ssh says of it.

use std::time::Duration;

use jit_tests::company::{additions, free, refused, welcome};
use jit_tests::door::{Door, NAME, SOON};
use jit_tests::host::Host;
use jit_tests::host::console::Console;
use jit_tests::kdc::Kdc;
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

const CONFIG: &str = r#"
[host]
name = "web1.prod.example.com"

[source.ldap]
uris = ["ldaps://ldap.example.com"]
base = "dc=example,dc=com"
ca = "/etc/jitd/ca.crt"
bind = { method = "gssapi", keytab = "/etc/jitd/jitd.keytab" }

[source.ldif]
path = "/etc/jitd/grants.ldif"
base = "dc=example,dc=com"

[default_role]
max_duration = "8h"
"#;

const CLIENT: &str = r#"
[directory]
uris = ["ldaps://ldap.example.com"]
base = "dc=example,dc=com"
ca = "/etc/jitd/ca.crt"
"#;

#[test]
fn a_host_and_a_person_are_known_by_their_tickets_and_a_kdc_that_is_gone_locks_nobody_out() -> Result<()> {
    let (host, ldap) = (Host::named(NAME).up()?, Host::named("ldap.example.com").up()?);
    host.join(&ldap, "cable", "10.9.0.1/24", "10.9.0.2/24")?;
    host.append("/etc/hosts", "10.9.0.2 ldap.example.com\n")?;
    let mut kdc = Kdc::in_network_of(&ldap)?;
    let role = Ldif::new()
        .role("free", &[("jitHost", "*"), ("jitEligible", "cn=operators,ou=groups,dc=example,dc=com")]);
    let mut slapd = Slapd::plan().in_network_of(&ldap).with(&role.to_string()).kerberos(&kdc).up()?;

    let door = Door::on(host, &["alice", "bob"], CONFIG)?;
    door.host().write("/etc/krb5.conf", 0o644, kdc.client_config("10.9.0.2", 300))?;
    door.host().install(&slapd.tls_file("ca.crt"), "/etc/jitd/ca.crt", 0o644)?;
    let keytab = kdc.keytab(&format!("host/{NAME}"))?;
    door.host().install(&keytab, "/etc/jitd/jitd.keytab", 0o640)?;
    door.host().sh("chgrp jitd /etc/jitd/jitd.keytab").run()?.must()?;
    door.host().write("/etc/jitd/grants.ldif", 0o644, Ldif::containers().to_string())?;
    door.start_jitd()?;
    door.enforce()?;

    let (ssh, says) = (|who| door.ssh(who, "sudo id -u"), || door.jitctl(["status", "--json"]).run());
    let told = |trouble: Trouble| {
        Trouble::new(format!("{trouble}; {}", says().map(|output| output.stdout).unwrap_or_default()))
    };
    assert!(refused(&ssh("alice")?, "no grant"));
    let (grant, alice) = (free("alice"), "uid=alice,ou=people,dc=example,dc=com");
    slapd.change_as(alice, "alice-secret", &additions(&Ldif::new().grant(&grant)))?;
    until(SOON, "alice is in", || ssh("alice").is_ok_and(|output| welcome(&output))).map_err(told)?;

    // She looks at the roles as herself, by the ticket, with nothing said about bind.
    let cache = keytab.with_extension("alice");
    kdc.kinit("alice", &["-c", &cache.display().to_string()])?;
    door.host().install(&cache, "/tmp/krb5cc_5001", 0o600)?;
    door.host().sh("chown alice /tmp/krb5cc_5001; mkdir -p /etc/jit").run()?.must()?;
    door.host().write("/etc/jit/client.toml", 0o644, CLIENT)?;
    let roles = door
        .host()
        .exec_as("alice", ["env", "HOME=/home/alice", "jitctl", "--json", "role", "list"])
        .run()?
        .must()?;
    assert!(roles.contains("\"free\""), "{roles}");
    let unknown =
        door.host().exec_as("bob", ["env", "HOME=/home/bob", "jitctl", "--json", "role", "list"]).run()?;
    assert!(!unknown.ok() && unknown.stdout.contains("password_file"), "{unknown}");

    // The connection is lost, and no new ticket is to be had: what is known holds, the other source goes on.
    kdc.kill()?;
    slapd.kill()?;
    slapd.start()?;
    let complains = || says().is_ok_and(|output| output.stdout.contains("port 88"));
    until(SOON, "status names the KDC", complains).map_err(told)?;
    assert!(welcome(&ssh("alice")?));
    assert!(refused(&ssh("bob")?, "no grant"));
    door.grants(&Ldif::new().person("bob").grant(&Grant::live("night", "bob")))?;
    until(SOON, "bob is in", || ssh("bob").is_ok_and(|output| welcome(&output))).map_err(told)?;

    // He has no ticket, and a terminal: he is asked.
    door.host().exec(["chpasswd"]).stdin("bob:pw\n").run()?.must()?;
    let mut terminal = Console::on_a_pseudo_terminal(door.host())?;
    terminal.shows("login:")?;
    terminal.types("bob")?;
    terminal.shows("Password: ")?;
    terminal.types("pw")?;
    terminal.shows("$")?;
    terminal.types("jitctl role list")?;
    terminal.shows("Password of uid=bob,ou=people,dc=example,dc=com at ldaps://ldap.example.com: ")?;
    terminal.types("bob-secret")?;
    terminal.shows("free")?;
    assert!(!terminal.screen().contains("bob-secret"), "{}", terminal.screen());

    kdc.start(&[])?;
    slapd.add(&Ldif::new().revocation(&grant).to_string())?;
    until(SOON + Duration::from_secs(30), "alice is out", || {
        ssh("alice").is_ok_and(|output| refused(&output, "revoked"))
    })
    .map_err(told)
}
