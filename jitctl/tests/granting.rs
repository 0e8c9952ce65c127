//! grant add and grant revoke on real files. The commands run in the test's process, with the test's own uid in root's place;
//! what the binary adds (arguments, printing, who is root) is at the end.

mod fake;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use fake::reading::{Quirk, daemon, read};
use fake::{Daemon, grant, ldif_source, run, status};
use jit_control::client::Client;
use jit_control::{Answer, Grants, Request, SourceStatus, Status, Written};
use jit_model::text;
use jit_model::time::Timestamp;
use jitctl::cli::{Cli, Command, GrantCommand};
use jitctl::command::{grant_add, grant_revoke};
use jitctl::context::{Caller, Context, Seat};
use jitctl::report::{Exit, Failure, Report};
use jitctl::terminal::Colour;

fn uid() -> u32 {
    fs::metadata("/proc/self").unwrap().uid()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_secs()).unwrap())
}

fn jitctl(socket: &Path, caller: Caller, args: &[&str]) -> Result<Report, Failure> {
    jitctl_in(Path::new("/nowhere/etc/jitd"), socket, caller, args)
}

fn jitctl_in(etc: &Path, socket: &Path, caller: Caller, args: &[&str]) -> Result<Report, Failure> {
    let context = Context {
        client: Client::new(socket, Duration::from_secs(5)),
        now: now(),
        colour: Colour::Off,
        caller,
        seat: Seat::Elsewhere,
        owner: uid(),
        etc: etc.to_owned(),
    };
    let cli = Cli::try_parse_from(["jitctl", "grant"].iter().chain(args))
        .unwrap_or_else(|e| panic!("{args:?}: {e}"));
    match cli.command {
        Command::Grant(GrantCommand::Add(args)) => grant_add::run(&context, &args),
        Command::Grant(GrantCommand::Revoke(args)) => grant_revoke::run(&context, &args),
        other => panic!("{other:?}"),
    }
}

/// A directory for the file, and a daemon that reads it.
struct Host {
    etc: tempfile::TempDir,
    file: PathBuf,
    daemon: Daemon,
}

impl Host {
    fn new(quirk: Quirk) -> Host {
        let etc = tempfile::tempdir().unwrap();
        let file = etc.path().join("grants.ldif");
        let daemon = daemon(&file, quirk);
        Host { etc, file, daemon }
    }

    fn with(text: &str) -> Host {
        let host = Host::new(Quirk::None);
        fs::write(&host.file, text).unwrap();
        fs::set_permissions(&host.file, fs::Permissions::from_mode(0o640)).unwrap();
        host
    }

    fn run(&self, args: &[&str]) -> Result<Report, Failure> {
        jitctl_in(self.etc.path(), &self.daemon.socket(), Caller::Root, args)
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.file).unwrap_or_default()
    }
}

fn written(report: &Report) -> &Written {
    match &report.answer {
        Answer::Written(written) => written,
        other => panic!("{other:?}"),
    }
}

const ADD: [&str; 6] = ["add", "alice", "--for", "2h", "--reason", "INC-1 disk full"];

#[test]
fn a_grant_from_its_beginning_to_its_end() {
    let host = Host::new(Quirk::None);
    let report = host.run(&ADD).unwrap();
    assert_eq!(report.exit, Exit::Done);
    let added = written(&report).clone();
    let live = added.grant.clone().unwrap();
    assert_eq!((live.state.as_str(), live.logins.as_slice()), ("live", &["alice".to_owned()][..]));
    assert_eq!(live.end.unwrap() - live.start.unwrap(), 7_200);
    assert_eq!(live.hosts, ["web1.prod.example.com"]);
    let short = &added.id[..8];
    for part in [
        "granted: alice on web1.prod.example.com",
        "left)",
        &added.id,
        &format!("jitctl grant revoke {short}\n"),
    ] {
        assert!(report.text.contains(part), "{part}: {}", report.text);
    }
    let before = host.text();

    let report = host.run(&["revoke", short, "--reason", "done"]).unwrap();
    assert_eq!(report.exit, Exit::Done);
    assert_eq!(written(&report).grant.as_ref().unwrap().state, "revoked");
    assert_eq!(written(&report).id, added.id);
    assert!(host.text().starts_with(&before), "what was there stays");
    assert!(report.text.contains("of alice"), "{}", report.text);

    let after = host.text();
    let again = host.run(&["revoke", short]).unwrap();
    assert_eq!(again.exit, Exit::Done);
    assert!(again.notes.iter().any(|n| n.contains("revoked before")), "{again:?}");
    assert_eq!(host.text(), after, "nothing was written twice");
}

