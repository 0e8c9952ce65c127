//! Good configurations mean what they say, and each kind of bad one is refused where it is bad.

use std::os::unix::fs::{PermissionsExt, chown};

use jit_directory::ldap::{Bind, Credentials};
use jit_model::policy::Who;
use jit_model::source::Proof;
use proptest::prelude::*;

use super::*;

mod example;
mod names;

const LEAST: &str =
    "[host]\nname = \"web1.prod.example.com\"\n[source.ldif]\npath = \"/etc/jitd/grants.ldif\"\n";

/// The example of docs/design.md.
const FULL: &str = r#"
[host]
production = true
name = "Web1.prod.example.com."
groups = ["web"]

[guard]
services = ["sshd", "sudo", "cron"]

[[exempt]]
user = "ansible"
services = ["sshd", "sudo"]
from = ["10.0.0.0/8", "2001:db8::/32"]

[[exempt]]
group = "backup"

[break_glass]
users = ["rescue"]
groups = ["jit-breakglass"]
console = false

[source.ldap]
uris = ["ldaps://ldap1.example.com", "ldaps://ldap2.example.com:1636"]
base = "dc=example,dc=com"
people = "ou=staff,dc=example,dc=com"
ca = "/etc/ssl/certs/ca-certificates.crt"
start_tls = false
bind = { method = "simple", dn = "cn=web1,ou=hosts,dc=example,dc=com", password_file = "/etc/jitd/ldap.secret" }
login_attribute = "sAMAccountName"
proof = "signature"
writers = ["cn=tickets,ou=services,dc=example,dc=com"]
poll = "30s"
max_offline = "12h"

[source.ldif]
path = "/etc/jitd/grants.ldif"

[default_role]
max_duration = "8h"

[session]
warn = ["15m", "5m"]
grace = "20s"
on_end = "warn"

[signatures]
allowed_signers = "/etc/ssh/approvers"
"#;

/// The faults as one prints them.
fn faults(text: &str) -> Vec<String> {
    parse(text).expect_err("should be refused").iter().map(ToString::to_string).collect()
}

/// `LEAST` and something more.
fn with(more: &str) -> String {
    format!("{LEAST}{more}")
}

#[track_caller]
fn refused(text: &str, begins: &str) {
    let found = faults(text);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(begins), "expected `{begins}…`, found `{}`", found[0]);
}

#[test]
fn the_least_has_safe_defaults() {
    let config = parse(LEAST).unwrap();
    assert!(config.policy.production);
    assert!(config.policy.guarded.iter().any(|service| service.as_str() == "sshd"));
    assert!(config.policy.background.iter().any(|service| service.as_str() == "cron"));
    assert!(config.policy.exempt.is_empty());
    assert!(config.policy.break_glass.console && config.policy.break_glass.users.is_empty());
    let [(name, source)] = config.sources.iter().collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(name.as_str(), "ldif");
    assert_eq!(source.kind(), "ldif");
    assert_eq!(source.max_offline(), None);
    assert_eq!(source.reading.proof, Proof::Source);
    assert_eq!(source.reading.default_role, None);
    assert_eq!(source.bases.grants.to_string(), "ou=grants,ou=jit,dc=local");
}

#[test]
fn a_quiet_directory_is_heard_of_often_enough() {
    for (written, heartbeat) in [("12h", 20), ("60s", 20), ("30s", 10)] {
        let config = parse(&FULL.replace("\"12h\"", &format!("\"{written}\""))).unwrap();
        let Place::Ldap { session, .. } = &config.sources[&name("ldap")].place else { panic!() };
        assert_eq!(session.patience.heartbeat.as_secs(), heartbeat, "max_offline = {written}");
    }
}

