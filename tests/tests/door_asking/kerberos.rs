//! On OpenLDAP, by Kerberos alone: people by their tickets, the host by its keytab.

use jit_tests::company::laptop::{Client, Laptop, PASSWORDS};
use jit_tests::company::{LDAPS, Source, entries_of, guarded, joined};
use jit_tests::door::NAME;
use jit_tests::kdc::Kdc;
use jit_tests::slapd::Slapd;
use jit_tests::trouble::Result;

use super::flow::{Place, QUICK};

/// By its keytab.
const KEYED: Source = Source {
    bind: "{ method = \"gssapi\", keytab = \"/etc/jitd/jitd.keytab\", principal = \"host/web1.prod.example.com\" }",
    more: QUICK,
    ..LDAPS
};
/// By their tickets.
const TICKETS: Client = Client { bind: "{ method = \"gssapi\" }", ..PASSWORDS };
const PEOPLE: [&str; 2] = ["alice", "bob"];

#[test]
fn from_asking_to_revoking_on_openldap_by_kerberos() -> Result<()> {
    let (host, ldap) = joined()?;
    let kdc = Kdc::in_network_of(&ldap)?;
    let entries = entries_of(&["alice"]).to_string();
    let slapd = Slapd::plan().kerberos(&kdc).in_network_of(&ldap).with(&entries).up()?;
    let authority = slapd.tls_file("ca.crt");
    host.write("/etc/krb5.conf", 0o644, kdc.client_config("10.9.0.2", 300))?;
    host.install(&kdc.keytab(&format!("host/{NAME}"))?, "/etc/jitd/jitd.keytab", 0o600)?;
    let door = guarded(host, &["alice"], KEYED, &authority)?;
    door.host().sh("chown jitd /etc/jitd/jitd.keytab; rm /etc/jitd/ldap.secret").run()?.must()?;

    let laptop = Laptop::joined(&ldap, &authority, &PEOPLE, TICKETS)?;
    laptop.host().write("/etc/krb5.conf", 0o644, kdc.client_config("10.9.1.2", 300))?;
    for (uid, person) in (5001..).zip(PEOPLE) {
        let cache = format!("/tmp/krb5cc_{uid}");
        let file = format!("FILE:{}", laptop.host().path(&cache).display());
        kdc.kinit(person, &["-c", &file])?;
        // Nothing but the ticket is left to come by.
        laptop.host().sh(&format!("chown {person}: {cache}; rm /home/{person}/.secret")).run()?.must()?;
    }
    door.start_jitd()?;
    door.enforce()?;
    Place { door: &door, laptop: &laptop, role: "careful" }.goes_the_whole_way()
}
