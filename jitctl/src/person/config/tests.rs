//! What a person's file means, and what is refused where.

use std::os::unix::fs::{PermissionsExt, chown};

use jit_model::source::Proof;

use super::*;

fn alice() -> Person {
    Person { login: "alice".to_owned(), home: "/home/alice".into() }
}

fn parsed(text: &str) -> Result<ClientConfig, Vec<Problem>> {
    parse(Path::new("/etc/jit/client.toml"), text, &alice())
}

fn refused(text: &str, expected: &str) {
    let problems = parsed(text).unwrap_err();
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(shown.iter().any(|line| line.starts_with(expected)), "{expected}: {shown:#?}");
}

fn with_bind(bind: &str) -> String {
    format!("{EXAMPLE}bind = {bind}\n")
}

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

#[test]
fn the_example_is_enough() {
    let config = parsed(EXAMPLE).unwrap();
    assert_eq!(config.reading.proof, Proof::CreatorsName);
    assert_eq!(config.directory.login_attribute, "uid");
    assert_eq!((config.key, config.allowed_signers), (None, None));
    assert!(config.directory.host.are_everywhere());
    assert_eq!(config.identity, Identity::TicketOrAsked(dn("uid=alice,ou=people,dc=example,dc=com")));
}

#[test]
fn everything_means_what_it_says() {
    let text = r#"
[directory]
uris = ["ldap://ldap1.example.com", "ldaps://ldap2.example.com"]
base = "dc=example,dc=com"
people = "ou=staff,dc=example,dc=com"
ca = "~/ca.pem"
start_tls = true
login_attribute = "sAMAccountName"
proof = "signature"
writers = ["cn=tickets,ou=services,dc=example,dc=com"]
bind = { method = "external", cert = "~/alice.crt", key = "/home/alice/alice.key" }

[sign]
key = "~/.ssh/id_ed25519.pub"
allowed_signers = "/etc/jitd/allowed_signers"
"#;
    let config = parsed(text).unwrap();
    assert_eq!(config.directory.servers.len(), 2);
    assert_eq!(config.directory.bases.people, dn("ou=staff,dc=example,dc=com"));
    assert_eq!(config.directory.ca.as_deref(), Some(Path::new("/home/alice/ca.pem")));
    assert_eq!(config.reading.login_attribute, "samaccountname");
    assert_eq!(config.reading.proof, Proof::Signature);
    assert_eq!(config.reading.writers.len(), 1);
    assert_eq!(config.key.as_deref(), Some(Path::new("/home/alice/.ssh/id_ed25519.pub")));
    assert_eq!(config.allowed_signers.as_deref(), Some(Path::new("/etc/jitd/allowed_signers")));
    let Identity::Said(Bind::External { certificate: Some(shown) }) = config.identity else { panic!() };
    assert_eq!(shown.cert, Path::new("/home/alice/alice.crt"));
}

