//! What can be used of an account, what is left out and how it is told; and how much is kept.

use std::collections::BTreeMap;

use jit_model::dn::Dn;
use jit_model::grant::EntryUuid;
use proptest::prelude::*;

use super::*;

fn entry(values: &[(&str, &[u8])]) -> Entry {
    let mut attributes: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, value) in values {
        attributes.entry((*name).to_owned()).or_default().push(value.to_vec());
    }
    let dn = Dn::parse("uid=alice,ou=people,dc=local").unwrap();
    Entry { uuid: EntryUuid([1; 16]), dn, attributes }
}

/// The account, and the faults as `attribute: reason`.
fn read(values: &[(&str, &[u8])]) -> (Account, Vec<String>) {
    let (account, faults) = account(&entry(values));
    let told = |fault: Fault| format!("{}: {}", fault.attribute.unwrap_or_default(), fault.reason);
    (account, faults.into_iter().map(told).collect())
}

#[test]
fn everything_that_an_account_has() {
    let (account, faults) = read(&[
        ("gidnumber", b"10000"),
        ("gecos", b"Alice Liddell"),
        ("cn", b"alice"),
        ("homedirectory", b"/home/alice"),
        ("loginshell", b"/bin/bash"),
        ("sshpublickey", b"ssh-ed25519 BBBB alice@b\r\n"),
        ("sshpublickey", b" ssh-ed25519 AAAA alice@a\n"),
        ("sshpublickey", b"ssh-ed25519 AAAA alice@a"),
        ("userpassword", b"{CLEARTEXT}secret"),
    ]);
    assert_eq!(faults, [""; 0]);
    assert_eq!(
        account,
        Account {
            gid_number: Some(10_000),
            gecos: Some("Alice Liddell".to_owned()),
            home: Some("/home/alice".to_owned()),
            shell: Some("/bin/bash".to_owned()),
            ssh_keys: ["ssh-ed25519 AAAA alice@a", "ssh-ed25519 BBBB alice@b"].map(str::to_owned).into(),
        }
    );
    assert_eq!(read(&[]), (Account::default(), Vec::new()));
}

#[test]
fn the_name_stands_in_for_a_missing_gecos() {
    for (values, gecos) in [
        (&[("cn", b"Zoe" as &[u8]), ("cn", b"Alice")] as &[(&str, &[u8])], Some("Alice")),
        (&[("cn", b"\xff"), ("cn", b"Alice")], Some("Alice")),
        (&[("cn", b"a\nb")], None),
        (&[("gecos", b"G"), ("cn", b"A")], Some("G")),
    ] {
        let (account, faults) = read(values);
        assert_eq!((account.gecos.as_deref(), faults.len()), (gecos, 0), "{values:?}");
    }
}

#[test]
fn in_active_directory_the_share_is_no_home() {
    let share: (&str, &[u8]) = ("homedirectory", b"\\\\files\\alice");
    let (account, faults) = read(&[share, ("unixhomedirectory", b"/home/alice")]);
    assert_eq!((account.home.as_deref(), faults.len()), (Some("/home/alice"), 0));
    assert_eq!(read(&[share]), (Account::default(), Vec::new()));
    assert_eq!(read(&[("homedirectory", b"/h"), ("unixhomedirectory", b"/u")]).0.home.as_deref(), Some("/u"));
}

#[test]
fn what_cannot_be_used_is_left_out_alone() {
    let long = [b'x'; 513];
    let good: (&str, &[u8]) = ("loginshell", b"/bin/sh");
    for (bad, attribute) in [
        (&[("gidnumber", b"-1" as &[u8])] as &[(&str, &[u8])], "gidnumber"),
        (&[("gidnumber", b"010")], "gidnumber"),
        (&[("gidnumber", b"4294967296")], "gidnumber"),
        (&[("gidnumber", b"1"), ("gidnumber", b"2")], "gidnumber"),
        (&[("gecos", b"a\nroot::0:0:::")], "gecos"),
        (&[("gecos", &long)], "gecos"),
        (&[("homedirectory", b"\xc3")], "homedirectory"),
        (&[("unixhomedirectory", b"/a"), ("unixhomedirectory", b"/b")], "unixhomedirectory"),
        (&[("sshpublickey", b"ssh-rsa AAAA\nssh-rsa BBBB")], "sshpublickey"),
        (&[("sshpublickey", b"  ")], "sshpublickey"),
        (&[("sshpublickey", b"\xff\xfe")], "sshpublickey"),
        (&[("sshpublickey", &[b'A'; MOST_KEY + 1])], "sshpublickey"),
    ] {
        let (account, faults) = read(&[bad, &[good]].concat());
        let expected = Account { shell: Some("/bin/sh".to_owned()), ..Account::default() };
        assert_eq!(account, expected, "{attribute}");
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(&format!("{attribute}: ")), "{faults:?}");
    }
}

#[test]
fn keys_are_counted_and_one_bad_one_spoils_no_other() {
    let good: Vec<Vec<u8>> = (0..40).map(|n| format!("ssh-ed25519 AAAA{n:02}").into_bytes()).collect();
    let mut values: Vec<(&str, &[u8])> = good.iter().map(|key| ("sshpublickey", key.as_slice())).collect();
    values.insert(0, ("sshpublickey", b"a\tb"));
    values.insert(1, ("sshpublickey", b""));
    let (account, faults) = read(&values);
    assert_eq!(account.ssh_keys.len(), MOST_KEYS - 2);
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].contains("the first of which that holds a control character"), "{faults:?}");
    assert!(faults[1].contains("more than 32 values"), "{faults:?}");
}

proptest! {
    /// Whatever is cut off an entry, what is understood and what is complained of stay the same.
    #[test]
    fn nothing_is_lost_by_cutting(
        sizes in proptest::collection::vec((0_usize..ATTRIBUTES.len() + 1, 0_usize..20_000, any::<u8>()), 0..60),
    ) {
        let names: Vec<&str> = ATTRIBUTES.into_iter().chain(["uid"]).collect();
        let values: Vec<(&str, Vec<u8>)> =
            sizes.iter().map(|(name, size, byte)| (names[*name], vec![*byte; *size])).collect();
        let borrowed: Vec<(&str, &[u8])> = values.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let whole = entry(&borrowed);
        let cut = bounded(whole.clone(), "uid");
        let told = |entry: &Entry| {
            let (account, faults) = account(entry);
            (account, faults.into_iter().map(|fault| fault.attribute).collect::<Vec<_>>())
        };
        prop_assert_eq!(told(&whole), told(&cut));
        prop_assert_eq!(whole.attributes.get("uid"), cut.attributes.get("uid"));
        let weight: usize = cut.attributes.iter().filter(|(name, _)| *name != "uid").flat_map(|(_, values)| values).map(Vec::len).sum();
        prop_assert!(weight <= (MOST_KEYS + 1) * 2 * (MOST_KEY + 6 * MOST_TEXT));
    }
}