#[test]
fn everything_that_can_be_said() {
    let host = Host::new(Quirk::None);
    let from = text::rfc3339(Timestamp(now().0 + 3_600));
    let until = text::rfc3339(Timestamp(now().0 + 7_200));
    let report = host
        .run(&[
            "add",
            "bob",
            "--from",
            &from,
            "--until",
            &until,
            "--host",
            "*.example.com,@web",
            "--service",
            "sshd",
            "--service",
            "sudo",
            "--reason",
            "größer",
            "--ticket",
            "CHG-7",
        ])
        .unwrap();
    let grant = written(&report).grant.clone().unwrap();
    assert_eq!(grant.state, "scheduled");
    assert_eq!(grant.hosts, ["*.example.com", "@web"]);
    assert_eq!(grant.services, ["sshd", "sudo"]);
    assert_eq!((grant.reason.as_deref(), grant.ticket.as_deref()), (Some("größer"), Some("CHG-7")));
    assert_eq!(grant.end.unwrap() - grant.start.unwrap(), 3_600);
    assert!(report.text.contains("for sshd, sudo from 20"), "{}", report.text);
}

#[test]
fn two_grants_have_two_ids() {
    let host = Host::new(Quirk::None);
    host.run(&ADD).unwrap();
    host.run(&ADD).unwrap();
    let grants = read(&host.file, Quirk::None);
    assert_eq!(grants.len(), 2);
    assert_ne!(grants[0].id, grants[1].id);
    let text = host.text();
    let uuids: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("entryUUID: ")).collect();
    assert!(uuids.len() == 2 && uuids[0] != uuids[1], "{text}");
    // Version 4, variant 1: random (RFC 9562).
    assert!(uuids.iter().all(|uuid| &uuid[14..15] == "4" && "89ab".contains(&uuid[19..20])), "{text}");
}

#[test]
fn what_the_daemon_would_refuse_is_not_written() {
    let host = Host::new(Quirk::None);
    let failure = host.run(&["add", "alice", "--for", "9h", "--reason", "x"]).unwrap_err();
    assert_eq!((failure.exit, failure.code.as_str()), (Exit::No, "not-granted"));
    assert!(failure.text.contains("it lasts 9h, longer than the 8h"), "{}", failure.text);
    assert!(!host.file.exists());
    let failure =
        host.run(&["add", "alice", "--for", "1h", "--reason", "x", "--role", "nosuch"]).unwrap_err();
    assert_eq!(failure.exit, Exit::No);
    assert!(failure.text.contains("there is no role `nosuch`"), "{}", failure.text);
    assert!(!host.file.exists());
}

#[test]
fn root_holds_no_grant_and_a_stranger_is_pointed_out() {
    let host = Host::new(Quirk::None);
    let failure = host.run(&["add", "root", "--for", "1h", "--reason", "x"]).unwrap_err();
    assert!(failure.text.contains("root holds no grant"), "{}", failure.text);
    assert!(!host.file.exists());
    let report = host.run(&["add", "nosuch-jit-test", "--for", "1h", "--reason", "x"]).unwrap();
    assert!(report.notes.iter().any(|n| n.contains("no account nosuch-jit-test")), "{report:?}");
}

#[test]
fn what_the_daemon_refuses_all_the_same_is_taken_back() {
    let host = Host::new(Quirk::Strict);
    let failure = host.run(&ADD).unwrap_err();
    assert_eq!((failure.exit, failure.code.as_str()), (Exit::No, "not-granted"));
    assert!(
        failure.text.contains("longer than the 1s") && failure.text.contains("It is taken back."),
        "{}",
        failure.text
    );
    assert_eq!(read(&host.file, Quirk::None)[0].state, "revoked");
}

#[test]
fn a_daemon_that_does_not_see_it_is_said() {
    let host = Host::new(Quirk::Blind);
    let failure = host.run(&ADD).unwrap_err();
    assert_eq!(failure.exit, Exit::No);
    let id = read(&host.file, Quirk::None)[0].id.clone();
    assert!(failure.text.contains(&format!("jitctl grant revoke {id}")), "{}", failure.text);
}

