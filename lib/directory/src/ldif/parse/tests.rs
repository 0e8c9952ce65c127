//! The text form, line by line, and properties over arbitrary texts.

use jit_model::name::SourceName;
use jit_model::source::Proof;
use proptest::prelude::*;

use super::*;
use crate::decode::Reading;
use crate::ldif::record::Lines;
use crate::ldif::{bases, read};

const GOOD: &str = "version: 1\n\
    # people\n\
    #  and a comment\n \
    that goes on\n\
    \n\
    dn: ou=grants,ou=jit,dc=local\n\
    objectClass: organizationalUnit\n\
    ou: grants\n\
    \n\
    \n\
    DN:: dWlkPWFsaWNlLG91PXBlb3BsZSxkYz1sb2NhbA==\n\
    objectClass: acc\n ount\n\
    # within\n\
    uid:alice\n\
    description;lang-de:   Straße\n\
    description:: Z3Jvw58=\n\
    description:\n";

fn values(record: &Record, name: &str) -> Vec<String> {
    record.attributes[name].iter().map(|value| String::from_utf8(value.clone()).unwrap()).collect()
}

#[test]
fn content_records() {
    for text in [GOOD.to_owned(), GOOD.replace('\n', "\r\n")] {
        let records = parse(text.as_bytes()).unwrap();
        let [container, alice] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!((container.line, alice.line), (6, 11));
        assert_eq!(container.dn.to_string(), "ou=grants,ou=jit,dc=local");
        assert_eq!(alice.dn.to_string(), "uid=alice,ou=people,dc=local");
        assert_eq!(values(alice, "objectclass"), ["account"]);
        assert_eq!(values(alice, "uid"), ["alice"]);
        assert_eq!(values(alice, "description"), ["Straße", "groß", ""]);
        let bytes = &text.as_bytes()[container.bytes.clone()];
        assert!(
            bytes.starts_with(b"dn: ou=grants") && bytes.ends_with(b"grants\n".as_slice())
                || bytes.ends_with(b"grants\r\n")
        );
    }
    assert_eq!(parse(b""), Ok(vec![]));
    assert_eq!(parse(b"# nothing\n\n"), Ok(vec![]));
    assert_eq!(parse(b"version: 1\n"), Ok(vec![]));
}

