//! `jitctl directory init` on servers as they come: what it prints can be loaded as printed, with two commands; what `--apply` loads is
//! the same, once and no more, and leaves what the administrator has.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use jit_control::Answer;
use jit_control::directory::Prepared;
use jit_tests::built;
use jit_tests::ds389::Ds389;
use jit_tests::slapd::Slapd;
use jit_tests::trouble::{Result, Trouble};

const BASE: &str = "dc=example,dc=com";
const DATABASE: &str = "olcDatabase={1}mdb,cn=config";

fn jitctl(arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(built::jitctl()?);
    command.args(arguments).env("HOME", "/nonexistent").env_remove("XDG_CONFIG_HOME");
    command.output().map_err(|e| Trouble::new(format!("jitctl: {e}")))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn printed(kind: &str, part: &str) -> Result<String> {
    let arguments = ["directory", "init", "--kind", kind, "--base", BASE, "--fresh", "--part", part];
    let output = jitctl(&arguments)?;
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(Trouble::new(text(&output.stderr))) }
}

/// Pipes it into ldapmodify, which goes on where something is there already.
fn load(ldif: &str, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("ldapmodify");
    command
        .args(["-a", "-c"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let io = |e| Trouble::new(format!("ldapmodify: {e}"));
    let mut child = command.spawn().map_err(io)?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(ldif.as_bytes()).map_err(io)?;
    }
    Ok(text(&child.wait_with_output().map_err(io)?.stderr))
}

fn applied(kind: &str, uri: &str, more: &[&str]) -> Result<(Prepared, i32)> {
    let mut arguments =
        vec!["--json", "directory", "init", "--kind", kind, "--base", BASE, "--apply", "--uri", uri];
    arguments.extend(more);
    let output = jitctl(&arguments)?;
    match serde_json::from_str(&text(&output.stdout)) {
        Ok(Answer::Prepared(prepared)) => Ok((prepared, output.status.code().unwrap_or(-1))),
        _ => Err(Trouble::new(format!("{}{}", text(&output.stdout), text(&output.stderr)))),
    }
}

fn outcomes<'a>(prepared: &'a Prepared, outcome: &str) -> Vec<&'a str> {
    prepared.parts.iter().filter(|part| part.outcome == outcome).map(|part| part.what.as_str()).collect()
}

/// Whether the rules hold on it.
fn holds(uri: &str, ca: &Path, admin: &str, password_file: &Path) -> Result<()> {
    let (ca, password_file) = (ca.display().to_string(), password_file.display().to_string());
    let arguments = [
        "directory",
        "check",
        "--base",
        BASE,
        "--uri",
        uri,
        "--ca",
        &ca,
        "--admin",
        admin,
        "--admin-password-file",
        &password_file,
    ];
    let output = jitctl(&arguments)?;
    if output.status.success() {
        Ok(())
    } else {
        Err(Trouble::new(format!("{}{}", text(&output.stdout), text(&output.stderr))))
    }
}

fn slapd_holds(slapd: &Slapd) -> Result<()> {
    holds(
        &slapd.named(),
        &slapd.tls_file("ca.crt"),
        "cn=admin,dc=example,dc=com",
        &slapd.secret("admin-secret")?,
    )
}

#[test]
fn an_empty_openldap_is_set_up_by_what_is_printed_with_two_commands() -> Result<()> {
    let slapd = Slapd::plan().bare().up()?;
    let said =
        load(&printed("openldap", "configuration")?, &["-Q", "-Y", "EXTERNAL", "-H", &slapd.socket()])?;
    // Indexes that slapd's own set-up has.
    for line in said.lines().filter(|line| line.starts_with("ldap_")) {
        assert!(line.contains("Other (e.g., implementation specific) error (80)"), "{said}");
    }
    let admin = ["-x", "-D", "cn=admin,dc=example,dc=com", "-w", "admin-secret", "-H", &slapd.socket()];
    assert_eq!(load(&printed("openldap", "content")?, &admin)?, "");
    slapd_holds(&slapd)
}

#[test]
fn an_empty_openldap_is_set_up_once_by_apply() -> Result<()> {
    let slapd = Slapd::plan().bare().up()?;
    let (first, exit) = applied("openldap", &slapd.socket(), &["--fresh"])?;
    assert_eq!((outcomes(&first, "failed"), exit), (Vec::new(), 0), "{first:#?}");
    assert!(outcomes(&first, "added").len() >= 12, "{first:#?}");
    slapd_holds(&slapd)?;
    let rules = slapd.search(DATABASE, &["-s", "base", "olcAccess", "olcLimits", "olcDbIndex"])?;
    let (second, exit) = applied("openldap", &slapd.socket(), &["--fresh"])?;
    let news =
        [outcomes(&second, "added"), outcomes(&second, "differs"), outcomes(&second, "failed")].concat();
    assert_eq!((news, exit), (Vec::new(), 0), "{second:#?}");
    assert_eq!(slapd.search(DATABASE, &["-s", "base", "olcAccess", "olcLimits", "olcDbIndex"])?, rules);
    people_see_more_than_500(&slapd)
}

