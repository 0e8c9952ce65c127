use proptest::prelude::*;

use super::*;

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn one_normal_form() {
    for (text, normal) in [
        ("uid=alice,ou=people,dc=example,dc=com", "uid=alice,ou=people,dc=example,dc=com"),
        ("UID=Alice , OU = People ,DC=Example,DC=COM", "uid=alice,ou=people,dc=example,dc=com"),
        ("userid=alice,domainComponent=com", "uid=alice,dc=com"),
        ("0.9.2342.19200300.100.1.1=alice,2.5.4.11=x", "uid=alice,ou=x"),
        ("OID.2.5.4.3=alice", "cn=alice"),
        ("commonName=a,surname=b,organizationName=c,organizationalUnitName=d", "cn=a,sn=b,o=c,ou=d"),
        (
            "countryName=de,localityName=b,stateOrProvinceName=h,streetAddress=s,rfc822Mailbox=m",
            "c=de,l=b,st=h,street=s,mail=m",
        ),
        ("2.5.4.4=b,2.5.4.6=c,2.5.4.7=d,2.5.4.8=e,2.5.4.9=f,2.5.4.10=g", "sn=b,c=c,l=d,st=e,street=f,o=g"),
        ("0.9.2342.19200300.100.1.3=m,0.9.2342.19200300.100.1.25=d", "mail=m,dc=d"),
        ("1.2.3.4=x", "1.2.3.4=x"),
        // RFC 4514 §4
        ("OU=Sales+CN=J.  Smith,DC=example,DC=net", "cn=j. smith+ou=sales,dc=example,dc=net"),
        (
            r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#,
            r"cn=james \22jim\22 smith\2c iii,dc=example,dc=net",
        ),
        (r"CN=Before\0dAfter,DC=example,DC=net", r"cn=before\0dafter,dc=example,dc=net"),
        ("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=hi"),
        (r"CN=Lu\C4\8Di\C4\87", "cn=lučić"),
        // One way of escaping.
        (r"cn=a\2cb", r"cn=a\2cb"),
        (r"cn=a\,b", r"cn=a\2cb"),
        (r"cn=a\+b\;c\<d\>e\\f\=g", r"cn=a\2bb\3bc\3cd\3ee\5cf=g"),
        ("cn=a=b", "cn=a=b"),
        (r"cn=\61lice", "cn=alice"),
        (r"cn=\#a#b", r"cn=\23a#b"),
        (r"cn=a\#b", "cn=a#b"),
        (r"cn=\00", r"cn=\00"),
        // Spaces.
        (r"cn=\20a\ ", "cn=a"),
        ("cn=a   b", "cn=a b"),
        (r"cn=a\20\20b", "cn=a b"),
        // A BER text is that text; anything else stays as it is.
        ("cn=#0C05416C696365", "cn=alice"),
        ("cn=#1303612C62", r"cn=a\2cb"),
        ("cn=#0c810161", "cn=a"),
        ("cn=#020101", "cn=#020101"),
        ("cn=#0C0241", "cn=#0c0241"),
        ("cn=#0C00", "cn=#0c00"),
        ("cn=#0c01ff", "cn=#0c01ff"),
        // Nothing that a terminal could misread.
        ("cn=a\u{1b}[2J", r"cn=a\1b[2j"),
        ("cn=a\u{202e}b", r"cn=a\e2\80\aeb"),
        ("cn=a\u{200b}b", r"cn=a\e2\80\8bb"),
        ("cn=\u{9b}x", r"cn=\c2\9bx"),
        // No context decides about a letter's case.
        ("cn=ΑΣ", "cn=ας".replace('ς', "σ").as_str()),
    ] {
        assert_eq!(dn(text).as_str(), normal, "{text}");
        assert_eq!(dn(normal).as_str(), normal, "again: {text}");
    }
}

#[test]
fn no_name() {
    for text in [
        "",
        " ",
        "alice",
        "=alice",
        "cn=",
        "cn= ",
        r"cn=\20",
        "cn=alice,",
        ",cn=alice",
        "cn=alice,,dc=com",
        "cn=alice+",
        "cn=alice+,dc=com",
        "cn=a+cn=b",
        "cn=a+commonName=a",
        r"cn=a\",
        r"cn=a\4",
        r"cn=a\zz",
        r"cn=\ff",
        "cn=#",
        "cn=#0",
        "cn=#0g",
        "cn=#04024869x",
        r#"cn="a""#,
        "cn=a;dc=b",
        "cn=a<b",
        "cn=a\0",
        "c n=a",
        "cn;lang-de=a",
        "-cn=a",
        "1=a",
        "1.=a",
        ".1=a",
        "1.02=a",
        "1.a=a",
        "oid.cn-x=a",
        "ü=a",
    ] {
        assert!(Dn::parse(text).is_err(), "{text}");
    }
    assert!(Dn::parse(&format!("cn={}", "a".repeat(LONGEST))).is_err());
}

#[test]
fn where_it_stands() {
    let base = dn("ou=grants,dc=example");
    let grant = dn("cn=g1,ou=grants,dc=example");
    let approval = dn("cn=a1,cn=g1,ou=grants,dc=example");
    assert_eq!(grant.parent(), Some(base.clone()));
    assert_eq!(dn("dc=example").parent(), None);
    assert!(grant.is_directly_under(&base) && grant.is_below(&base));
    assert!(!approval.is_directly_under(&base) && approval.is_below(&base));
    assert!(!base.is_below(&base) && !base.is_directly_under(&base));
    // An escaped comma is no border.
    for (name, above) in [
        (r"cn=x\,ou=grants,dc=example", "ou=grants,dc=example"),
        ("xou=grants,dc=example", "ou=grants,dc=example"),
    ] {
        assert!(!dn(name).is_below(&dn(above)), "{name}");
        assert!(!dn(name).is_directly_under(&dn(above)), "{name}");
    }
    assert!(!dn("cn=x+ou=grants,dc=example").is_below(&base));
    assert!(!dn("cn=example").is_below(&dn("cn=ample")));
}

