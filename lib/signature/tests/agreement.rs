//! Ours and `ssh-keygen -Y verify`, asked the same: each line of allowed_signers that people might write, with several names and times.
//! Ours may only be stricter, and each place where it is stands here by name.

mod openssh;

use jit_model::signature::Signature;
use jit_signature::{AllowedSigners, check};
use openssh::{OpenSsh, statement};

/// KEY stands for the key that signed, OTHER for another one, RSA1024 and P521 for what their names say.
const SAME: &[&str] = &[
    // Principals.
    "bob KEY",
    "bob KEY a comment with \"quotes\"",
    "bob\tKEY",
    "  \t bob   KEY  ",
    "bob,alice KEY",
    "alice,bob KEY",
    "* KEY",
    "b?b KEY",
    "b* KEY",
    "*o*,!bob KEY",
    "!bob,* KEY",
    "!carol,* KEY",
    "!bob KEY",
    "Bob KEY",
    "BOB,bob KEY",
    ",bob KEY",
    "bob, KEY",
    "alice KEY",
    "bobby KEY",
    "\"bob\" KEY",
    "\"bob,alice\" KEY",
    "\"alice bob\" KEY",
    "b\"ob\" KEY",
    "\"bob\"KEY",
    "\"bob KEY",
    "bob\"\" KEY",
    "\"\" KEY",
    // Comments, empty lines, ends of lines.
    "# bob KEY",
    "#\nbob KEY",
    "\n\n\nbob KEY\n\n",
    "bob KEY\r",
    "bob KEY comment\r",
    "bob KEY#",
    "bob # KEY",
    // Namespaces.
    "bob namespaces=\"jit-approval\" KEY",
    "bob namespaces=\"git,jit-approval\" KEY",
    "bob namespaces=\"git\" KEY",
    "bob namespaces=\"jit-*\" KEY",
    "bob namespaces=\"*,!jit-approval\" KEY",
    "bob namespaces=\"JIT-APPROVAL\" KEY",
    "bob NAMESPACES=\"jit-approval\" KEY",
    "bob namespaces=\"\" KEY",
    "bob namespaces=jit-approval KEY",
    "bob namespaces=\"jit-approval KEY",
    "bob namespaces=\"jit-approval\",namespaces=\"jit-approval\" KEY",
    "bob namespaces=\"a\\\"b,jit-approval\" KEY",
    "bob namespaces= KEY",
    "bob namespaces KEY",
    "bob namespaces=\"jit-approval\"x KEY",
    // Validity.
    "bob valid-after=\"20261123000000Z\" KEY",
    "bob valid-after=\"20261123120000Z\" KEY",
    "bob valid-after=\"20261123120001Z\" KEY",
    "bob valid-before=\"20261123120000Z\" KEY",
    "bob valid-before=\"20261123115959Z\" KEY",
    "bob valid-before=\"20261123120001Z\" KEY",
    "bob valid-after=\"20261123Z\",valid-before=\"20261124Z\" KEY",
    "bob valid-after=\"20261124Z\",valid-before=\"20261123Z\" KEY",
    "bob valid-after=\"20261123Z\",valid-before=\"20261123Z\" KEY",
    "bob valid-after=\"202611231200Z\" KEY",
    "bob valid-after=\"2026112312Z\" KEY",
    "bob valid-after=\"20261123z\" KEY",
    "bob valid-before=\"19691231Z\" KEY",
    "bob valid-before=\"19700101Z\" KEY",
    "bob valid-before=\"tomorrow\" KEY",
    "bob valid-before=\"\" KEY",
    "bob valid-before=20261124Z KEY",
    "bob valid-after=\"20261101Z\",valid-after=\"20261102Z\" KEY",
    "bob Valid-After=\"20261101Z\",VALID-BEFORE=\"20261201Z\" KEY",
    "bob namespaces=\"jit-approval\",valid-before=\"20261123120000Z\" KEY",
    // Options.
    "bob no-touch-required KEY",
    "bob cert-authority KEY",
    "bob CERT-AUTHORITY,namespaces=\"jit-approval\" KEY",
    "bob namespaces=\"jit-approval\",cert-authority KEY",
    "bob namespaces=\"jit-approval\", KEY",
    "bob ,namespaces=\"jit-approval\" KEY",
    "bob ,, KEY",
    "bob namespaces=\"jit-approval\" valid-before=\"20261201Z\" KEY",
    "bob restrict,namespaces=\"jit-approval\" KEY",
    "bob \"namespaces\" KEY",
    "bob namespaces=\"jit-approval\"\tKEY",
    "bob namespaces=\"a, b,jit-approval\" KEY",
    // Keys.
    "bob",
    "bob ",
    "KEY",
    "bob ssh-ed25519",
    "bob ssh-ed25519 AAAA",
    "bob ssh-ed25519 !!!!",
    "bob ssh-rsa BASE64",
    "bob ssh-foo BASE64",
    "bob BASE64",
    "bob ssh-ed25519 BASE64=",
    "bob OTHER",
    // Several lines.
    "bob OTHER\nbob KEY",
    "bob valid-before=\"20261101Z\" KEY\nbob KEY",
    "bob valid-before=\"20261101Z\" KEY\nbob valid-after=\"20261201Z\" KEY",
    "bob nonsense KEY\nbob KEY",
    "!bob,* KEY\nbob KEY",
    "bob cert-authority KEY\nbob KEY",
    "alice KEY\nbob OTHER",
    "bob\nbob KEY",
    "\"bob KEY\nbob KEY",
];