#[test]
fn nonsense_is_usage_and_writes_nothing() {
    let host = Host::new(Quirk::None);
    for args in [
        &["add", "al ice", "--for", "2h", "--reason", "x"][..],
        &["add", "alice", "--for", "2", "--reason", "x"],
        &["add", "alice", "--for", "0h", "--reason", "x"],
        &["add", "alice", "--until", "now-1h", "--reason", "x"],
        &["add", "alice", "--until", "now+1h", "--from", "now+2h", "--reason", "x"],
        &["add", "alice", "--for", "2h", "--reason", " "],
        &["add", "alice", "--for", "2h", "--reason", "a\nb"],
        &["add", "alice", "--for", "2h", "--reason", "x", "--ticket", "\x1b[2J"],
        &["add", "alice", "--for", "2h", "--reason", "x", "--host", "a b"],
        &["add", "alice", "--for", "2h", "--reason", "x", "--service", "a/b"],
        &["add", "alice", "--for", "2h", "--reason", "x", "--role", "uid=alice,ou=people,dc=local"],
    ] {
        let failure = host.run(args).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage, "{args:?}: {failure:?}");
    }
    assert!(!host.file.exists());
}

#[test]
fn only_root_writes() {
    let host = Host::new(Quirk::None);
    for args in [&ADD[..], &["revoke", "abcd"]] {
        let failure = jitctl(&host.daemon.socket(), Caller::Person, args).unwrap_err();
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::No, "not-root"));
        assert!(failure.text.contains("jitctl grant"), "{}", failure.text);
    }
    assert!(!host.file.exists());
}

#[test]
fn a_file_that_others_may_write_is_left_alone() {
    let host = Host::with("");
    fs::set_permissions(&host.file, fs::Permissions::from_mode(0o666)).unwrap();
    let failure = host.run(&ADD).unwrap_err();
    assert_eq!((failure.exit, failure.code.as_str()), (Exit::No, "file"));
    assert!(failure.text.contains("chmod go-w"), "{}", failure.text);
    assert_eq!(host.text(), "");
}

#[test]
fn a_broken_file_is_left_alone() {
    let host = Host::with("dn: cn=x\nthis is no LDIF\n");
    let failure = host.run(&ADD).unwrap_err();
    assert_eq!(failure.exit, Exit::No);
    assert!(failure.text.contains("line 2"), "{}", failure.text);
    assert_eq!(host.text(), "dn: cn=x\nthis is no LDIF\n");
}

#[test]
fn for_another_host_it_is_written_and_said() {
    let host = Host::new(Quirk::None);
    let report =
        host.run(&["add", "alice", "--for", "2h", "--reason", "x", "--host", "db1.example.com"]).unwrap();
    assert!(report.notes.iter().any(|n| n.contains("not for this host")), "{report:?}");
    assert!(host.text().contains("jitHost: db1.example.com"));
    let id = written(&report).id.clone();
    assert_eq!(host.run(&["revoke", &id]).unwrap().exit, Exit::Done);
}

#[test]
fn without_a_daemon_the_file_speaks() {
    let etc = tempfile::tempdir().unwrap();
    let file = etc.path().join("grants.ldif");
    let path = file.to_str().unwrap();
    let socket = etc.path().join("none.sock");
    let add = |more: &[&str]| {
        let mut args = ADD.to_vec();
        args.extend(["--file", path]);
        args.extend(more);
        jitctl(&socket, Caller::Root, &args)
    };
    let failure = add(&[]).unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(failure.text.contains("--host"), "{}", failure.text);
    assert!(!file.exists());

    let report = add(&["--host", "web1.prod.example.com"]).unwrap();
    assert_eq!(report.exit, Exit::Done);
    assert!(report.notes.iter().any(|n| n.contains("jitctl mode permissive")), "{report:?}");
    assert_eq!(read(&file, Quirk::None)[0].state, "live");
    let id = written(&report).id.clone();
    jitctl(&socket, Caller::Root, &["revoke", &id[..6], "--file", path]).unwrap();
    assert_eq!(read(&file, Quirk::None)[0].state, "revoked");

    let other = "dn: ou=grants,ou=jit,dc=example,dc=com\nobjectClass: organizationalUnit\nou: grants\n";
    fs::write(&file, other).unwrap();
    add(&["--host", "web1.prod.example.com"]).unwrap();
    assert!(fs::read_to_string(&file).unwrap().contains("uid=alice,ou=people,dc=example,dc=com"));

    fs::write(&file, "dn: dc=example\nobjectClass: domain\ndc: example\n").unwrap();
    let failure = add(&["--host", "web1.prod.example.com"]).unwrap_err();
    assert!(failure.text.contains("under which base"), "{}", failure.text);
}

