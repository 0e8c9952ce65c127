//! What is taken for a key, what is refused, and as what a key is written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::fingerprint::tests::keygen;

const ED25519: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIEFjcS1Zy1Q+vpkXJWcbGoqIYyV0xgcJDX7qg8zTZhGc";
const NOW: Timestamp = Timestamp(1_795_348_800);
const END: Timestamp = Timestamp(1_795_352_400);

fn utc() -> Zone {
    Zone::of(jiff::tz::TimeZone::UTC)
}

fn options(allowed: &[&str]) -> BTreeSet<String> {
    allowed.iter().map(|name| (*name).to_owned()).collect()
}

fn read(line: &str, allowed: &[&str]) -> Result<Key, KeyRefusal> {
    Key::read(line, &options(allowed), &utc())
}

/// The line that is written for one that is read.
fn written(line: &str, allowed: &[&str]) -> Option<String> {
    read(line, allowed).unwrap_or_else(|why| panic!("{line}: {why}")).line(END, NOW, &utc())
}

fn blob(parts: &[&[u8]]) -> String {
    let part = |part: &&[u8]| [&u32::try_from(part.len()).unwrap().to_be_bytes()[..], part].concat();
    STANDARD.encode(parts.iter().map(part).collect::<Vec<_>>().concat())
}

#[test]
fn a_key_ends_with_its_grant() {
    let until = "expiry-time=\"20261122130000\"";
    for (line, expected) in [
        (
            format!("ssh-ed25519 {ED25519} alice@laptop"),
            format!("{until} ssh-ed25519 {ED25519} alice@laptop"),
        ),
        (format!("  ssh-ed25519   {ED25519}  "), format!("{until} ssh-ed25519 {ED25519}")),
        (
            format!("ssh-ed25519 {ED25519} two words \u{202e}\u{e9}"),
            format!("{until} ssh-ed25519 {ED25519} two words ??"),
        ),
    ] {
        assert_eq!(written(&line, &[]), Some(expected));
    }
}

#[test]
fn options_are_handed_on_only_where_the_host_allows_each() {
    let key = format!("ssh-ed25519 {ED25519} c");
    let line = format!("RESTRICT,command=\"echo \\\"a, b\\\" c=d\",from=\"10.0.0.0/8\" {key}");
    let all = ["restrict", "command", "from"];
    let expected = format!(
        "restrict,command=\"echo \\\"a, b\\\" c=d\",from=\"10.0.0.0/8\",expiry-time=\"20261122130000\" {key}"
    );
    assert_eq!(written(&line, &all), Some(expected));
    for (without, allowed) in [("restrict", &all[1..]), ("from", &all[..2])] {
        assert_eq!(read(&line, allowed), Err(KeyRefusal::Option(without.to_owned())));
    }
    for never in ["cert-authority", "principals=\"root\"", "Cert-Authority", "restrict,PRINCIPALS=\"root\""] {
        let refused = read(&format!("{never} {key}"), &["cert-authority", "principals", "restrict"]);
        assert!(matches!(refused, Err(KeyRefusal::Never(_))), "{never}: {refused:?}");
    }
}