#[test]
fn a_name_may_hold_the_login() {
    let asked = with_bind(r#"{ method = "simple", dn = "uid={login},ou=people,dc=example,dc=com" }"#);
    let alice_dn = dn("uid=alice,ou=people,dc=example,dc=com");
    assert_eq!(parsed(&asked).unwrap().identity, Identity::Asked(alice_dn.clone()));
    let said = with_bind(
        r#"{ method = "simple", dn = "uid={login},ou=people,dc=example,dc=com", password_file = "~/pw" }"#,
    );
    let simple = Bind::Simple { dn: alice_dn, password_file: "/home/alice/pw".into() };
    assert_eq!(parsed(&said).unwrap().identity, Identity::Said(simple.clone()));
    assert_eq!(parsed(&said).unwrap().directory.bind, simple);

    let odd = Person { login: "alice,ou=admins".to_owned(), ..alice() };
    let problems = parse(Path::new("/x"), &asked, &odd).unwrap_err();
    assert!(problems.iter().any(|p| p.what.contains("does not fit into a name")), "{problems:?}");
}

#[test]
fn a_ticket_is_shown_under_tls_only() {
    let ticket = with_bind("{ method = \"gssapi\" }");
    let shown = Bind::Gssapi { credentials: Credentials::Ticket };
    assert_eq!(parsed(&ticket).unwrap().identity, Identity::Said(shown));
    refused(
        &ticket.replace("ldaps://ldap1.example.com", "ldap://127.0.0.1"),
        "1:1: directory: bind method gssapi over",
    );
    refused(
        &with_bind("{ method = \"gssapi\", keytab = \"/x\" }"),
        "5:29: directory.bind.keytab: unknown key",
    );
}

#[test]
fn each_fault_is_told_where_it_is() {
    refused("", "1:1: directory: there is no [directory]");
    refused("[directroy]\n", "1:2: directroy: unknown key");
    refused(&EXAMPLE.replace("uris", "urls"), "1:1: directory: lacks `uris`");
    refused(
        &EXAMPLE.replace("uris", "urls"),
        "2:1: directory.urls: unknown key; known here: start_tls, uris,",
    );
    refused(
        &EXAMPLE.replace("ldaps:", "ldap:"),
        "2:9: directory.uris: `ldap://ldap1.example.com` would send",
    );
    refused(&EXAMPLE.replace("base", "bass"), "1:1: directory: lacks `base`");
    refused(
        &EXAMPLE.replace("ca = ", "# "),
        "1:1: directory: `ldaps://ldap1.example.com` uses TLS, so ca must",
    );
    refused(
        &EXAMPLE.replace("\"/etc", "\"etc"),
        "4:6: directory.ca: `etc/ssl/certs/ca-certificates.crt` is no absolute path: begin it with `/` or `~/`",
    );
    refused(&format!("{EXAMPLE}poll = \"1m\"\n"), "5:1: directory.poll: unknown key");
    refused(&with_bind("{}"), "5:8: directory.bind: lacks `method`");
    refused(&with_bind("{ method = \"anonymous\" }"), "5:19: directory.bind.method: nobody can ask");
    refused(&with_bind("{ method = \"simple\" }"), "5:8: directory.bind: lacks `dn`");
    refused(
        &with_bind("{ method = \"simple\", dn = \"uid={login},dc=x\", password = \"secret\" }"),
        "5:54: directory.bind.password: unknown key; known here: method, dn, password_file",
    );
    refused(
        &with_bind("{ method = \"simple\", dn = \"uid=a,dc=x\", password_file = \"pw\" }"),
        "5:64: directory.bind.password_file: `pw` is no absolute path",
    );
    refused(&with_bind("{ method = \"external\" }"), "1:1: directory: bind method external over");
    refused(&format!("{EXAMPLE}[sign]\nkey = 1\n"), "6:7: sign.key: expects a text");
    refused(&format!("{EXAMPLE}[sing]\n"), "5:2: sing: unknown key; known here: directory, sign");
}

#[test]
fn a_password_in_the_file_is_not_repeated() {
    let problems = parsed(&with_bind("{ method = \"simple\", dn = \"uid=a,dc=x\", password = \"hunter2\" }"))
        .unwrap_err();
    assert!(!format!("{problems:?}").contains("hunter2"));
}

#[test]
fn a_file_that_others_may_write_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, EXAMPLE).unwrap();
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    for good in [0o600, 0o644, 0o444] {
        mode(good);
        assert!(read(&path, &alice()).unwrap().is_some(), "{good:o}");
    }
    for bad in [0o664, 0o646, 0o622] {
        mode(bad);
        let failure = read(&path, &alice()).unwrap_err();
        assert!(failure.text.contains("chmod go-w"), "{}", failure.text);
        assert_eq!(failure.exit, Exit::Usage);
    }
    mode(0o600);
    if geteuid().is_root() {
        chown(&path, Some(4242), None).unwrap();
        let failure = read(&path, &alice()).unwrap_err();
        assert!(failure.text.contains("belongs to uid 4242"), "{}", failure.text);
    }
    assert!(read(&dir.path().join("absent"), &alice()).unwrap().is_none());
    assert!(read(dir.path(), &alice()).unwrap_err().text.contains("no regular file"));
}

#[test]
fn faults_begin_with_file_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, "[directory]\nbase = 7\n").unwrap();
    let text = read(&path, &alice()).unwrap_err().text;
    let beginning = format!("{}:2:8: directory.base: expects", path.display());
    assert!(text.lines().any(|line| line.starts_with(&beginning)), "{text}");
}

#[test]
fn where_there_is_none_an_example_is_shown_and_it_is_a_good_one() {
    let text = absent(&[Path::new("/home/alice/.config/jit/config.toml"), Path::new(SYSTEM)]).text;
    assert!(text.contains("/home/alice/.config/jit/config.toml, and no /etc/jit/client.toml"), "{text}");
    let (_, example) = text.split_once("\n\n").unwrap();
    parsed(example).unwrap();
}