#[test]
fn revoking_what_is_not_there() {
    let host = Host::new(Quirk::None);
    host.run(&ADD).unwrap();
    let before = host.text();
    let failure = host.run(&["revoke", "zzzz"]).unwrap_err();
    assert_eq!((failure.exit, failure.code.as_str()), (Exit::No, "no-such-grant"));
    let failure = host.run(&["revoke", "abc"]).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert_eq!(host.text(), before);
}

#[test]
fn what_cannot_be_understood_can_still_be_revoked() {
    let host = Host::new(Quirk::None);
    host.run(&ADD).unwrap();
    let malformed = "\ndn: cn=badone,ou=grants,ou=jit,dc=local\nobjectClass: jitGrant\ncn: badone\njitHost: *\njitNotAfter: tomorrow\n";
    fs::write(&host.file, host.text() + malformed).unwrap();
    host.run(&["revoke", "badone"]).unwrap();
    assert!(
        host.text().contains("cn=badone,ou=grants,ou=jit,dc=local\nobjectClass: jitRevocation"),
        "{}",
        host.text()
    );
}

/// A daemon with these sources and these grants.
fn showing(sources: Vec<SourceStatus>, grants: Vec<jit_control::Grant>) -> Daemon {
    Daemon::answering(move |request| match request {
        Request::Status {} => Answer::Status(Status { sources: sources.clone(), ..status() }),
        Request::Grants { .. } => Answer::Grants(Grants { grants: grants.clone(), ..Grants::default() }),
        other => panic!("{other:?}"),
    })
}

fn ldap_source() -> SourceStatus {
    SourceStatus {
        name: "corp".to_owned(),
        kind: "ldap".to_owned(),
        ..ldif_source("ldaps://ldap1.example.com")
    }
}

#[test]
fn an_ambiguous_beginning_is_a_list() {
    let daemon =
        showing(vec![ldif_source("/nowhere")], vec![grant("abcd1", "live"), grant("abcd2", "expired")]);
    let failure = jitctl(&daemon.socket(), Caller::Root, &["revoke", "abcd"]).unwrap_err();
    assert_eq!((failure.exit, failure.code.as_str()), (Exit::Usage, "ambiguous"));
    for part in ["cn=abcd1,", "cn=abcd2,", "alice", "INC-1"] {
        assert!(failure.text.contains(part), "{part}: {}", failure.text);
    }
}

#[test]
fn a_grant_of_the_directory_is_taken_back_there() {
    let mut theirs = grant("abcd1", "live");
    theirs.source = "corp".to_owned();
    theirs.hosts = vec!["@web".to_owned()];
    let daemon = showing(vec![ldap_source(), ldif_source("/nowhere")], vec![theirs]);
    // Everybody is told where, not only root.
    for caller in [Caller::Root, Caller::Person] {
        let failure = jitctl(&daemon.socket(), caller, &["revoke", "abcd1", "--reason", "done"]).unwrap_err();
        assert_eq!(failure.exit, Exit::NotApplicable);
        for part in
            ["ldaps://ldap1.example.com", "objectClass: jitRevocation", "jitHost: @web", "jitReason: done"]
        {
            assert!(failure.text.contains(part), "{part}: {}", failure.text);
        }
    }
}

#[test]
fn without_an_ldif_source_there_is_nothing_to_write() {
    let daemon = showing(vec![ldap_source()], Vec::new());
    let failure = jitctl(&daemon.socket(), Caller::Root, &ADD).unwrap_err();
    assert_eq!(failure.exit, Exit::NotApplicable);
    assert!(failure.text.contains("[source.ldif]"), "{}", failure.text);
}

#[test]
fn of_several_files_one_must_be_named() {
    let daemon = showing(vec![ldif_source("/a"), ldif_source("/b")], Vec::new());
    let failure = jitctl(&daemon.socket(), Caller::Root, &ADD).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert!(failure.text.contains("--file: /a, /b"), "{}", failure.text);
}

