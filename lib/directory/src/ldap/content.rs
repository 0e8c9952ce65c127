//! The content of a search, kept equal to the server's by RFC 4533. A pure state machine: messages in, a whole new content
//! out, or nothing. While a refresh is under way it works on a draft; only the end of the refresh makes the draft count,
//! so a refresh that breaks off has never happened. Must never take an interrupted answer for a deletion.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_model::grant::EntryUuid;

use super::message::Message;
use crate::entry::Entry;

/// Entries by their identity.
pub(crate) type EntrySet = BTreeMap<EntryUuid, Arc<Entry>>;

/// What a search shows, and the server's word for how far that reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) entries: EntrySet,
    pub(crate) cookie: Option<Vec<u8>>,
}

/// A content that is being kept equal.
#[derive(Debug)]
pub(crate) struct Syncing {
    content: Content,
    stage: Stage,
    /// Whether it went on from a cookie.
    resumed: bool,
}

#[derive(Debug)]
enum Stage {
    Refresh(Refresh),
    Persist,
}

#[derive(Debug, Default)]
struct Refresh {
    /// Whether it goes on from a cookie. Without one there is nothing that could be gone.
    resumed: bool,
    /// Who was said to be there in the present phase.
    mentioned: BTreeSet<EntryUuid>,
    /// An entry came that we had just so.
    resent: bool,
}

/// What a message led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing to see yet.
    Nothing,
    /// The refresh is complete: the content counts from here on.
    Refreshed,
    /// After the refresh: the content is another one.
    Changed,
    /// The content can no longer be followed step by step: start again without a cookie. What was known before still is.
    StartAgain(Why),
}

/// Why a sync has to start from nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// An entry has another name; RFC 4533 servers report only that entry, not those below it.
    Renamed,
    /// The server believes that we have an entry which we have not, or two entries have one name.
    OutOfStep,
}

impl Syncing {
    /// From where an earlier sync ended, or from nothing.
    pub(crate) fn from(content: Content) -> Syncing {
        let resumed = content.cookie.is_some();
        let content = if resumed { content } else { Content::default() };
        Syncing { content, stage: Stage::Refresh(Refresh { resumed, ..Refresh::default() }), resumed }
    }

    /// The content; it counts after [`Effect::Refreshed`].
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// Takes in a message.
    pub(crate) fn take(&mut self, message: Message) -> Effect {
        match message {
            Message::Foreign => Effect::Nothing,
            Message::Cookie(cookie) => {
                self.content.cookie = Some(cookie);
                Effect::Nothing
            }
            Message::Changed { entry, cookie } => self.changed(entry, cookie),
            Message::Present { uuid, cookie } => self.mention(&[uuid], cookie),
            Message::Set { deleted: false, uuids, cookie } => self.mention(&uuids, cookie),
            Message::Deleted { uuid, cookie } => self.delete(&[uuid], cookie),
            Message::Set { deleted: true, uuids, cookie } => self.delete(&uuids, cookie),
            Message::EndOfPresent { done, cookie } => self.end(Phase::Present, done, cookie),
            Message::EndOfDelete { done, cookie } => self.end(Phase::Delete, done, cookie),
        }
    }

    fn adopt(&mut self, cookie: Option<Vec<u8>>) {
        if cookie.is_some() {
            self.content.cookie = cookie;
        }
    }

    fn changed(&mut self, entry: Entry, cookie: Option<Vec<u8>>) -> Effect {
        self.adopt(cookie);
        let known = self.content.entries.get(&entry.uuid);
        if known.is_some_and(|known| known.dn != entry.dn) {
            return Effect::StartAgain(Why::Renamed);
        }
        let same = known.is_some_and(|known| **known == entry);
        match &mut self.stage {
            Stage::Refresh(refresh) => {
                refresh.mentioned.insert(entry.uuid);
                refresh.resent |= same;
            }
            Stage::Persist if same => return Effect::Nothing,
            // In a refresh the deletion that makes this right can still come: see `end`.
            Stage::Persist
                if self.content.entries.values().any(|e| e.uuid != entry.uuid && e.dn == entry.dn) =>
            {
                return Effect::StartAgain(Why::OutOfStep);
            }
            Stage::Persist => {}
        }
        self.content.entries.insert(entry.uuid, Arc::new(entry));
        match self.stage {
            Stage::Refresh(_) => Effect::Nothing,
            Stage::Persist => Effect::Changed,
        }
    }

