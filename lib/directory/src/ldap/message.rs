//! What a server sends, taken apart: entries (RFC 4511 §4.5.2) and the messages of a content synchronisation (RFC 4533).
//! The LDAP crate has functions for both, but they panic on data that is malformed; these say what is wrong instead.
//! Nothing here is judged, only understood.

use std::collections::BTreeMap;

use jit_model::dn::Dn;
use jit_model::grant::EntryUuid;
use ldap3::ResultEntry;
use ldap3::asn1::{PL, StructureTag, TagClass, Types, parse_tag};
use ldap3::controls::Control;
use sha2::{Digest, Sha256};

use crate::decode::{cut_down, syntax};
use crate::entry::Entry;
use crate::schema::ENTRY_UUID;

/// RFC 4533 §2.3
const SYNC_STATE: &str = "1.3.6.1.4.1.4203.1.9.1.2";
/// RFC 4533 §2.5
const SYNC_INFO: &str = "1.3.6.1.4.1.4203.1.9.1.4";

/// An entry as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) dn: String,
    pub(crate) attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

/// A message of a content synchronisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A changed or new entry.
    Changed { entry: Entry, cookie: Option<Vec<u8>> },
    /// An entry that is as it was.
    Present { uuid: EntryUuid, cookie: Option<Vec<u8>> },
    /// An entry that is gone.
    Deleted { uuid: EntryUuid, cookie: Option<Vec<u8>> },
    /// Several of one of the two.
    Set { deleted: bool, uuids: Vec<EntryUuid>, cookie: Option<Vec<u8>> },
    /// Only a new cookie.
    Cookie(Vec<u8>),
    /// The end of a present phase: what was not mentioned is gone. `done`: the end of the refresh, too.
    EndOfPresent { done: bool, cookie: Option<Vec<u8>> },
    /// The end of a delete phase. `done`: the end of the refresh, too.
    EndOfDelete { done: bool, cookie: Option<Vec<u8>> },
    /// A referral, or a message that has nothing to do with us.
    Foreign,
}

/// An entry of a plain search; `None` for a referral or an intermediate message.
pub(crate) fn sent(item: ResultEntry) -> Result<Option<Sent>, String> {
    match item.0.id {
        4 => entry(item.0).map(Some),
        _ => Ok(None),
    }
}

/// A message of a search with the sync request control.
pub(crate) fn message(item: ResultEntry) -> Result<Message, String> {
    let (tag, controls) = (item.0, item.1);
    match tag.id {
        4 => {
            let value =
                control(&controls, SYNC_STATE).ok_or("an entry without its sync state (RFC 4533 §2.3)")?;
            let (state, uuid, cookie) = sync_state(value)?;
            Ok(match state {
                0 => Message::Present { uuid, cookie },
                1 | 2 => Message::Changed { entry: cut_down(identified(entry(tag)?, Some(uuid))?), cookie },
                3 => Message::Deleted { uuid, cookie },
                other => return Err(format!("an entry in sync state {other}")),
            })
        }
        25 => sync_info(tag),
        _ => Ok(Message::Foreign),
    }
}

/// An entry with its identity: from the sync state, or from its own entryUUID.
pub(crate) fn identified(sent: Sent, uuid: Option<EntryUuid>) -> Result<Entry, String> {
    let dn = name(&sent.dn)?;
    let uuid = match uuid {
        Some(uuid) => uuid,
        None => {
            let value = sent.attributes.get(ENTRY_UUID).and_then(|values| values.first());
            let value =
                value.ok_or_else(|| format!("{dn} shows no entryUUID (RFC 4530): let this host read it"))?;
            EntryUuid(syntax::uuid(value).map_err(|error| format!("{dn}: entryUUID: {error}"))?)
        }
    };
    Ok(Entry { uuid, dn, attributes: sent.attributes })
}

/// The most RDNs, from the left, that may be unreadable, and how much of one is kept.
const UNREADABLE: (usize, usize) = (4, 200);