/// The daemon is not root: whoever has taken it over must not choose what root writes, and where.
#[test]
fn by_the_daemons_word_root_writes_files_of_grants_only() {
    let etc = tempfile::tempdir().unwrap();
    let named = |name: &str| {
        let at = etc.path().join(name).to_str().unwrap().to_owned();
        SourceStatus { grants_base: Some("ou=$(id),dc=local".to_owned()), ..ldif_source(&at) }
    };
    // A script that root's shell would read; one that is there and empty; a file that is there and holds something else.
    fs::write(etc.path().join("empty"), "").unwrap();
    let other = "dn: cn=schema\nobjectClass: top\n\n";
    fs::write(etc.path().join("other.ldif"), other).unwrap();
    for name in ["profile.sh", "empty", "other.ldif", "new.ldif", "no/such/place.ldif"] {
        let daemon = showing(vec![named(name)], vec![grant("abcd1", "live")]);
        for args in [&ADD[..], &["revoke", "abcd1"]] {
            let failure = jitctl(&daemon.socket(), Caller::Root, args).unwrap_err();
            assert_eq!((failure.exit, failure.code.as_str()), (Exit::Usage, "usage"), "{name}: {failure:?}");
            assert!(failure.text.contains(&format!("--file {}", named(name).at)), "{}", failure.text);
        }
    }
    assert_eq!(fs::read(etc.path().join("empty")).unwrap(), b"");
    assert_eq!(fs::read_to_string(etc.path().join("other.ldif")).unwrap(), other);
    assert_eq!(fs::read_dir(etc.path()).unwrap().count(), 2, "nothing was made");

    // A file of grants may lie anywhere, and root may name any file.
    let host = Host::with("dn: ou=grants,ou=jit,dc=local\nobjectClass: organizationalUnit\nou: grants\n");
    assert_eq!(jitctl(&host.daemon.socket(), Caller::Root, &ADD).unwrap().exit, Exit::Done);
    let host = Host::new(Quirk::None);
    let mut args = ADD.to_vec();
    args.extend(["--file", host.file.to_str().unwrap()]);
    assert_eq!(jitctl(&host.daemon.socket(), Caller::Root, &args).unwrap().exit, Exit::Done);
}

#[test]
fn what_is_over_needs_no_revocation() {
    let daemon = showing(vec![ldif_source("/nowhere")], vec![grant("abcd1", "expired")]);
    let failure = jitctl(&daemon.socket(), Caller::Root, &["revoke", "abcd1"]).unwrap_err();
    assert_eq!((failure.exit, failure.code.as_str()), (Exit::NotApplicable, "over"));
}

#[test]
fn the_command_line_itself() {
    let host = Host::new(Quirk::None);
    for args in [
        &["grant"][..],
        &["grant", "add", "alice"],
        &["grant", "add", "alice", "--reason", "x"],
        &["grant", "add", "alice", "--for", "2h", "--until", "15:00", "--reason", "x"],
        &["grant", "revoke"],
    ] {
        assert_eq!(host.daemon.run(args).status, 2, "{args:?}");
    }
    if uid() != 0 {
        assert_eq!(host.daemon.run(&["grant", "add", "alice", "--for", "2h", "--reason", "x"]).status, 1);
        return;
    }
    // Nobody to ask for the reason: standard input is no terminal.
    let file = host.file.to_str().unwrap();
    let ran = host.daemon.run(&["grant", "add", "alice", "--for", "2h", "--file", file]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.err.contains("--reason"), "{ran:?}");
    let add = ["grant", "add", "alice", "--for", "2h", "--reason", "x", "--json", "--file", file];
    let ran = host.daemon.run(&add);
    assert_eq!(ran.status, 0, "{ran:?}");
    let json = ran.json();
    assert_eq!((&json["answer"], &json["grant"]["state"]), (&"written".into(), &"live".into()));
    let meta = fs::metadata(&host.file).unwrap();
    assert_eq!((meta.uid(), meta.permissions().mode() & 0o777), (0, 0o640));
    let ran = host.daemon.run(&["--json", "grant", "revoke", json["id"].as_str().unwrap(), "--file", file]);
    assert_eq!((ran.status, &ran.json()["grant"]["state"]), (0, &"revoked".into()), "{ran:?}");
    let nobody = host.daemon.dir.path().join("none");
    let ran = run(&nobody, &["grant", "add", "alice", "--for", "2h", "--reason", "x", "--file", file]);
    assert_eq!(ran.status, 4, "{ran:?}");
    assert!(ran.err.contains("--host NAME"), "{ran:?}");
}