    fn mention(&mut self, uuids: &[EntryUuid], cookie: Option<Vec<u8>>) -> Effect {
        self.adopt(cookie);
        match &mut self.stage {
            Stage::Refresh(refresh) => {
                // OpenLDAP also names entries that it is yet to send; `end` sees whether it did.
                refresh.mentioned.extend(uuids);
                Effect::Nothing
            }
            Stage::Persist => Effect::StartAgain(Why::OutOfStep),
        }
    }

    fn delete(&mut self, uuids: &[EntryUuid], cookie: Option<Vec<u8>>) -> Effect {
        self.adopt(cookie);
        let mut any = false;
        for uuid in uuids {
            // A delete list can name entries that never were ours: they left the filter before we came.
            any |= self.content.entries.remove(uuid).is_some();
        }
        match self.stage {
            Stage::Persist if any => Effect::Changed,
            _ => Effect::Nothing,
        }
    }

    fn end(&mut self, phase: Phase, done: bool, cookie: Option<Vec<u8>>) -> Effect {
        self.adopt(cookie);
        let Stage::Refresh(refresh) = &mut self.stage else {
            return Effect::Nothing;
        };
        if refresh.mentioned.iter().any(|uuid| !self.content.entries.contains_key(uuid)) {
            return Effect::StartAgain(Why::OutOfStep);
        }
        match phase {
            Phase::Present if refresh.resumed => {
                self.content.entries.retain(|uuid, _| refresh.mentioned.contains(uuid));
            }
            // A server that could make nothing of the cookie sends everything and then claims to have sent the
            // deletions, of which it knows none. What it sent twice gives it away.
            Phase::Delete if refresh.resumed && refresh.resent => return Effect::StartAgain(Why::OutOfStep),
            Phase::Present | Phase::Delete => {}
        }
        if !done {
            // A delete phase follows; it mentions nothing that stays.
            *refresh = Refresh::default();
            return Effect::Nothing;
        }
        // From nothing, nothing can have been missed: two entries that are one name to us and two to the server are what it
        // holds. Whoever may add one entry could make them, and must not be able to stop a host from following.
        let names: BTreeSet<_> = self.content.entries.values().map(|entry| &entry.dn).collect();
        if self.resumed && names.len() != self.content.entries.len() {
            return Effect::StartAgain(Why::OutOfStep);
        }
        self.stage = Stage::Persist;
        Effect::Refreshed
    }
}