#[test]
fn the_example_means_what_it_says() {
    let config = parse(FULL).unwrap();
    assert_eq!(config.policy.host.fqdn().as_str(), "web1.prod.example.com");
    assert!(config.policy.host.iter().any(|name| name.as_str() == "@web"));
    let guarded: Vec<&str> = config.policy.guarded.iter().map(|service| service.as_str()).collect();
    assert_eq!(guarded, ["cron", "sshd", "sudo"]);
    assert!(
        config.policy.background.iter().all(|service| service.as_str() != "cron"),
        "guarded for everybody"
    );
    let [ansible, backup] = &config.policy.exempt[..] else { panic!() };
    assert!(matches!(&ansible.who, Who::User(login) if login.as_str() == "ansible"));
    assert_eq!((ansible.services.len(), ansible.from.len()), (2, 2));
    assert!(matches!(&backup.who, Who::Group(group) if group.as_str() == "backup"));
    assert!(!config.policy.break_glass.console);

    let (ldap, ldif) = (&config.sources[&name("ldap")], &config.sources[&name("ldif")]);
    let Place::Ldap { session, max_offline } = &ldap.place else { panic!() };
    assert_eq!(session.servers.len(), 2);
    assert!(matches!(&session.bind, Bind::Simple { dn, .. } if dn.to_string().starts_with("cn=web1")));
    assert_eq!((session.patience.poll.as_secs(), max_offline.0), (30, 12 * 3600));
    assert_eq!(ldap.bases.people.to_string(), "ou=staff,dc=example,dc=com");
    assert_eq!(ldap.bases.roles.to_string(), "ou=roles,ou=jit,dc=example,dc=com");
    assert_eq!(ldap.reading.login_attribute, "samaccountname");
    assert_eq!((ldap.reading.proof, ldap.reading.writers.len()), (Proof::Signature, 1));
    assert_eq!(ldap.reading.default_role, None, "the default role speaks only for LDIF");
    assert_eq!(ldif.reading.default_role.as_ref().unwrap().max_duration, Span(8 * 3600));
    let session = Session { warn: vec![Span(900), Span(300)], grace: Span(20), on_end: OnEnd::Warn };
    assert_eq!(config.session, session);
    assert_eq!(config.signatures.allowed_signers, std::path::Path::new("/etc/ssh/approvers"));
    let least = parse(LEAST).unwrap();
    assert_eq!(least.signatures.allowed_signers, std::path::Path::new("/etc/jitd/allowed_signers"));
}

#[test]
fn the_example_in_the_docs_is_good() {
    let docs = include_str!("../../../docs/design.md");
    let (_, rest) = docs.split_once("```toml\n").expect("docs/design.md should have an example");
    let (example, _) = rest.split_once("```").unwrap();
    assert!(example.contains("[source.ldap]"), "{example}");
    parse(example).unwrap_or_else(|faults| panic!("{faults:#?}"));
}

fn name(text: &str) -> SourceName {
    SourceName::new(text).unwrap()
}

#[test]
fn the_fingerprint_follows_what_chooses_the_entries() {
    let of = |text: &str, source: &str| {
        let config = parse(text).unwrap();
        config.sources[&name(source)].fingerprint(&config.policy.host)
    };
    let before = of(FULL, "ldap");
    for same in [("ldap1", "ldap3"), ("30s", "40s"), ("/etc/ssl", "/etc/tls"), ("12h", "13h")] {
        assert_eq!(of(&FULL.replace(same.0, same.1), "ldap"), before, "{same:?}");
    }
    let host_groups = ("[\"web\"]", "[\"db\"]");
    for other in
        [host_groups, ("ou=staff", "ou=people"), ("cn=web1", "cn=web2"), ("Web1", "web2"), ("sAMA", "A")]
    {
        assert_ne!(of(&FULL.replace(other.0, other.1), "ldap"), before, "{other:?}");
    }
    let before = of(FULL, "ldif");
    assert_eq!(of(&FULL.replace("[\"web\"]", "[\"db\"]"), "ldif"), before);
    assert_ne!(of(&FULL.replace("grants.ldif", "others.ldif"), "ldif"), before);
}

#[test]
fn the_host_must_be_named_in_full() {
    refused("[source.ldif]\npath = \"/x\"\n", "1:1: host: there is no [host]");
    refused("[host]\n[source.ldif]\npath = \"/x\"\n", "1:1: host: lacks `name`");
    refused(
        &LEAST.replace("web1.prod.example.com", "*.example.com"),
        "2:8: host.name: `*.example.com` names no host",
    );
    refused(&LEAST.replace("web1.prod.example.com", "web 1"), "2:8: host.name:");
    refused(&LEAST.replace("\"web1.prod.example.com\"", "7"), "2:8: host.name: expects a text in quotes");
    refused(
        &LEAST.replace("[source", "groups = [\"@web\"]\n[source"),
        "3:11: host.groups: write \"web\", without",
    );
    refused(
        &LEAST.replace("[source", "groups = [\"a b\"]\n[source"),
        "3:11: host.groups: `a b` is no host group",
    );
    refused(&LEAST.replace("[source", "groups = \"web\"\n[source"), "3:10: host.groups: expects a list");
    refused(
        &LEAST.replace("[source", "production = \"yes\"\n[source"),
        "3:14: host.production: expects true or false",
    );
}