/// A name as we write it. One that we cannot read, such as OpenLDAP's `cn=\20`, gets a stand-in at the same place: whoever
/// may add one entry must not be able to end every host's sync by its name, and a revocation is one under any name.
fn name(text: &str) -> Result<Dn, String> {
    let error = match Dn::parse(text) {
        Ok(dn) => return Ok(dn),
        Err(error) => error.to_string(),
    };
    let (most, kept) = UNREADABLE;
    let mut front = Vec::new();
    let mut rest = text;
    while front.len() < most {
        let Some((rdn, above)) = first_rdn(rest) else { break };
        front.push(rdn);
        rest = above;
        let Ok(above) = Dn::parse(above) else { continue };
        let shown = |rdn: &str| match rdn.len() > kept {
            true => Sha256::digest(rdn).iter().map(|byte| format!("{byte:02x}")).collect(),
            false => rdn.to_owned(),
        };
        let stand_in = |above: Dn, rdn: &&str| above.child("unreadable", &shown(rdn));
        return front.iter().rev().try_fold(above, stand_in).map_err(|_| error);
    }
    Err(error)
}

/// What stands before the first comma that is not escaped, and behind it.
fn first_rdn(name: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let mut border = |b: u8| {
        let plain = !escaped;
        escaped = plain && b == b'\\';
        plain && b == b','
    };
    let at = name.bytes().position(&mut border)?;
    Some((name.get(..at)?, name.get(at.checked_add(1)?..)?))
}

fn entry(tag: StructureTag) -> Result<Sent, String> {
    let mut fields = parts(tag, "entry")?.into_iter();
    let dn = text(fields.next().ok_or("an entry without a name")?, "name of an entry")?;
    let mut attributes: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for attribute in parts(fields.next().ok_or("an entry without attributes")?, "attributes")? {
        let mut fields = parts(attribute, "attribute")?.into_iter();
        let name = text(fields.next().ok_or("an attribute without a name")?, "name of an attribute")?;
        // Options (RFC 4512 §2.5) are dropped, so that two of them make two values and are refused where one may stand.
        let name = name.split(';').next().unwrap_or_default().to_ascii_lowercase();
        let values = attributes.entry(name).or_default();
        for value in parts(fields.next().ok_or("an attribute without values")?, "values")? {
            values.push(primitive(value, "value")?);
        }
        // Values are a set; a server may send them in any order, and the same entry must be the same.
        values.sort_unstable();
    }
    Ok(Sent { dn, attributes })
}

fn sync_state(value: &[u8]) -> Result<(u64, EntryUuid, Option<Vec<u8>>), String> {
    let mut fields = parts(parsed(value)?, "sync state")?.into_iter();
    let state =
        fields.next().filter(|tag| is(tag, Types::Enumerated)).ok_or("a sync state without a state")?;
    let state = number(&primitive(state, "state")?)?;
    let uuid = uuid(fields.next().ok_or("a sync state without an entryUUID")?)?;
    let cookie = fields.next().map(|tag| primitive(tag, "cookie")).transpose()?;
    Ok((state, uuid, cookie))
}

fn sync_info(tag: StructureTag) -> Result<Message, String> {
    let (mut ours, mut value) = (false, None);
    for field in parts(tag, "intermediate response")? {
        match (field.class, field.id) {
            (TagClass::Context, 0) => ours = primitive(field, "name")? == SYNC_INFO.as_bytes(),
            (TagClass::Context, 1) => value = Some(primitive(field, "value")?),
            _ => {}
        }
    }
    if !ours {
        return Ok(Message::Foreign);
    }
    let info = parsed(&value.ok_or("a sync info without a value")?)?;
    if info.class != TagClass::Context {
        return Err("a sync info of unknown kind".to_owned());
    }
    let kind = info.id;
    if kind == 0 {
        return Ok(Message::Cookie(primitive(info, "cookie")?));
    }
    let (mut cookie, mut flag, mut uuids) = (None, None, Vec::new());
    for field in parts(info, "sync info")? {
        if is(&field, Types::OctetString) {
            cookie = Some(primitive(field, "cookie")?);
        } else if is(&field, Types::Boolean) {
            flag = Some(primitive(field, "flag")?.first().is_some_and(|byte| *byte != 0));
        } else if is(&field, Types::Set) {
            uuids = parts(field, "set of entryUUIDs")?.into_iter().map(uuid).collect::<Result<_, _>>()?;
        } else {
            return Err("a sync info with an unknown field".to_owned());
        }
    }
    match kind {
        1 => Ok(Message::EndOfDelete { done: flag.unwrap_or(true), cookie }),
        2 => Ok(Message::EndOfPresent { done: flag.unwrap_or(true), cookie }),
        3 => Ok(Message::Set { deleted: flag.unwrap_or(false), uuids, cookie }),
        other => Err(format!("a sync info of unknown kind {other}")),
    }
}