/// The two kinds of phases that a refresh has (RFC 4533 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// What stays is mentioned.
    Present,
    /// What goes is mentioned.
    Delete,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jit_model::dn::Dn;
    use proptest::prelude::*;

    use super::*;

    fn uuid(n: u8) -> EntryUuid {
        EntryUuid([n; 16])
    }

    fn entry(n: u8, name: &str, says: &str) -> Entry {
        let dn = Dn::parse(&format!("cn={name},dc=x")).unwrap();
        let attributes = BTreeMap::from([("jitreason".to_owned(), vec![says.as_bytes().to_vec()])]);
        Entry { uuid: uuid(n), dn, attributes }
    }

    fn changed(n: u8) -> Message {
        Message::Changed { entry: entry(n, &format!("e{n}"), "a"), cookie: None }
    }

    fn present(uuids: &[u8]) -> Message {
        Message::Set { deleted: false, uuids: uuids.iter().map(|n| uuid(*n)).collect(), cookie: None }
    }

    fn gone(uuids: &[u8]) -> Message {
        Message::Set { deleted: true, uuids: uuids.iter().map(|n| uuid(*n)).collect(), cookie: None }
    }

    const END_PRESENT: Message = Message::EndOfPresent { done: true, cookie: None };
    const END_DELETE: Message = Message::EndOfDelete { done: true, cookie: None };

    fn known(numbers: &[u8]) -> Content {
        let entries =
            numbers.iter().map(|n| (uuid(*n), Arc::new(entry(*n, &format!("e{n}"), "a")))).collect();
        Content { entries, cookie: Some(b"c1".to_vec()) }
    }

    fn numbers(syncing: &Syncing) -> Vec<u8> {
        syncing.content().entries.keys().map(|uuid| uuid.0[0]).collect()
    }

    /// All but the last must lead to nothing.
    fn run(syncing: &mut Syncing, messages: Vec<Message>) -> Effect {
        let mut effect = Effect::Nothing;
        for message in messages {
            assert_eq!(effect, Effect::Nothing);
            effect = syncing.take(message);
        }
        effect
    }

    #[test]
    fn from_nothing_what_was_sent_is_what_there_is() {
        for end in [END_PRESENT, END_DELETE] {
            let mut syncing = Syncing::from(Content { cookie: None, ..known(&[9]) });
            assert_eq!(run(&mut syncing, vec![changed(1), changed(2), end]), Effect::Refreshed);
            assert_eq!(numbers(&syncing), [1, 2]);
        }
    }

    #[test]
    fn a_present_phase_removes_what_it_does_not_mention_and_only_at_its_end() {
        let mut syncing = Syncing::from(known(&[1, 2, 3, 4]));
        assert_eq!(run(&mut syncing, vec![present(&[1, 3]), changed(5)]), Effect::Nothing);
        assert_eq!(numbers(&syncing), [1, 2, 3, 4, 5]);
        let one = Message::Present { uuid: uuid(4), cookie: None };
        assert_eq!(run(&mut syncing, vec![one, END_PRESENT]), Effect::Refreshed);
        assert_eq!(numbers(&syncing), [1, 3, 4, 5]);
    }

    #[test]
    fn a_delete_phase_removes_what_it_names_known_or_not() {
        let mut syncing = Syncing::from(known(&[1, 2, 3]));
        let one = Message::Deleted { uuid: uuid(3), cookie: None };
        assert_eq!(run(&mut syncing, vec![gone(&[2, 77]), one, END_DELETE]), Effect::Refreshed);
        assert_eq!(numbers(&syncing), [1]);
    }

    #[test]
    fn a_delete_phase_can_follow_a_present_phase() {
        let mut syncing = Syncing::from(known(&[1, 2, 3]));
        let between = Message::EndOfPresent { done: false, cookie: None };
        assert_eq!(
            run(&mut syncing, vec![present(&[1, 2]), between, gone(&[2]), END_DELETE]),
            Effect::Refreshed
        );
        assert_eq!(numbers(&syncing), [1]);
    }

    #[test]
    fn a_cookie_that_meant_nothing_is_given_away_by_what_is_sent_twice() {
        // 2 is gone, but the server does not know that we had it.
        let mut syncing = Syncing::from(known(&[1, 2]));
        assert_eq!(run(&mut syncing, vec![changed(1), END_DELETE]), Effect::StartAgain(Why::OutOfStep));
    }

    #[test]
    fn who_is_present_must_be_known() {
        let mut syncing = Syncing::from(known(&[1]));
        assert_eq!(
            run(&mut syncing, vec![present(&[1, 2]), END_PRESENT]),
            Effect::StartAgain(Why::OutOfStep)
        );
        // OpenLDAP names what it is about to send.
        let mut syncing = Syncing::from(known(&[1]));
        assert_eq!(run(&mut syncing, vec![present(&[1, 2]), changed(2), END_PRESENT]), Effect::Refreshed);
        assert_eq!(numbers(&syncing), [1, 2]);
        assert_eq!(syncing.take(present(&[1])), Effect::StartAgain(Why::OutOfStep));
    }

    #[test]
    fn a_new_name_means_to_start_again_at_any_time() {
        let renamed = || Message::Changed { entry: entry(1, "other", "a"), cookie: None };
        let mut syncing = Syncing::from(known(&[1]));
        assert_eq!(syncing.take(renamed()), Effect::StartAgain(Why::Renamed));
        let mut syncing = Syncing::from(known(&[1]));
        assert_eq!(run(&mut syncing, vec![END_DELETE]), Effect::Refreshed);
        assert_eq!(syncing.take(renamed()), Effect::StartAgain(Why::Renamed));
    }

    #[test]
    fn two_entries_with_one_name_mean_that_something_was_missed() {
        let again = || Message::Changed { entry: entry(2, "e1", "a"), cookie: None };
        let mut syncing = Syncing::from(known(&[1]));
        assert_eq!(run(&mut syncing, vec![again(), END_DELETE]), Effect::StartAgain(Why::OutOfStep));
        // Deleted and made anew is no contradiction, whatever comes first.
        let mut syncing = Syncing::from(known(&[1]));
        assert_eq!(run(&mut syncing, vec![again(), gone(&[1]), END_DELETE]), Effect::Refreshed);
        assert_eq!(numbers(&syncing), [2]);
        assert_eq!(
            syncing.take(Message::Changed { entry: entry(3, "e1", "a"), cookie: None }),
            Effect::StartAgain(Why::OutOfStep)
        );
    }

    #[test]
    fn afterwards_each_change_shows_at_once() {
        let mut syncing = Syncing::from(known(&[1, 2]));
        assert_eq!(run(&mut syncing, vec![END_DELETE]), Effect::Refreshed);
        assert_eq!(syncing.take(changed(3)), Effect::Changed);
        assert_eq!(syncing.take(changed(3)), Effect::Nothing);
        assert_eq!(syncing.take(gone(&[99])), Effect::Nothing);
        assert_eq!(syncing.take(Message::Cookie(b"c2".to_vec())), Effect::Nothing);
        assert_eq!(
            syncing.take(Message::Deleted { uuid: uuid(1), cookie: Some(b"c3".to_vec()) }),
            Effect::Changed
        );
        assert_eq!(numbers(&syncing), [2, 3]);
        assert_eq!(syncing.content().cookie.as_deref(), Some(b"c3".as_slice()));
    }

    #[test]
    fn from_nothing_two_entries_with_one_name_are_what_there_is() {
        let mut syncing = Syncing::from(Content::default());
        let twin = Message::Changed { entry: entry(2, "e1", "a"), cookie: None };
        assert_eq!(run(&mut syncing, vec![changed(1), twin, END_PRESENT]), Effect::Refreshed);
        assert_eq!(numbers(&syncing), [1, 2], "decoding refuses both");
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let numbers = || prop::collection::vec(0_u8..6, 0..6);
        prop_oneof![
            (0_u8..6).prop_map(changed),
            numbers().prop_map(|n| present(&n)),
            numbers().prop_map(|n| gone(&n)),
            any::<bool>().prop_map(|done| Message::EndOfPresent { done, cookie: None }),
            any::<bool>().prop_map(|done| Message::EndOfDelete { done, cookie: None }),
        ]
    }

    proptest! {
        /// Whatever a server says after the cookie, an entry that it never mentions leaves only at the end of a present
        /// phase, and the content counts only from the end of the refresh.
        #[test]
        fn nothing_is_lost_without_a_word(messages in prop::collection::vec(any_message(), 0..12)) {
            let mut syncing = Syncing::from(known(&[1, 2, 3, 200]));
            for message in messages {
                let ends_present = matches!(message, Message::EndOfPresent { .. });
                let before = syncing.content().entries.contains_key(&uuid(200));
                if matches!(syncing.take(message), Effect::StartAgain(_)) {
                    break;
                }
                let after = syncing.content().entries.contains_key(&uuid(200));
                prop_assert!(after || !before || ends_present);
            }
        }
    }
}