#[test]
fn unknown_keys_are_faults_wherever_they_are() {
    refused(&with("[gaurd]\n"), "5:2: gaurd: unknown key; known here: host, guard,");
    refused(
        &LEAST.replace("[source", "prodution = false\n[source"),
        "3:1: host.prodution: unknown key; known here:",
    );
    refused(&with("uri = \"x\"\n"), "5:1: source.ldif.uri: unknown key");
    refused(&with("[[exempt]]\nuser = \"a\"\nhosts = []\n"), "7:1: exempt[0].hosts: unknown key");
    let tagged = FULL.replace("bind = { method", "bind = { realm = \"X\", method");
    refused(&tagged, "29:10: source.ldap.bind.realm: unknown key; known here: method, dn, password_file");
}

#[test]
fn all_faults_are_shown_at_once_in_the_order_of_the_text() {
    let text = "[host]\nname = \"a b\"\nproduction = 1\n[guard]\nservices = [\"ok\", \"no space\", \"-x\"]\n[x]\n[source.s]\n";
    let found = faults(text);
    let places: Vec<&str> = found.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["2:8", "3:14", "5:19", "5:31", "6:2", "7:9"], "{found:#?}");
}

#[test]
fn toml_that_is_none_is_refused_where_it_breaks() {
    refused("[host\n", "1:6: ");
    assert!(faults("[host]\nname = \"a\nb\"\n")[0].starts_with("2:10: "));
    refused(&with("[host]\n"), "5:");
    refused(&with("path = \"/again\"\n"), "5:");
}

#[test]
fn exemptions_are_for_somebody_and_narrow() {
    refused(&with("[[exempt]]\nservices = [\"sshd\"]\n"), "5:1: exempt[0]: says not for whom");
    refused(&with("[[exempt]]\nuser = \"a\"\ngroup = \"b\"\n"), "5:1: exempt[0]: names a user and a group");
    refused(&with("[[exempt]]\nuser = \"a b\"\n"), "6:8: exempt[0].user: ");
    refused(&with("[[exempt]]\nuser = \"a\"\nfrom = []\n"), "5:1: exempt[0]: `from` is empty");
    refused(&with("[[exempt]]\nuser = \"a\"\nservices = []\n"), "5:1: exempt[0]: `services` is empty");
    refused(
        &with("[[exempt]]\nuser = \"a\"\nfrom = [\"10.0.0.1/8\"]\n"),
        "7:9: exempt[0].from: `10.0.0.1/8` sets bits",
    );
    refused(
        &with("[[exempt]]\nuser = \"a\"\nfrom = [\"bastion\"]\n"),
        "7:9: exempt[0].from: `bastion` is no network",
    );
    refused(&with("[exempt]\nuser = \"a\"\n"), "5:1: exempt: expects tables, each headed [[exempt]]");
    refused(
        &with("[guard]\nservices = []\n"),
        "5:1: guard: `services` is empty, so nothing would be guarded",
    );
    refused(
        &with("[guard]\nopen = [\"cups\", \"sshd\"]\n"),
        "5:1: guard: `open` lists sshd, which is guarded",
    );
}

#[test]
fn a_source_is_one_kind_and_whole() {
    refused("[host]\nname = \"a.b\"\n", "1:1: source: there is none");
    assert!(
        parse("[host]\nname = \"a.b\"\nproduction = false\n").is_ok(),
        "nothing is guarded, nothing is needed"
    );
    refused(&with("[source.x]\npoll = \"1m\"\n"), "5:9: source.x: is neither");
    refused(&with("uris = [\"ldaps://a\"]\n"), "3:9: source.ldif: has `uris` and `path`");
    refused(&with("[source.\"a b\"]\npath = \"/x\"\n"), "5:9: source.a b: `a b` is no source name");
    refused(
        &LEAST.replace("/etc", "etc"),
        "4:8: source.ldif.path: `etc/jitd/grants.ldif` is no absolute path",
    );
    refused(
        &with("base = \"example.com\"\n"),
        "5:8: source.ldif.base: `example.com` is no distinguished name",
    );
    refused(
        &with("grants = \"ou=x,dc=a\"\nroles = \"OU=X, DC=A\"\n"),
        "3:9: source.ldif: `roles` lies within `grants`",
    );
    refused("source = 1\n[host]\nname = \"a.b\"\nproduction = false\n", "1:10: source: expects a table");
}

/// The example with this `bind`.
fn with_bind(bind: &str) -> String {
    let line = FULL.lines().find(|line| line.starts_with("bind =")).unwrap();
    FULL.replace(line, &format!("bind = {bind}"))
}

