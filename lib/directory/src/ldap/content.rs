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
        Syncing { content, stage: Stage::Refresh(Refresh { resumed, ..Refresh::default() }) }
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
        let doubled = known.is_none() && self.content.entries.values().any(|other| other.dn == entry.dn);
        match &mut self.stage {
            Stage::Refresh(refresh) => {
                refresh.mentioned.insert(entry.uuid);
                refresh.resent |= same;
            }
            Stage::Persist if same => return Effect::Nothing,
            // In a refresh the deletion that makes this right can still come: see `end`.
            Stage::Persist if doubled => return Effect::StartAgain(Why::OutOfStep),
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
        if uuids.iter().any(|uuid| !self.content.entries.contains_key(uuid)) {
            return Effect::StartAgain(Why::OutOfStep);
        }
        if let Stage::Refresh(refresh) = &mut self.stage {
            refresh.mentioned.extend(uuids);
        }
        Effect::Nothing
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
        let names: BTreeSet<_> = self.content.entries.values().map(|entry| &entry.dn).collect();
        if names.len() != self.content.entries.len() {
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
