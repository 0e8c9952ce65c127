//! Signatures by the real ssh-keygen and a real ssh-agent, with every type of key; and everything that makes one worthless.

mod openssh;

use jit_model::signature::{BadSignature, Signature, Signed};
use jit_model::time::Span;
use jit_signature::{AllowedSigners, Statement, attribute, check, split};
use openssh::{OpenSsh, dn, statement, time};

const AT: &str = "20261123041500Z";

fn good(signature: Signature) -> Signed {
    match signature {
        Signature::Good(signed) => signed,
        other => panic!("{other:?}"),
    }
}

fn bad(signature: Signature) -> BadSignature {
    match signature {
        Signature::Bad(bad) => bad,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_type_of_key_signs_from_a_file_and_from_an_agent_with_both_hashes() {
    let ssh = OpenSsh::new();
    let agent = ssh.agent();
    let bob = statement("bob", AT);
    for (name, kind, bits) in [
        ("ed25519", "ed25519", ""),
        ("p256", "ecdsa", "256"),
        ("p384", "ecdsa", "384"),
        ("rsa2048", "rsa", "2048"),
        ("rsa3072", "rsa", "3072"),
    ] {
        let list = format!("bob {}\n", ssh.key(name, kind, bits));
        let allowed = AllowedSigners::parse(&list);
        assert_eq!(allowed.skipped(), [], "{name}");
        agent.add(&ssh, name);
        for hash in ["sha256", "sha512"] {
            for agent in [None, Some(&agent)] {
                // The agent's key is named by its public half: the other one is not looked at.
                let file = if agent.is_some() { format!("{name}.pub") } else { name.to_owned() };
                let hashing = format!("hashalg={hash}");
                let armored = ssh.sign(&file, &bob.text(), &["-n", "jit-approval", "-O", &hashing], agent);
                let value = attribute(&bob, &armored).unwrap();
                let (again, same) = split(&value).unwrap();
                assert_eq!((again, same), (bob.clone(), armored.as_str()), "the armour is kept as it is");
                let signed = good(check(&value, &bob.approver, &allowed));
                assert_eq!(signed.principal, "bob");
                assert_eq!(signed.key, ssh.fingerprint(name));
                assert_eq!((signed.grant, signed.digest), (bob.grant, bob.digest));
                assert_eq!((signed.at, signed.latest_end), (bob.at, bob.latest_end));
                assert!(ssh.verifies(&value, "bob", list.as_bytes(), AT, "UTC0"), "{name} {hash}");
            }
        }
    }
}

#[test]
fn keys_that_may_not_sign_are_refused_by_name_in_the_list_and_in_the_signature() {
    let ssh = OpenSsh::new();
    let bob = statement("bob", AT);
    let ca = ssh.key("ca", "ed25519", "");
    for (name, kind, bits, said) in [
        ("p521", "ecdsa", "521", "ecdsa-sha2-nistp521"),
        ("rsa1024", "rsa", "1024", "1024 bits"),
        ("rsa2047", "rsa", "2047", "2047 bits"),
    ] {
        let list = format!("bob {}\nbob {ca}\n", ssh.key(name, kind, bits));
        let allowed = AllowedSigners::parse(&list);
        assert_eq!(allowed.skipped().len(), 1, "{name}");
        assert!(
            allowed.skipped()[0].to_string().starts_with("line 1: its key ")
                && allowed.skipped()[0].what.contains(said),
            "{:?}",
            allowed.skipped()
        );
        let value = ssh.attribute(name, &bob);
        assert!(ssh.verifies(&value, "bob", list.as_bytes(), AT, "UTC0"), "stricter than ssh-keygen: {name}");
        match bad(check(&value, &bob.approver, &allowed)) {
            BadSignature::KeyUnfit { key, why } => {
                assert_eq!(key, ssh.fingerprint(name));
                assert!(why.contains(said), "{why}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_certificate_is_no_key() {
    let ssh = OpenSsh::new();
    let bob = statement("bob", AT);
    let ca = ssh.key("ca", "ed25519", "");
    let key = ssh.key("id", "ed25519", "");
    let certify =
        ssh.command("ssh-keygen").args(["-q", "-s", "ca", "-I", "bob", "-n", "bob", "id.pub"]).status();
    assert!(certify.unwrap().success());
    let armored = ssh.sign("id-cert.pub", &bob.text(), &["-n", "jit-approval"], None);
    let value = attribute(&bob, &armored).unwrap();
    let list = format!("bob cert-authority {ca}\nbob {key}\n");
    assert!(ssh.verifies(&value, "bob", list.as_bytes(), AT, "UTC0"), "stricter than ssh-keygen");
    let allowed = AllowedSigners::parse(&list);
    assert_eq!(allowed.skipped()[0].line, 1);
    assert!(!matches!(check(&value, &bob.approver, &allowed), Signature::Good(_)));
}

#[test]
fn what_makes_a_signature_worthless_has_a_name() {
    let ssh = OpenSsh::new();
    let (key, other) = (ssh.key("bob", "ed25519", ""), ssh.key("other", "ed25519", ""));
    let bob = statement("bob", AT);
    let value = ssh.attribute("bob", &bob);
    let print = ssh.fingerprint("bob");
    let word = |list: &str| bad(check(&value, &bob.approver, &AllowedSigners::parse(list)));

    assert_eq!(word(&format!("bob {other}\n")), BadSignature::UnknownKey(print.clone()));
    let principal = BadSignature::Principal { key: print.clone(), principal: "bob".to_owned() };
    assert_eq!(word(&format!("carol {key}\n")), principal);
    assert_eq!(
        word(&format!("bob namespaces=\"git\" {key}\n")),
        BadSignature::KeyNotForApprovals(print.clone())
    );
    assert_eq!(
        word(&format!("bob valid-after=\"20261124Z\" {key}\n")),
        BadSignature::KeyNotValid(print.clone())
    );
    assert_eq!(
        word(&format!("bob valid-before=\"20261123Z\" {key}\n")),
        BadSignature::KeyNotValid(print.clone())
    );
    assert_eq!(word("").code(), "no-signers");
    let missing = AllowedSigners::unusable("there is none");
    assert_eq!(
        bad(check(&value, &bob.approver, &missing)),
        BadSignature::NoSigners("there is none".to_owned())
    );

    // By the key of the one who signed, for the one who says that it is his.
    let allowed = AllowedSigners::parse(format!("bob {key}\ncarol {other}\n"));
    let carol = dn("uid=carol,ou=people,dc=example,dc=com");
    assert_eq!(
        bad(check(&value, &carol, &allowed)),
        BadSignature::Principal { key: print, principal: "carol".to_owned() }
    );

    // For another purpose, or over other words.
    let armored = ssh.sign("bob", &bob.text(), &["-n", "file"], None);
    let file = attribute(&bob, &armored).unwrap();
    assert_eq!(bad(check(&file, &bob.approver, &allowed)), BadSignature::Namespace("file".to_owned()));
    let (_, armored) = split(&value).unwrap();
    let longer = Statement { latest_end: time("20271123041500Z"), ..bob.clone() };
    let longer = attribute(&longer, armored).unwrap();
    assert_eq!(bad(check(&longer, &bob.approver, &allowed)), BadSignature::Forged);
}

#[test]
fn a_shorter_time_is_signed_and_cannot_be_left_out() {
    let ssh = OpenSsh::new();
    let key = ssh.key("bob", "ed25519", "");
    let bob = Statement { duration: Some(Span(3_600)), ..statement("bob", AT) };
    let value = ssh.attribute("bob", &bob);
    let allowed = AllowedSigners::parse(format!("bob {key}\n"));
    assert_eq!(good(check(&value, &bob.approver, &allowed)).duration, Some(Span(3_600)));
    let text = String::from_utf8(value).unwrap();
    assert!(text.contains("\nfor 3600\n"));
    for (line, why) in [("\n", "left out"), ("\nfor 36000\n", "longer")] {
        let changed = text.replace("\nfor 3600\n", line);
        let signature = check(changed.as_bytes(), &bob.approver, &allowed);
        assert_eq!(bad(signature), BadSignature::Forged, "{why}");
    }
    for line in
        ["\nfor 0\n", "\nfor 03600\n", "\nfor\n", "\nfor 1h\n", "\nfor 3600\nfor 3600\n", "\nfor +3600\n"]
    {
        let changed = text.replace("\nfor 3600\n", line);
        let signature = check(changed.as_bytes(), &bob.approver, &allowed);
        assert!(matches!(bad(signature), BadSignature::Malformed(_)), "{line:?}");
    }
}

#[test]
fn a_key_that_ends_ends_the_approval() {
    let ssh = OpenSsh::new();
    let key = ssh.key("bob", "ed25519", "");
    let bob = statement("bob", AT);
    let value = ssh.attribute("bob", &bob);
    let end = |list: String| good(check(&value, &bob.approver, &AllowedSigners::parse(list))).latest_end;
    assert_eq!(end(format!("bob {key}\n")), bob.latest_end);
    assert_eq!(end(format!("bob valid-before=\"20270101Z\" {key}\n")), bob.latest_end);
    assert_eq!(end(format!("bob valid-before=\"20261123120000Z\" {key}\n")), time("20261123120000Z"));
    // Of several lines the one with the latest end, wherever it stands.
    let lines = [
        format!("bob valid-before=\"20261123120000Z\" {key}\n"),
        format!("* valid-before=\"20261123150000Z\" {key}\n"),
        format!("bob valid-before=\"20261123060000Z\" {key}\n"),
    ];
    assert_eq!(end(lines.concat()), time("20261123150000Z"));
    assert_eq!(end(lines.iter().rev().map(String::as_str).collect()), time("20261123150000Z"));
}

/// Whoever can write the attribute changes any byte of it to any other.
#[test]
fn no_byte_can_be_another() {
    let ssh = OpenSsh::new();
    let bob = statement("bob", AT);
    for (name, kind, bits) in [("ed25519", "ed25519", ""), ("p256", "ecdsa", "256"), ("rsa", "rsa", "2048")] {
        let allowed = AllowedSigners::parse(format!(
            "bob {}\n* {}\n",
            ssh.key(name, kind, bits),
            ssh.key(&format!("{name}2"), "ed25519", "")
        ));
        let value = ssh.attribute(name, &bob);
        good(check(&value, &bob.approver, &allowed));
        let mut changed = value.clone();
        for at in 0..value.len() {
            for by in [1_u8, 2, 4, 8, 0x10, 0x20, 0x2a, 0x40, 0x80, 0xff] {
                changed[at] = value[at] ^ by;
                let word = check(&changed, &bob.approver, &allowed);
                assert!(!matches!(word, Signature::Good(_)), "{name}: byte {at} xor {by:#x}: {word:?}");
            }
            changed[at] = value[at];
            let mut less = value.clone();
            less.remove(at);
            assert!(
                !matches!(check(&less, &bob.approver, &allowed), Signature::Good(_)),
                "{name}: without byte {at}"
            );
            let mut more = value.clone();
            more.insert(at, b'\n');
            assert!(
                !matches!(check(&more, &bob.approver, &allowed), Signature::Good(_)),
                "{name}: a line end at {at}"
            );
        }
        for end in [&b"\n"[..], b" ", b"x", b"\0"] {
            let more = [value.as_slice(), end].concat();
            assert!(
                !matches!(check(&more, &bob.approver, &allowed), Signature::Good(_)),
                "{name}: {end:?} behind it"
            );
        }
    }
}

#[test]
fn armour_of_other_signers_is_written_anew() {
    let ssh = OpenSsh::new();
    let allowed = AllowedSigners::parse(format!("bob {}\n", ssh.key("bob", "ed25519", "")));
    let bob = statement("bob", AT);
    let armored = ssh.sign("bob", &bob.text(), &["-n", "jit-approval"], None);
    let usual = attribute(&bob, &armored).unwrap();
    // As other programs write it: lines of 76 characters (the protocol's own proposal), CRLF, no line end, space around.
    let base64: String = armored.lines().filter(|line| !line.starts_with('-')).collect();
    let wide: Vec<&str> =
        base64.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let wide = format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----", wide.join("\n"));
    for other in [wide.clone(), wide.replace('\n', "\r\n"), format!("\n{armored}\n\n")] {
        assert_eq!(attribute(&bob, &other).as_ref(), Ok(&usual), "{other:?}");
        let raw = [bob.text().as_bytes(), other.as_bytes()].concat();
        assert!(
            !matches!(check(&raw, &bob.approver, &allowed), Signature::Good(_)),
            "one form only: {other:?}"
        );
    }
    for no in
        ["", "-----BEGIN SSH SIGNATURE-----", "-----BEGIN SSH SIGNATURE-----AAAA-----END SSH SIGNATURE-----"]
    {
        assert!(attribute(&bob, no).is_err(), "{no:?}");
    }
}
