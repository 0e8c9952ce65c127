use jit_model::dn::Dn;
use proptest::prelude::*;

use super::*;
use crate::clock::{BootId, Clock, Reading};
use crate::disk::envelope;

fn moment(wall_s: i64) -> Moment {
    Clock::new(None, Reading { wall_ms: wall_s * 1000, boot_ms: 5, boot: BootId([7; 16]) }).moment()
}

fn entry(n: u8, class: &str, text: &str) -> (EntryUuid, Arc<Entry>) {
    let uuid = EntryUuid([n; 16]);
    let attributes = BTreeMap::from([
        ("objectclass".to_owned(), vec![b"top".to_vec(), class.as_bytes().to_vec()]),
        ("jitreason".to_owned(), vec![text.as_bytes().to_vec(), vec![0xff, 0]]),
    ]);
    (uuid, Arc::new(Entry { uuid, dn: Dn::parse(&format!("cn={n},dc=example")).unwrap(), attributes }))
}

fn kept(access: &[(EntryUuid, Arc<Entry>)], people: &[(EntryUuid, Arc<Entry>)]) -> Kept {
    let entries =
        Entries { access: access.iter().cloned().collect(), people: people.iter().cloned().collect() };
    Kept { fingerprint: Fingerprint([1; 32]), heard: moment(1_795_348_800), entries: Arc::new(entries) }
}

fn name(text: &str) -> SourceName {
    SourceName::new(text).unwrap()
}

fn sample() -> Store {
    let mut store = Store::default();
    let _ = store.put(name("ldap"), kept(&[entry(1, "jitGrant", "a")], &[entry(9, "person", "p")]));
    let _ = store.put(name("ldif"), kept(&[entry(2, "jitGrant", "b")], &[]));
    store
}

#[test]
fn comes_back_from_disk_and_only_for_its_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    assert_eq!(Store::open(&path), (Store::default(), None));
    let store = sample();
    disk::write(&path, KIND, &store.encode().unwrap()).unwrap();
    let (read, aside) = Store::open(&path);
    assert_eq!((&read, aside), (&store, None));
    assert!(read.get(&name("ldap"), Fingerprint([1; 32])).is_some());
    assert!(read.get(&name("ldap"), Fingerprint([2; 32])).is_none(), "another configuration");
    assert!(read.get(&name("other"), Fingerprint([1; 32])).is_none());
}

#[test]
fn sound_envelope_around_nonsense_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    disk::write(&path, KIND, b"nonsense").unwrap();
    let (store, aside) = Store::open(&path);
    assert_eq!(store, Store::default());
    assert_eq!(aside.unwrap().damage, Damage::Payload);
    assert!(!path.exists());
}

#[test]
fn only_additions_may_wait() {
    let (a, b, a2) = (entry(1, "jitGrant", "a"), entry(2, "jitGrant", "b"), entry(1, "jitGrant", "changed"));
    let (person, gone) = (entry(8, "person", "p"), entry(3, "JITREVOCATION", "r"));
    let unclear = {
        let (uuid, entry) = entry(4, "x", "");
        (uuid, Arc::new(Entry { attributes: BTreeMap::new(), ..Entry::clone(&entry) }))
    };
    let to = |from: &Kept, to: &Kept| urgency(&from.entries, &to.entries);
    let (one, people) = (&[a.clone()][..], &[person.clone()][..]);
    let before = kept(one, people);
    assert_eq!(to(&before, &before.clone()), Urgency::Lazy);
    assert_eq!(to(&before, &kept(&[a.clone(), b.clone()], people)), Urgency::Soon);
    assert_eq!(to(&before, &kept(&[a.clone(), gone], people)), Urgency::Now, "a revocation");
    assert_eq!(to(&before, &kept(&[a.clone(), unclear], people)), Urgency::Now, "perhaps one");
    assert_eq!(to(&before, &kept(&[], people)), Urgency::Now, "a grant is gone");
    assert_eq!(to(&before, &kept(&[a2], people)), Urgency::Now, "a grant was changed");
    assert_eq!(to(&before, &kept(one, &[])), Urgency::Now, "a person is gone");
}

#[test]
fn another_configuration_or_no_source_is_urgent() {
    let mut store = sample();
    let mut other = kept(&[entry(1, "jitGrant", "a"), entry(2, "jitGrant", "b")], &[entry(9, "person", "p")]);
    other.fingerprint = Fingerprint([2; 32]);
    assert_eq!(store.put(name("ldap"), other), Urgency::Now);
    assert_eq!(store.retain(|_| true), None);
    assert_eq!(store.retain(|source| *source == name("ldif")), Some(Urgency::Now));
    assert!(store.get(&name("ldap"), Fingerprint([2; 32])).is_none());
    let _ = store.heard(&name("ldif"), moment(1_800_000_000));
    assert_eq!(store.latest(), Some(moment(1_800_000_000)));
}

#[test]
fn a_mended_clock_moves_every_moment() {
    let mut store = sample();
    assert_eq!(store.restate(|_| moment(7)), Urgency::Now);
    assert_eq!(store.latest(), Some(moment(7)));
}

/// What version 1 looks like on disk. If this test fails, the format has changed: raise the version of [`KIND`].
#[test]
fn the_format_is_pinned() {
    use sha2::{Digest, Sha256};
    let hex: String =
        Sha256::digest(sample().encode().unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (KIND.version, hex.as_str()),
        (1, "7bb82a9d92c080896e220b1aae7c5a01933b09535b578aadac038b820a885b1b")
    );
}

proptest! {
    #[test]
    fn decode_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Store::decode(&bytes);
    }

    /// Damage inside a file with a sound checksum: whatever still decodes encodes to those very bytes or is refused.
    #[test]
    fn never_half_read(at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let good = sample().encode().unwrap();
        prop_assert!(Store::decode(&good[..cut.index(good.len())]).is_err(), "cut");
        prop_assert!(Store::decode(&[good.clone(), vec![with]].concat()).is_err(), "more");
        let mut bad = good.clone();
        let at = at.index(bad.len());
        bad[at] = with;
        let file = envelope::wrap(KIND, &good).unwrap();
        let mut damaged = file.clone();
        damaged[envelope::HEADER + at] = with;
        prop_assert_eq!(envelope::unwrap(KIND, &damaged).is_ok(), damaged == file);
        if let Ok(store) = Store::decode(&bad) {
            let again = Store::decode(&store.encode().unwrap());
            prop_assert_eq!(again, Ok(store));
        }
    }
}
