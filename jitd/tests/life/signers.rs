//! The list of signers, while the daemon runs: what approvals that must be signed come to by it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use jit_model::digest::digest;
use jit_model::dn::Dn;
use jit_model::time::Timestamp;
use jit_proto::Verdict;
use jit_signature::{Statement, attribute};
use nix::sys::signal::Signal;

use crate::host::{Daemon, Host, PEOPLE, until};

/// A grant of alice's under a role that requires a signed approval by a lead, who is bob.
const ENTRIES: &str = "\
dn: cn=leads,ou=groups,dc=local\nobjectClass: groupOfNames\ncn: leads\nmember: uid=bob,ou=people,dc=local\n\n\
dn: cn=ops,ou=roles,ou=jit,dc=local\nobjectClass: jitRole\ncn: ops\njitHost: *\njitEligible: uid=alice,ou=people,dc=local\n\
jitMaxDuration: 864000000\njitApprovalsRequired: 1\njitApproverGroup: cn=leads,ou=groups,dc=local\njitSignatureRequired: TRUE\n\n\
dn: cn=g1,ou=grants,ou=jit,dc=local\nobjectClass: jitGrant\ncn: g1\njitSubject: uid=alice,ou=people,dc=local\n\
jitRoleDN: cn=ops,ou=roles,ou=jit,dc=local\njitHost: *\njitNotBefore: 20200101000000Z\njitNotAfter: 20290101000000Z\n\n";

/// A host whose list of signers has bob's key, which signed alice's grant.
struct Signed {
    host: Host,
    /// `ssh-ed25519 …`
    key: String,
}