#[test]
fn each_fault_names_its_line_and_the_way_out() {
    let head = "dn: cn=x,dc=local\ncn: x\n";
    for (text, line, words) in [
        ("\u{feff}version: 1\n".to_owned(), 0, "byte order mark"),
        ("version: 2\n".to_owned(), 1, "version: 1"),
        ("version: 1\nversion: 1\n".to_owned(), 2, "version: 1"),
        (format!("{head}\nversion: 1\n"), 4, "version: 1"),
        (format!("{head}sn: y"), 3, "cut short"),
        ("cn: x\n".to_owned(), 1, "begins with `dn:`"),
        (format!("{head}\ncn: y\n"), 4, "begins with `dn:`"),
        (format!("{head}dn: cn=y,dc=local\n"), 3, "second `dn:`"),
        ("dn: cn=x,dc=local\n\ncn: x\n".to_owned(), 1, "no attributes"),
        ("dn: alice\ncn: x\n".to_owned(), 1, "distinguished name"),
        ("dn:\ncn: x\n".to_owned(), 1, "distinguished name"),
        ("dn:: /w==\ncn: x\n".to_owned(), 1, "distinguished name"),
        (format!("{head}changetype: add\n"), 3, "change record"),
        (format!("{head}-\n"), 3, "change record"),
        ("dn: cn=x,dc=local\ncontrol: 1.2.3 true\n".to_owned(), 2, "change record"),
        (format!("{head}jpegPhoto:< file:///etc/shadow\n"), 3, "URL"),
        (format!("{head}sn:: ab c=\n"), 3, "base64"),
        (format!("{head}sn:: YWJj=\n"), 3, "base64"),
        (format!("{head}sn:: YW\n"), 3, "base64"),
        (format!("{head}sn:: YR==\n"), 3, "base64"),
        (format!("{head}sn\n"), 3, "name: value"),
        (format!("{head}: y\n"), 3, "attribute name"),
        (format!("{head}s n: y\n"), 3, "attribute name"),
        (format!("{head}sn;: y\n"), 3, "attribute name"),
        (format!("{head}1.2..3: y\n"), 3, "attribute name"),
        (format!("{head}sn: y \n"), 3, "ends with a space"),
        (format!("{head}sn: y\n \n \u{1b}[2J\n"), 5, "control character"),
        (format!("{head}sn: a\0b\n"), 3, "control character"),
        (format!("{head}sn: a\rb\n"), 3, "control character"),
        (" cn: x\n".to_owned(), 1, "no line before"),
        (format!("{head}\n cn: x\n"), 4, "no line before"),
    ] {
        let fault = parse(text.as_bytes()).unwrap_err();
        assert_eq!(fault.line, line, "{text:?}: {fault}");
        assert!(fault.to_string().contains(words), "{text:?}: {fault}");
        let knows = text.starts_with(head) && !text.contains("\n\n");
        assert_eq!(
            fault.to_string().contains("cn=x,dc=local"),
            knows || words == "no attributes" || text.contains("control:"),
            "{fault}"
        );
    }
    let hidden = parse(b"dn:: G1sySg==\ncn: x\n").unwrap_err().to_string();
    assert!(!hidden.contains('\u{1b}') && hidden.contains("[2J"), "{hidden}");
    let fault = parse(b"dn: cn=x,dc=local\nsn: \xff\xfe\n").unwrap_err();
    assert_eq!((fault.line, fault.problem), (2, Problem::NotUtf8));
    let large = vec![b'\n'; crate::ldif::MOST_BYTES + 1];
    assert_eq!(parse(&large).unwrap_err().problem, Problem::TooLarge);
}

#[test]
fn a_set_is_whole_or_an_error() {
    let reading = reading();
    let read = |text: &str| read(text.as_bytes(), &bases().unwrap(), &reading);
    let container = "dn: ou=grants,ou=jit,dc=local\nobjectClass: organizationalUnit\n\n";
    assert!(read(container).is_ok());
    for (text, line, words) in [
        (String::new(), 0, "container ou=grants,ou=jit,dc=local is missing"),
        ("dn: ou=roles,ou=jit,dc=local\nou: roles\n".to_owned(), 0, "is missing"),
        (format!("{container}dn: OU=Grants, OU=jit,dc=local\nou: x\n"), 4, "line 1 already"),
        (
            format!(
                "{container}dn: uid=a,ou=people,dc=local\nentryUUID: 597ae2f6-16a6-1027-98f4-d28b5365dc14\n\n\
                 dn: uid=b,ou=people,dc=local\nentryUUID: 597AE2F6-16a6-1027-98f4-d28b5365dc14\n"
            ),
            7,
            "line 4 has the same entryUUID",
        ),
        (format!("{container}dn: uid=a,ou=people,dc=local\nentryUUID: 1\n"), 4, "is no UUID"),
        (
            format!(
                "{container}dn: uid=a,ou=people,dc=local\nentryUUID: 597ae2f6-16a6-1027-98f4-d28b5365dc14\n\
                 entryUUID: 597ae2f6-16a6-1027-98f4-d28b5365dc15\n"
            ),
            4,
            "2 values",
        ),
    ] {
        let fault = read(&text).unwrap_err();
        assert_eq!(fault.line, line, "{text:?}: {fault}");
        assert!(fault.to_string().contains(words), "{text:?}: {fault}");
    }
    // Misplaced entries of ours are kept, so that they are reported.
    let source =
        read(&format!("{container}dn: cn=g,dc=local\nobjectClass: jitGrant\n\ndn: dc=local\ndc: local\n"))
            .unwrap();
    assert_eq!(source.set_aside.len(), 1);
}