/// A person looks at all grants that concern him, not at as many as slapd shows to anybody.
fn people_see_more_than_500(slapd: &Slapd) -> Result<()> {
    let alice = format!("uid=alice,ou=people,{BASE}");
    let mut ldif = format!(
        "dn: {alice}\nobjectClass: account\nobjectClass: simpleSecurityObject\nuid: alice\nuserPassword: alice-secret\n\n"
    );
    for n in 0..600 {
        ldif.push_str(&format!(
            "dn: cn=g{n},ou=grants,ou=jit,{BASE}\nobjectClass: jitGrant\ncn: g{n}\njitSubject: {alice}\njitHost: x\n\n"
        ));
    }
    slapd.add(&ldif)?;
    let mut command = Command::new("ldapsearch");
    command.args(["-LLL", "-x", "-D", &alice, "-w", "alice-secret", "-H", &slapd.socket(), "-b", BASE]);
    let output = command.args(["(jitHost=*)", "1.1"]).output().map_err(|e| Trouble::new(e.to_string()))?;
    let seen = text(&output.stdout).lines().filter(|line| line.starts_with("dn: ")).count();
    assert_eq!((seen, output.status.code()), (600, Some(0)), "{}", text(&output.stderr));
    Ok(())
}

#[test]
fn what_the_administrator_has_stays() -> Result<()> {
    let slapd = Slapd::plan().bare().up()?;
    let own = "to attrs=userPassword by self =xw by anonymous auth by * none";
    slapd.rules(&format!("{{0}}{own}\n{{1}}to * by users read by * none"))?;
    slapd.change(&format!(
        "dn: {DATABASE}\nchangetype: modify\nadd: olcLimits\nolcLimits: dn.children=\"ou=people,{BASE}\" size=7\n"
    ))?;
    let (prepared, exit) = applied("openldap", &slapd.socket(), &[])?;
    assert_eq!(exit, 1, "there is no base to put the tree under");
    assert!(outcomes(&prepared, "failed").iter().all(|what| what.contains("ou=")), "{prepared:#?}");
    assert_eq!(outcomes(&prepared, "differs").len(), 1, "{prepared:#?}");
    let shown = slapd.search(DATABASE, &["-s", "base", "olcAccess", "olcLimits"])?;
    let rules: Vec<&str> = shown.lines().filter(|line| line.starts_with("olcAccess")).collect();
    assert_eq!(rules.len(), 10, "{shown}");
    assert_eq!(rules[8], format!("olcAccess: {{8}}{own}"));
    assert!(shown.contains("size=7") && !shown.contains("size=20000"), "{shown}");
    Ok(())
}

/// A rule of a later version would stand before its older form, which goes on letting in what it no longer does.
#[test]
fn rules_in_an_older_form_are_said_and_left() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let shown = |slapd: &Slapd| slapd.search(DATABASE, &["-s", "base", "olcAccess"]);
    let rules = shown(&slapd)?;
    let older = rules.replace("(!(objectClass=extensibleObject))", "");
    assert_ne!(older, rules, "acl.ldif has changed");
    let older: Vec<&str> = older.lines().filter_map(|line| line.strip_prefix("olcAccess: ")).collect();
    slapd.rules(&older.join("\n"))?;
    let before = shown(&slapd)?;
    let (prepared, exit) = applied("openldap", &slapd.socket(), &[])?;
    let about = |part: &&jit_control::directory::Part| part.file == "acl.ldif" && part.outcome != "there";
    let acl: Vec<&str> = prepared.parts.iter().filter(about).map(|part| part.outcome.as_str()).collect();
    assert_eq!((acl, exit), (vec!["differs"; 3], 0), "{prepared:#?}");
    assert_eq!(shown(&slapd)?, before);
    Ok(())
}

#[test]
fn an_empty_389_is_set_up_by_what_is_printed_and_by_apply() -> Result<()> {
    let mut server = Ds389::plan().bare().up()?;
    let root = ["-Q", "-Y", "EXTERNAL", "-H", &server.socket()];
    assert_eq!(load(&printed("389ds", "configuration")?, &root)?, "");
    let said = load(&printed("389ds", "content")?, &root)?;
    for line in said.lines().filter(|line| line.starts_with("ldap_")) {
        assert!(line.contains("Already exists (68)"), "{said}");
    }
    server.restart()?;
    let password = server.secret("admin-secret")?;
    holds(&server.named(), &server.tls_file("ca.crt"), "cn=Directory Manager", &password)?;
    let (again, exit) = applied("389ds", &server.socket(), &["--fresh"])?;
    let news = [outcomes(&again, "added"), outcomes(&again, "differs"), outcomes(&again, "failed")].concat();
    assert_eq!((news, exit), (Vec::new(), 0), "{again:#?}");

    let mut other = Ds389::plan().bare().up()?;
    let (first, exit) = applied("389ds", &other.socket(), &["--fresh"])?;
    assert_eq!((outcomes(&first, "failed"), exit), (Vec::new(), 0), "{first:#?}");
    other.restart()?;
    let password = other.secret("admin-secret")?;
    holds(&other.named(), &other.tls_file("ca.crt"), "cn=Directory Manager", &password)
}