fn keygen(host: &Host, arguments: &[&str], message: Option<&str>) -> String {
    let mut command = Command::new("ssh-keygen");
    command.current_dir(host.path(".")).args(arguments).stdin(Stdio::null());
    if let Some(message) = message {
        host.write("message", message);
        command.stdin(fs::File::open(host.path("message")).unwrap());
    }
    let output = command.output().expect("no ssh-keygen here: apt-get install openssh-client");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Signed {
    fn new() -> Signed {
        let host = Host::new();
        keygen(&host, &["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", "bob"], None);
        let key = fs::read_to_string(host.path("bob.pub")).unwrap().trim().to_owned();
        host.write("enforcing", "");
        let list = host.path("allowed_signers");
        host.write(
            "jitd.toml",
            &format!("{}\n[signatures]\nallowed_signers = \"{}\"\n", host.config(), list.display()),
        );
        let signed = Signed { host, key };
        signed.list(&format!("bob {}\n", signed.key));
        signed.approve();
        signed
    }

    fn list(&self, text: &str) {
        self.host.write("allowed_signers", text);
    }

    /// Writes the approval as bob's tool would: over the grant as the daemon shows it.
    fn approve(&self) {
        let host = &self.host;
        let bases = jit_directory::decode::Bases::under(&Dn::parse("dc=local").unwrap()).unwrap();
        let entries = format!("{PEOPLE}{ENTRIES}");
        let parsed = jit_directory::ldif::parse::parse(entries.as_bytes()).unwrap();
        let gathered = jit_directory::ldif::gather::gather(parsed, &bases).unwrap();
        let config = jitd::config::parse(&host.config()).unwrap();
        let reading = &config.sources.values().next().unwrap().reading;
        let source = jit_directory::decode::decode(&gathered, &bases, reading);
        let grant = &source.grants.values().next().unwrap().grant;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let statement = Statement {
            grant: grant.uuid,
            digest: digest(grant),
            approver: Dn::parse("uid=bob,ou=people,dc=local").unwrap(),
            duration: None,
            at: Timestamp(i64::try_from(now).unwrap()),
            latest_end: Timestamp::from_generalized("20290101000000Z", jit_model::time::Between::Down)
                .unwrap(),
        };
        let armored =
            keygen(host, &["-q", "-Y", "sign", "-n", "jit-approval", "-f", "bob"], Some(&statement.text()));
        let value = attribute(&statement, &armored).unwrap();
        let digits: String = statement.digest.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let approval = format!(
            "dn: cn=a1,cn=g1,ou=grants,ou=jit,dc=local\nobjectClass: jitApproval\ncn: a1\njitApprover: uid=bob,ou=people,dc=local\n\
             jitHost: *\njitGrantDigest: {digits}\njitSignature:: {}\n\n",
            base64(&value)
        );
        host.write("grants.ldif", &format!("{entries}{approval}"));
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn said(jitd: &Daemon<'_>, words: &str) {
    until(words, || jitd.degraded().into_iter().find(|text| text.contains(words)));
}

#[test]
fn a_list_that_changes_counts_without_being_told() {
    let signed = Signed::new();
    let jitd = signed.host.start_for("alice");
    let introduced = signed.host.audited("whose keys may sign", |event| event["event"] == "signers");
    assert!(introduced["came"][0].as_str().unwrap().ends_with(" bob"), "{introduced}");
    assert_eq!(jitd.degraded(), Vec::<String>::new());

    // His key is another's.
    signed.list(&format!("carol {}\n", signed.key));
    jitd.comes_to("alice", Verdict::Deny);
    let changed =
        signed.host.audited("the change", |event| event["event"] == "signers" && !event["went"].is_null());
    assert!(changed["went"][0].as_str().unwrap().ends_with(" bob"), "{changed}");
    assert!(changed["came"][0].as_str().unwrap().ends_with(" carol"), "{changed}");
    signed.list(&format!("bob {}\n", signed.key));
    jitd.comes_to("alice", Verdict::Allow);

    // His key has ended.
    signed.list(&format!("bob valid-before=\"20200101Z\" {}\n", signed.key));
    jitd.comes_to("alice", Verdict::Deny);
    signed.list(&format!("bob namespaces=\"jit-approval\" {}\n", signed.key));
    jitd.comes_to("alice", Verdict::Allow);

    // A line that cannot be used takes nobody else's key.
    signed.list(&format!("bob {}\ncarol\n", signed.key));
    said(&jitd, "line 2 of ");
    jitd.comes_to("alice", Verdict::Allow);
}

#[test]
fn a_list_that_cannot_be_trusted_lets_nobody_sign_and_is_said() {
    let signed = Signed::new();
    let jitd = signed.host.start_for("alice");
    let (list, good) = (signed.host.path("allowed_signers"), format!("bob {}\n", signed.key));
    let spoil: [(&str, &dyn Fn()); 3] = [
        ("there is no ", &|| fs::remove_file(&list).unwrap()),
        ("does not belong to root alone", &|| {
            fs::set_permissions(&list, Permissions::from_mode(0o666)).unwrap()
        }),
        ("no line that can be used", &|| signed.list("rubbish\0\n")),
    ];
    for (words, spoil) in spoil {
        spoil();
        jitd.comes_to("alice", Verdict::Deny);
        said(&jitd, words);
        signed.host.audited(words, |event| {
            event["event"] == "signers" && event["text"].as_str().unwrap().contains(words)
        });
        signed.list(&good);
        jitd.comes_to("alice", Verdict::Allow);
        until("health", || jitd.degraded().is_empty().then_some(()));
    }
}

#[test]
fn another_list_in_the_configuration_counts_when_it_is_read_again() {
    let signed = Signed::new();
    let jitd = signed.host.start_for("alice");
    let config = fs::read_to_string(signed.host.path("jitd.toml")).unwrap();
    signed.host.write("jitd.toml", &config.replace("allowed_signers\"", "others\""));
    signed.host.write("others", "# nobody\n");
    jitd.signal(Signal::SIGHUP);
    jitd.comes_to("alice", Verdict::Deny);
    signed.host.write("jitd.toml", &config);
    jitd.signal(Signal::SIGHUP);
    jitd.comes_to("alice", Verdict::Allow);
}

#[test]
fn check_says_what_the_list_has() {
    let signed = Signed::new();
    signed.list(&format!("bob {}\nbob valid-before=\"20290101\" {}\ncarol\n", signed.key, signed.key));
    let mut command = signed.host.command();
    command.arg("--check");
    let (status, said) = signed.host.fails(command);
    assert!(status.success(), "{said}");
    for words in ["2 keys may sign approvals", "line 2: valid-before names no zone", "line 3: has no key"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