/// The values that would be misread if they were written plainly (RFC 2849, SAFE-STRING).
#[test]
fn unsafe_values_are_written_in_base64() {
    for value in ["", " x", ":x", "<x", "x ", "a\nb", "a\tb", "Straße", "\u{7f}"] {
        let mut lines = Lines::after(b"");
        lines.begin(&Dn::parse("cn=x,dc=local").unwrap());
        lines.add("sn", value);
        let text = lines.text();
        assert!(text.windows(5).any(|bytes| bytes == b"\nsn::"), "{value:?}");
        assert_eq!(values(&parse(&text).unwrap()[0], "sn"), [value]);
    }
}

/// The published vector: docs/ldif.md tells how to compute it with sha256sum.
#[test]
fn an_identity_is_made_from_the_name() {
    let dn = Dn::parse("CN=g1, ou=grants,ou=jit,dc=local").unwrap();
    assert_eq!(crate::ldif::gather::derived(&dn).to_string(), "03d32a0e-8fce-7f15-dc8e-338f03a55443");
}

fn reading() -> Reading {
    Reading {
        name: SourceName::new("ldif").unwrap(),
        proof: Proof::Source,
        writers: std::collections::BTreeSet::new(),
        default_role: None,
        login_attribute: "uid".to_owned(),
    }
}

/// Lines that a file could be made of, so that arbitrary texts get past the first line.
fn any_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![
            "version: 1",
            "",
            "dn: ou=grants,ou=jit,dc=local",
            "dn: cn=g,ou=grants,ou=jit,dc=local",
            "objectClass: jitGrant",
            "cn: g",
            "jitHost: *",
            "jitDuration: 60",
            "jitSubject: uid=a,ou=people,dc=local",
            " continued",
            "# comment",
            "cn:: Zw==",
            "dn: uid=a,ou=people,dc=local",
            "uid: a",
            "objectClass: jitRevocation",
            "dn: cn=r,cn=g,ou=grants,ou=jit,dc=local",
        ])
        .prop_map(|line| line.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #[test]
    fn any_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&text, &bases().unwrap(), &reading());
    }

    #[test]
    fn any_lines_never_panic(lines in prop::collection::vec(any_line(), 0..40)) {
        let mut text = lines.join(&b'\n');
        text.push(b'\n');
        if let Ok(records) = parse(&text) {
            for record in &records {
                prop_assert!(text.get(record.bytes.clone()).is_some_and(|bytes| !bytes.is_empty()));
            }
        }
        let _ = read(&text, &bases().unwrap(), &reading());
    }

    /// What is written comes back, whatever the values are.
    #[test]
    fn records_round_trip(
        entries in prop::collection::vec(prop::collection::vec(("[a-zA-Z][a-zA-Z0-9-]{0,8}", prop::collection::vec(any::<u8>(), 0..40)), 1..6), 0..6),
        crlf: bool,
    ) {
        let mut lines = Lines::after(if crlf { b"# x\r\n" } else { b"" });
        let mut expected = Vec::new();
        for (n, attributes) in entries.iter().enumerate() {
            let dn = Dn::parse(&format!("cn=e{n},dc=local")).unwrap();
            lines.begin(&dn);
            let mut wanted: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
            for (name, value) in attributes {
                let name = if ["dn", "control", "changetype"].contains(&name.to_ascii_lowercase().as_str()) { "x" } else { name };
                lines.add_bytes(name, value);
                wanted.entry(name.to_ascii_lowercase()).or_default().push(value.clone());
            }
            expected.push((dn, wanted));
        }
        let text = lines.text();
        let records = parse(&text).unwrap();
        let found: Vec<_> = records.into_iter().map(|record| (record.dn, record.attributes)).collect();
        prop_assert_eq!(found, expected);
    }

    /// A file that was cut anywhere within a line is an error, never a smaller directory.
    #[test]
    fn a_cut_file_is_an_error(at in 1_usize..340) {
        let text = GOOD.as_bytes();
        let at = at.min(text.len() - 1);
        let cut = &text[..at];
        if !cut.ends_with(b"\n") {
            prop_assert!(parse(cut).is_err());
        }
    }
}