fn control<'a>(controls: &'a [Control], oid: &str) -> Option<&'a [u8]> {
    controls.iter().find(|control| control.1.ctype == oid).and_then(|control| control.1.val.as_deref())
}

fn parsed(bytes: &[u8]) -> Result<StructureTag, String> {
    match parse_tag(bytes) {
        Ok((_, tag)) => Ok(tag),
        Err(_) => Err("a value that is not BER".to_owned()),
    }
}

fn is(tag: &StructureTag, kind: Types) -> bool {
    tag.class == TagClass::Universal && tag.id == kind as u64
}

fn parts(tag: StructureTag, what: &str) -> Result<Vec<StructureTag>, String> {
    match tag.payload {
        PL::C(parts) => Ok(parts),
        PL::P(_) => Err(format!("{what}: not a sequence or set")),
    }
}

fn primitive(tag: StructureTag, what: &str) -> Result<Vec<u8>, String> {
    match tag.payload {
        PL::P(bytes) => Ok(bytes),
        PL::C(_) => Err(format!("{what}: a sequence where a value should be")),
    }
}

fn text(tag: StructureTag, what: &str) -> Result<String, String> {
    String::from_utf8(primitive(tag, what)?).map_err(|_| format!("{what}: not UTF-8"))
}

fn number(bytes: &[u8]) -> Result<u64, String> {
    match bytes {
        [byte] if *byte < 0x80 => Ok(u64::from(*byte)),
        _ => Err("a state that is no small number".to_owned()),
    }
}