#[test]
fn kerberos_is_used_under_tls_to_servers_by_name_with_a_key_of_this_host() {
    let keyed = |text: &str| {
        let config = parse(text).unwrap_or_else(|problems| panic!("{problems:?}"));
        let Place::Ldap { session, .. } = &config.sources[&name("ldap")].place else { panic!() };
        let Bind::Gssapi { credentials: Credentials::Keytab { principal, keytab } } = &session.bind else {
            panic!()
        };
        assert_eq!(keytab, std::path::Path::new("/etc/jitd/jitd.keytab"));
        principal.clone()
    };
    let usual = with_bind("{ method = \"gssapi\", keytab = \"/etc/jitd/jitd.keytab\" }");
    assert_eq!(keyed(&usual), "host/web1.prod.example.com");
    let named = with_bind(
        "{ method = \"gssapi\", keytab = \"/etc/jitd/jitd.keytab\", principal = \"jit/web1@EXAMPLE.COM\" }",
    );
    assert_eq!(keyed(&named), "jit/web1@EXAMPLE.COM");
    // Whose key it is chooses what is shown; where it lies does not.
    let fingerprint = |text: &str| {
        let config = parse(text).unwrap();
        config.sources[&name("ldap")].fingerprint(&config.policy.host)
    };
    assert_ne!(fingerprint(&usual), fingerprint(&named));
    assert_ne!(fingerprint(&usual), fingerprint(FULL));
    assert_eq!(fingerprint(&usual), fingerprint(&usual.replace("jitd.keytab", "other.keytab")));

    refused(&with_bind("{ method = \"gssapi\" }"), "29:8: source.ldap.bind: lacks `keytab`");
    refused(
        &named.replace("jit/web1@", "jit/web1 @"),
        "29:75: source.ldap.bind.principal: `jit/web1 @EXAMPLE.COM` is no principal",
    );
    refused(
        &named.replace("\"jit/web1@EXAMPLE.COM\"", "\"\""),
        "29:75: source.ldap.bind.principal: `` is no principal",
    );
    refused(
        &usual.replace("method", "password_file = \"/x\", method"),
        "29:10: source.ldap.bind.password_file: unknown key",
    );
    for plain in ["ldap://127.0.0.1", "ldapi://%2Frun%2Fldapi"] {
        refused(
            &usual.replace("ldaps://ldap2.example.com:1636", plain),
            &format!("23:9: source.ldap: bind method gssapi over `{plain}`: it is used under TLS only"),
        );
    }
    refused(
        &usual.replace("ldaps://ldap2.example.com:1636", "ldaps://10.0.0.2"),
        "23:9: source.ldap: bind method gssapi over `ldaps://10.0.0.2`: Kerberos knows servers by name",
    );
}

#[test]
fn a_directory_is_spoken_to_in_one_safe_way() {
    refused(&FULL.replace("base = ", "# "), "23:9: source.ldap: lacks `base`");
    refused(&FULL.replace("bind = ", "# "), "23:9: source.ldap: lacks `bind`");
    refused(
        &FULL.replace("ca = ", "# "),
        "23:9: source.ldap: `ldaps://ldap1.example.com` uses TLS, so ca must",
    );
    refused(
        &FULL.replace("ldaps://ldap2", "ldap://ldap2"),
        "24:38: source.ldap.uris: `ldap://ldap2.example.com:1636` would send",
    );
    refused(&FULL.replace("ldaps://ldap2", "http://ldap2"), "24:38: source.ldap.uris: `http://");
    refused(&FULL.replace("\"simple\"", "\"sample\""), "29:19: source.ldap.bind.method: `sample` is unknown");
    refused(
        &FULL.replace(", password_file = \"/etc/jitd/ldap.secret\"", ""),
        "29:8: source.ldap.bind: lacks `password_file`",
    );
    refused(&FULL.replace("\"30s\"", "\"0s\""), "33:8: source.ldap.poll: `0s` is no time at all");
    refused(&FULL.replace("\"30s\"", "\"30\""), "33:8: source.ldap.poll: `30` is no duration");
    refused(&FULL.replace("\"12h\"", "\"20s\""), "34:15: source.ldap.max_offline: is shorter than `poll`");
    refused(
        &FULL.replace("\"12h\"", "\"9999999d\""),
        "34:15: source.ldap.max_offline: `9999999d` is too long",
    );
    refused(&FULL.replace("\"signature\"", "\"source\""), "31:9: source.ldap.proof: `source` is neither");
    refused(
        &FULL.replace("\"sAMAccountName\"", "\"uid)(x=*\""),
        "30:19: source.ldap.login_attribute: `uid)(x=*` is no",
    );
    refused(&FULL.replace("[\"cn=tickets", "[\"tickets"), "32:12: source.ldap.writers: ");
}