#[test]
fn what_people_call_it() {
    assert_eq!(dn(r"CN=Smith\, J,dc=com").rdn_value(), "smith, j");
    assert_eq!(dn("uid=alice+cn=x").rdn_value(), "x");
    assert_eq!(dn(r"cn=Lu\C4\8Di\C4\87").rdn_value(), "lučić");
    assert_eq!(dn("cn=#020101").rdn_value(), "#020101");
}

#[test]
fn a_child() {
    let base = dn("ou=grants,dc=example");
    let child = base.child("CN", r"a,b+c\d").expect("a name");
    assert_eq!(child.as_str(), r"cn=a\2cb\2bc\5cd,ou=grants,dc=example");
    assert!(child.is_directly_under(&base));
    assert_eq!(child.rdn_value(), r"a,b+c\d");
    assert_eq!(base.child("cn", "#x").expect("a name").rdn_value(), "#x");
    assert!(base.child("c n", "a").is_err());
    assert!(base.child("cn", "  ").is_err());
}

/// Names with everything in them that is worth escaping.
fn names() -> impl Strategy<Value = String> {
    let kind = prop_oneof!["(cn|CN|uid|ou|dc|x-y|2\\.5\\.4\\.3|1\\.2\\.0)", "[a-zA-Z0-9.-]{1,5}"];
    let piece = prop_oneof![
        "[a-zA-Zß İΣé€ #=]{1,4}",
        "\\\\[ \"#+,;<=>\\\\]",
        "\\\\(2[0-9a-fA-F]|[46][0-9a-f]|0[0-9]|c3\\\\a9)",
    ];
    let value = prop_oneof![
        4 => proptest::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat()),
        1 => "#(0c|13|02)0[0-4]([46][1-9a-f]){0,4}",
    ];
    let part = (kind, value).prop_map(|(kind, value)| format!("{kind}={value}"));
    proptest::collection::vec((part, " ?[,+] ?"), 1..5).prop_map(|parts| {
        let text: String = parts.iter().flat_map(|(part, border)| [part.as_str(), border.as_str()]).collect();
        text.trim_end_matches([',', '+', ' ']).to_owned()
    })
}

proptest! {
    #[test]
    fn normal_is_normal(text in names()) {
        if let Ok(name) = Dn::parse(&text) {
            prop_assert_eq!(Dn::parse(name.as_str()), Ok(name.clone()), "{}", text);
            prop_assert!(!name.as_str().chars().any(char::is_control));
        }
    }

    #[test]
    fn any_text_is_judged(text in "\\PC*|[a-z=,+\\\\#\" ]{0,40}") {
        if let Ok(name) = Dn::parse(&text) {
            prop_assert_eq!(Dn::parse(name.as_str()), Ok(name));
        }
    }

    #[test]
    fn spelling_makes_no_difference(text in names(), upper: bool) {
        if let Ok(name) = Dn::parse(&text) {
            // In the normal form every comma and plus is a border, so spelling it otherwise is simple.
            let part = |part: &str| match part.split_once('=') {
                Some(("cn", value)) => format!(" 2.5.4.3 = {value} "),
                Some((kind, value)) => format!("{kind}= {value}  "),
                None => part.to_owned(),
            };
            let rdn = |rdn: &str| rdn.split('+').rev().map(part).collect::<Vec<_>>().join("+");
            let spelt = name.as_str().split(',').map(rdn).collect::<Vec<_>>().join(",");
            prop_assert_eq!(Dn::parse(&spelt), Ok(name.clone()), "{}", spelt);
            if upper && name.as_str().is_ascii() {
                prop_assert_eq!(Dn::parse(&name.as_str().to_ascii_uppercase()), Ok(name));
            }
        }
    }

    #[test]
    fn the_order_of_parts_makes_no_difference(a in "[a-z]{1,5}", b in "[a-z]{1,5}") {
        let one = Dn::parse(&format!("cn={a}+uid={b},dc=x"));
        prop_assert_eq!(one, Dn::parse(&format!("UID={b} + cn={a},dc=x")));
    }

    #[test]
    fn different_values_are_different_names(a in "\\PC{1,8}", b in "\\PC{1,8}") {
        let base = Dn::parse("dc=x").expect("a name");
        if let (Ok(one), Ok(other)) = (base.child("cn", &a), base.child("cn", &b)) {
            prop_assert!(one.is_directly_under(&base));
            prop_assert_eq!(one == other, one.rdn_value() == other.rdn_value());
        }
    }

    #[test]
    fn above_and_below(text in names()) {
        if let Ok(name) = Dn::parse(&text) {
            let mut above = name.parent();
            let mut first = true;
            while let Some(base) = above {
                prop_assert!(name.is_below(&base));
                prop_assert_eq!(name.is_directly_under(&base), first);
                prop_assert_eq!(Dn::parse(base.as_str()), Ok(base.clone()));
                above = base.parent();
                first = false;
            }
        }
    }
}