fn uuid(tag: StructureTag) -> Result<EntryUuid, String> {
    let bytes = primitive(tag, "entryUUID")?;
    <[u8; 16]>::try_from(bytes)
        .map(EntryUuid)
        .map_err(|bytes| format!("an entryUUID of {} bytes", bytes.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(class: TagClass, id: u64, payload: PL) -> StructureTag {
        StructureTag { class, id, payload }
    }

    fn context(id: u64, payload: PL) -> StructureTag {
        tag(TagClass::Context, id, payload)
    }

    fn info(value: &[u8]) -> Result<Message, String> {
        sync_info(context(
            25,
            PL::C(vec![context(0, PL::P(SYNC_INFO.into())), context(1, PL::P(value.to_vec()))]),
        ))
    }

    #[test]
    fn the_four_kinds_of_sync_info() {
        assert_eq!(info(b"\x80\x02ab"), Ok(Message::Cookie(b"ab".to_vec())));
        let done = |done, cookie| Ok(Message::EndOfDelete { done, cookie });
        assert_eq!(info(b"\xa1\x00"), done(true, None));
        assert_eq!(info(b"\xa1\x07\x04\x02ab\x01\x01\x00"), done(false, Some(b"ab".to_vec())));
        assert_eq!(info(b"\xa2\x00"), Ok(Message::EndOfPresent { done: true, cookie: None }));
        let uuid = EntryUuid([b'u'; 16]);
        let set = |deleted| Ok(Message::Set { deleted, uuids: vec![uuid], cookie: None });
        assert_eq!(info(b"\xa3\x14\x31\x12\x04\x10uuuuuuuuuuuuuuuu"), set(false));
        assert_eq!(info(b"\xa3\x17\x01\x01\xff\x31\x12\x04\x10uuuuuuuuuuuuuuuu"), set(true));
    }

    #[test]
    fn what_makes_the_crate_panic_is_an_error_here() {
        for bad in [
            b"".as_slice(),
            b"\x80",
            b"\x84\x00",
            b"\xa4\x00",
            b"\xa0\x00",
            b"\x81\x00",
            b"\xa1\x02\x02\x00",
            b"\xa3\x04\x31\x02\x04\x00",
            b"\x04\x00",
            b"\xa1\x84\xff\xff\xff\xff",
        ] {
            assert!(info(bad).is_err(), "{bad:02x?}");
        }
        for bad in [
            b"".as_slice(),
            b"\x30\x00",
            b"\x30\x03\x0a\x01\x00",
            b"\x30\x05\x0a\x01\x00\x04\x00",
            b"\x04\x00",
        ] {
            assert!(sync_state(bad).is_err(), "{bad:02x?}");
        }
    }

    #[test]
    fn options_make_two_values_of_one_attribute() {
        let text = |text: &str| tag(TagClass::Universal, 4, PL::P(text.into()));
        let attribute = |name: &str, value: &str| {
            tag(
                TagClass::Universal,
                16,
                PL::C(vec![text(name), tag(TagClass::Universal, 17, PL::C(vec![text(value)]))]),
            )
        };
        let attributes = vec![attribute("jitReason", "a"), attribute("JITREASON;lang-de", "b")];
        let entry = entry(tag(
            TagClass::Application,
            4,
            PL::C(vec![text("dc=x"), tag(TagClass::Universal, 16, PL::C(attributes))]),
        ));
        assert_eq!(entry.unwrap().attributes["jitreason"], [b"a", b"b"]);
    }

    #[test]
    fn an_unreadable_name_stands_where_it_stood() {
        for (sent, read) in [
            ("CN=a,dc=x", "cn=a,dc=x"),
            // OpenLDAP lets whoever may add an entry give it this name.
            (r"cn=\20,ou=grants,dc=x", r"unreadable=cn=\5c20,ou=grants,dc=x"),
            (r"cn=r,cn=\20,ou=grants,dc=x", r"unreadable=cn=r,unreadable=cn=\5c20,ou=grants,dc=x"),
            (r"cn=a\,b+x=,dc=x", r"unreadable=cn=a\5c\2cb\2bx=,dc=x"),
            (r"cn=\\,cn=,dc=x", r"unreadable=cn=\5c\5c,unreadable=cn=,dc=x"),
        ] {
            assert_eq!(name(sent).map(|dn| dn.to_string()).as_deref(), Ok(read), "{sent}");
        }
        let long = name(&format!("cn=\\ff{},dc=x", "a".repeat(9_000))).unwrap().to_string();
        assert_eq!(long.len(), "unreadable=,dc=x".len() + 64);
        for none in ["", "cn=", "cn=,", r"cn=\20", ",,,,,dc=x"] {
            assert!(name(none).is_err(), "{none}");
        }
    }

    fn any_tag() -> impl Strategy<Value = StructureTag> {
        let class = || {
            prop_oneof![
                Just(TagClass::Universal),
                Just(TagClass::Application),
                Just(TagClass::Context),
                Just(TagClass::Private)
            ]
        };
        let leaf = (class(), 0_u64..31, prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(class, id, bytes)| tag(class, id, PL::P(bytes)));
        leaf.prop_recursive(4, 24, 4, move |inner| {
            (class(), 0_u64..31, prop::collection::vec(inner, 0..4))
                .prop_map(|(class, id, parts)| tag(class, id, PL::C(parts)))
        })
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = info(&bytes);
            let _ = sync_state(&bytes);
        }

        #[test]
        fn no_structure_makes_it_panic(tag in any_tag()) {
            let _ = sync_info(tag.clone());
            let _ = entry(tag);
        }
    }
}