#[test]
fn a_key_may_end_before_its_grant_and_never_after_it() {
    let key = format!("ssh-ed25519 {ED25519}");
    for (own, expected) in [
        ("20261122123000", Some("20261122123000")),
        ("202611221230Z", Some("20261122123000")),
        ("20261123", Some("20261122130000")),
        ("20991231", Some("20261122130000")),
        ("20261122120000", None),
        ("20200101", None),
    ] {
        let line = written(&format!("expiry-time=\"{own}\" {key}"), &[]);
        assert_eq!(line, expected.map(|time| format!("expiry-time=\"{time}\" {key}")), "{own}");
    }
    let two = format!("expiry-time=\"20261122\",expiry-time=\"20991231\" {key}");
    assert_eq!(written(&two, &[]), None, "the earlier of two counts");
    for wrong in ["expiry-time", "expiry-time=\"\"", "expiry-time=\"never\"", "expiry-time=\"20261399\""] {
        assert_eq!(read(&format!("{wrong} {key}"), &["expiry-time"]), Err(KeyRefusal::Expiry), "{wrong}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let point = [&[4_u8][..], &[7; 64]].concat();
    let (e, n): (&[u8], &[u8]) = (&[1, 0, 1], &[0x12; 256]);
    let good: [(&str, &[&[u8]]); 4] = [
        ("ssh-rsa", &[b"ssh-rsa", e, n]),
        ("ecdsa-sha2-nistp256", &[b"ecdsa-sha2-nistp256", b"nistp256", &point]),
        ("sk-ssh-ed25519@openssh.com", &[b"sk-ssh-ed25519@openssh.com", &[7; 32], b"ssh:"]),
        (
            "sk-ecdsa-sha2-nistp256@openssh.com",
            &[b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", &point, b"ssh:"],
        ),
    ];
    for (kind, parts) in good {
        assert!(read(&format!("{kind} {}", blob(parts)), &[]).is_ok(), "{kind}");
        // One part less, one more, one that is cut off.
        let less = blob(&parts[..parts.len() - 1]);
        let more = blob(&[parts, &[b"x"]].concat());
        for wrong in [less, more] {
            assert_eq!(read(&format!("{kind} {wrong}"), &[]), Err(KeyRefusal::Malformed(kind)));
        }
    }
    let malformed = [
        format!("ssh-ed25519 {}", &ED25519[..ED25519.len() - 4]),
        format!("ssh-rsa {ED25519}"),
        format!("ssh-ed25519 {}", blob(&[b"ssh-ed25519", &[7; 31]])),
        format!("ecdsa-sha2-nistp256 {}", blob(&[b"ecdsa-sha2-nistp256", b"nistp384", &point])),
        format!("ecdsa-sha2-nistp256 {}", blob(&[b"ecdsa-sha2-nistp256", b"nistp256", &point[1..]])),
        format!("ssh-rsa {}", blob(&[b"ssh-rsa", e, &[0; 256]])),
        format!("ssh-rsa {}", blob(&[b"ssh-rsa", e, &[0x80; 256]])),
        format!("ssh-ed25519 {ED25519}="),
        "ssh-ed25519 !!!!".to_owned(),
    ];
    for line in malformed {
        assert!(matches!(read(&line, &[]), Err(KeyRefusal::Malformed(_))), "{line}");
    }
    for line in ["", "#", "ssh-ed25519", "x", "alice@laptop", "ssh-ed25519 ", "no-pty"] {
        assert!(matches!(read(line, &["no-pty"]), Err(KeyRefusal::NoKey)), "{line:?}");
    }
    for line in [
        format!("ssh-ed25519 {ED25519}\nssh-ed25519 {ED25519}"),
        format!("ssh-ed25519\t{ED25519}"),
        format!("ssh-ed25519 {ED25519} a\u{7f}"),
        format!("ssh-ed25519 {ED25519} a\u{85}b"),
    ] {
        assert_eq!(read(&line, &[]), Err(KeyRefusal::NoKey), "{line:?}");
    }
    assert_eq!(read("ssh-dss AAAA", &[]), Err(KeyRefusal::Type("ssh-dss".to_owned())));
    assert_eq!(read("ssh-ed25519-cert-v01@openssh.com AAAA", &[]), Err(KeyRefusal::Certificate));
    assert_eq!(read("no-pty ssh-dss AAAA", &["no-pty"]), Err(KeyRefusal::Type("ssh-dss".to_owned())));
}

#[test]
fn options_that_cannot_be_read_are_refused() {
    let allowed = ["command", "no-pty", "restrict"];
    for wrong in [
        "command=\"x",
        "command=x",
        "command=\"x\"y",
        "command=\"x\\\"",
        ",no-pty",
        "no-pty,",
        "no-pty,,restrict",
        "no_pty",
        "no-pty=",
        "=\"x\"",
        "\"no-pty\"",
        "command =\"x\"",
    ] {
        let refused = read(&format!("{wrong} ssh-ed25519 {ED25519}"), &allowed);
        assert!(matches!(refused, Err(KeyRefusal::Options | KeyRefusal::NoKey)), "{wrong}: {refused:?}");
    }
    // A quote that sshd takes for the end of the value is one here, too.
    let sly = format!("command=\"a\\\\\"\",restrict\" ssh-ed25519 {ED25519}");
    assert_eq!(read(&sly, &["command"]), Err(KeyRefusal::Options));
}

#[test]
fn a_key_has_a_name_for_people() {
    assert_eq!(label(&format!("ssh-ed25519 {ED25519} alice@laptop at home")), "alice@laptop at home");
    assert_eq!(
        label(&format!("no-pty ssh-ed25519 {ED25519}")),
        format!("no-pty ssh-ed25519 {}...", &ED25519[..21])
    );
    assert_eq!(label("ssh-dss AAAA b\u{1b}[2J"), "ssh-dss AAAA b?[2J");
}

#[test]
fn what_ssh_keygen_makes_is_a_key_and_what_is_written_is_one_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    for (name, arguments) in [
        ("a", ["-t", "ed25519", "-b", "256"]),
        ("b", ["-t", "rsa", "-b", "2048"]),
        ("c", ["-t", "ecdsa", "-b", "256"]),
        ("d", ["-t", "ecdsa", "-b", "384"]),
        ("e", ["-t", "ecdsa", "-b", "521"]),
    ] {
        let common = ["-q", "-N", "", "-C", "a comment", "-f", name];
        keygen(path, &[&arguments[..], &common[..]].concat());
        let line = std::fs::read_to_string(path.join(format!("{name}.pub"))).unwrap();
        let line =
            written(&format!("no-pty,command=\"a \\\" b\" {}", line.trim_end()), &["no-pty", "command"]);
        std::fs::write(path.join("authorized_keys"), line.unwrap()).unwrap();
        let fingerprint = |file: &str| keygen(path, &["-l", "-f", file]);
        let (key, ours) = (fingerprint(name), fingerprint("authorized_keys"));
        assert_eq!(key.split(' ').nth(1), ours.split(' ').nth(1), "{ours}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(line in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = read(&line, &["command"]);
        let _ = label(&line);
        let _ = read(&format!("ssh-ed25519 {}", STANDARD.encode(&bytes)), &[]);
    }

    /// Whatever stands in an entry, what is written is one line of visible characters or the values that were allowed, is read again
    /// as the same key, and ends with the grant.
    #[test]
    fn what_is_written_is_what_was_read(
        names in proptest::collection::vec("(command|from|no-pty|restrict|principals|cert-authority|x)", 0..4),
        value in "[ -~\u{e9}]{0,12}",
        comment in ".{0,20}",
    ) {
        let options: Vec<String> = names.iter().map(|name| format!("{name}=\"{value}\"")).collect();
        let before = if options.is_empty() { String::new() } else { format!("{} ", options.join(",")) };
        let line = format!("{before}ssh-ed25519 {ED25519} {comment}");
        if let Ok(key) = read(&line, &["command", "from", "no-pty", "restrict"]) {
            let written = key.line(END, NOW, &utc()).unwrap();
            prop_assert!(!written.chars().any(char::is_control));
            prop_assert!(!written.contains("principals") || value.contains("principals") || comment.contains("principals"));
            let again = read(&written, &["command", "from", "no-pty", "restrict"]).unwrap();
            prop_assert_eq!(again.line(END, NOW, &utc()), Some(written));
        }
    }
}