#[test]
fn the_rest_is_checked_too() {
    refused(&with("[default_role]\n"), "5:1: default_role: lacks `max_duration`");
    refused(&with("[default_role]\nmax_duration = 8\n"), "6:16: default_role.max_duration: expects a text");
    refused(&with("[session]\non_end = \"kill\"\n"), "6:10: session.on_end: `kill` is neither");
    refused(&with("[session]\nwarn = [\"5x\"]\n"), "6:9: session.warn: `5x` is no duration");
    refused(&with("[break_glass]\nusers = [\"\"]\n"), "6:10: break_glass.users: ");
}

#[test]
fn sessions_are_ended_as_written() {
    let session = |more: &str| parse(&with(&format!("[session]\n{more}"))).unwrap().session;
    let usual =
        Session { warn: vec![Span(900), Span(300), Span(60)], grace: Span(10), on_end: OnEnd::Terminate };
    assert_eq!(parse(LEAST).unwrap().session, usual);
    assert_eq!(session(""), usual);
    assert_eq!(session("warn = []\n").warn, [], "nobody is warned, and not at the usual times either");
    let sorted = session("warn = [\"1m\", \"24h\", \"60s\", \"5m\"]\n").warn;
    assert_eq!(sorted, [Span(86_400), Span(300), Span(60)], "the earliest first, none twice");
    assert_eq!(session("grace = \"0s\"\n").grace, Span(0));
    assert_eq!(session("grace = \"5m\"\n").grace, Span(300));

    let bad = |line: &str, begins: &str| refused(&with(&format!("[session]\n{line}\n")), begins);
    bad("warn = [\"15m\", \"0s\"]", "6:16: session.warn: `0s` is no time at all: write at least 1s");
    bad("warn = [\"25h\"]", "6:9: session.warn: `25h` is too early: warn at most 24h before the end");
    bad("warn = \"5m\"", "6:8: session.warn: expects a list of texts, such as");
    bad("warn = [5]", "6:9: session.warn: expects a text in quotes");
    bad("grace = \"301s\"", "6:9: session.grace: `301s` is too long: write at most 5m");
    bad("grace = 10", "6:9: session.grace: expects a text in quotes");
    bad("grace = \"-1s\"", "6:9: session.grace: `-1s` is no duration: write a whole number and a unit");
    bad("grace = \"18446744073709551615d\"", "6:9: session.grace: `18446744073709551615d` is no duration");
    bad("on_end = true", "6:10: session.on_end: expects a text in quotes");
    bad("warning = [\"5m\"]", "6:1: session.warning: ");
}

#[test]
fn only_roots_own_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jitd.toml");
    let shown = |path: &Path| load(path).expect_err("should be refused").to_string();
    assert!(shown(&path).contains("there is no such file"), "{}", shown(&path));
    std::fs::write(&path, LEAST).unwrap();
    if !nix::unistd::geteuid().is_root() {
        assert!(shown(&path).contains("not to root"), "{}", shown(&path));
        return;
    }
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    for bad in [0o660, 0o642, 0o666] {
        mode(bad);
        assert!(shown(&path).contains("may be written by others"), "{bad:o}: {}", shown(&path));
    }
    mode(0o640);
    assert!(load(&path).is_ok());
    chown(&path, Some(4711), None).unwrap();
    assert!(shown(&path).contains("belongs to uid 4711, not to root: chown root"), "{}", shown(&path));
    assert!(shown(dir.path()).contains("is no regular file"));
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"[host]\nname = \"\xff\"\n").unwrap();
    assert!(shown(&path).contains("is not UTF-8"));
    std::fs::write(&path, "#".repeat(2 << 20)).unwrap();
    assert!(shown(&path).contains("longer than"));
    std::fs::write(&path, "[host]\n\n  nam = 1\n").unwrap();
    let expected = format!("{}:3:3: host.nam: unknown key", path.display());
    assert!(shown(&path).contains(&expected), "{}", shown(&path));
}

proptest! {
    /// Anything that is not a configuration is refused, with at least one fault that has a text.
    #[test]
    fn any_text_is_a_configuration_or_has_faults(text in "(\\[?[a-z_.]{0,12}\\]?( = )?[\"\\[{a-z0-9}\\],.]{0,20}\n){0,8}") {
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.what.is_empty()));
        }
    }

    /// One damaged byte never panics, and what is still accepted is still guarded by the same kind of rule.
    #[test]
    fn a_damaged_byte_never_panics(at in 0..FULL.len(), byte in 0x20u8..0x7f) {
        let mut bytes = FULL.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = parse(std::str::from_utf8(&bytes).unwrap());
    }
}