/// Where ours is stricter, and why: ssh-keygen lets the first of the names at one of the times, ours never.
const STRICTER: &[(&str, &str)] = &[
    (
        "days that do not exist are no dates (mktime takes February 30 for March 2)",
        "bob valid-after=\"20260230Z\" KEY",
    ),
    ("seconds that do not exist are no times (strptime takes 60)", "bob valid-after=\"20261101235960Z\" KEY"),
    ("white space in a time is no digit (strptime skips it)", "bob valid-after=\"2026 1 1Z\" KEY"),
    ("a line that holds a control character is of no use (C ends it at a NUL)", "bob KEY\0 and more"),
    ("a line that holds a control character is of no use (strdelimw takes a CR for space)", "bob\rKEY"),
    ("a line that is not UTF-8 is of no use (comments are only bytes to OpenSSH)", "bob KEY caf\u{0}LATIN1"),
    ("white space in base64 ends it (b64_pton skips it)", "bob KEY1\u{b}KEY2"),
];

/// A time without a zone counts as the narrowest that it can mean: what ours lets, ssh-keygen lets in every zone.
const WITHOUT_ZONE: &[&str] = &[
    "bob valid-after=\"20261123\" KEY",
    "bob valid-after=\"20261122\" KEY",
    "bob valid-before=\"20261124\" KEY",
    "bob valid-before=\"20261125\" KEY",
    "bob valid-before=\"202611231200\" KEY",
    "bob valid-after=\"20261120\",valid-before=\"20261130\" KEY",
    "bob valid-after=\"20261123\",valid-before=\"20261124\" KEY",
];

const TIMES: [&str; 3] = ["20261123115959Z", "20261123120000Z", "20261123120001Z"];

struct Rig {
    ssh: OpenSsh,
    keys: Vec<(&'static str, String)>,
    /// The name, the time, and what he signed then.
    signed: Vec<(&'static str, &'static str, Vec<u8>)>,
}

impl Rig {
    fn new() -> Rig {
        let ssh = OpenSsh::new();
        let key = ssh.key("key", "ed25519", "");
        let base64 = key.split(' ').nth(1).unwrap().to_owned();
        let (front, back) = key.split_at(40);
        let keys = vec![
            ("KEY1", front.to_owned()),
            ("KEY2", back.to_owned()),
            ("KEY", key.clone()),
            ("BASE64", base64),
            ("OTHER", ssh.key("other", "ed25519", "")),
        ];
        let mut signed = Vec::new();
        for name in ["bob", "alice"] {
            for at in TIMES {
                signed.push((name, at, ssh.attribute("key", &statement(name, at))));
            }
        }
        Rig { ssh, keys, signed }
    }

    fn list(&self, line: &str) -> Vec<u8> {
        let mut line = line.to_owned();
        for (word, key) in &self.keys {
            line = line.replace(word, key);
        }
        line.push('\n');
        match line.split_once("\0LATIN1") {
            Some((front, back)) => [front.as_bytes(), b"\xe9", back.as_bytes()].concat(),
            None => line.into_bytes(),
        }
    }

    fn ours(&self, list: &[u8], name: &str, value: &[u8]) -> bool {
        let approver = openssh::dn(&format!("uid={name},ou=people,dc=example,dc=com"));
        matches!(check(value, &approver, &AllowedSigners::parse(list)), Signature::Good(_))
    }
}

#[test]
fn ours_and_ssh_keygen_agree_about_each_line() {
    let rig = Rig::new();
    let (mut yes, mut no) = (0, 0);
    for line in SAME {
        let list = rig.list(line);
        for (name, at, value) in &rig.signed {
            let ours = rig.ours(&list, name, value);
            let theirs = rig.ssh.verifies(value, name, &list, at, "UTC0");
            assert_eq!(ours, theirs, "{line:?} for {name} at {at}: ours {ours}, ssh-keygen {theirs}");
            if ours { yes += 1 } else { no += 1 }
        }
    }
    // It is about both.
    assert!(yes > 100 && no > 200, "{yes} {no}");
}

#[test]
fn ours_is_stricter_only_where_it_is_said() {
    let rig = Rig::new();
    for (why, line) in STRICTER {
        let list = rig.list(line);
        let mut theirs = false;
        for (name, at, value) in &rig.signed {
            theirs |= rig.ssh.verifies(value, name, &list, at, "UTC0");
            assert!(!rig.ours(&list, name, value), "{why}");
        }
        assert!(theirs, "ssh-keygen is as strict, so this is none of them: {why}");
        assert_eq!(AllowedSigners::parse(&list).skipped().len(), 1, "it is reported: {why}");
    }
}

#[test]
fn a_time_without_a_zone_is_never_wider_than_in_any_zone() {
    let rig = Rig::new();
    let mut yes = 0;
    for line in WITHOUT_ZONE {
        let list = rig.list(line);
        for (name, at, value) in &rig.signed {
            if rig.ours(&list, name, value) {
                yes += 1;
                // POSIX's sign: 12 hours behind UTC, UTC, 14 hours ahead of it.
                for zone in ["WEST12", "UTC0", "EAST-14"] {
                    assert!(
                        rig.ssh.verifies(value, name, &list, at, zone),
                        "{line} for {name} at {at} in {zone}"
                    );
                }
            }
        }
        let parsed = AllowedSigners::parse(&list);
        assert!(!parsed.remarks().is_empty() || !parsed.skipped().is_empty(), "it is said: {line}");
    }
    assert!(yes > 5, "{yes}");
}
