//! The people that are remembered: a plain value, and how it grows and forgets. No clock, no disk.
//!
//! Only a grant that counts says who somebody is: of a login that two entries claim, no grant counts, so nobody can take over the
//! number under which somebody's files lie by laying claim to his login. And a set that was recalled from disk only fills in who is not
//! known: it may be older than what is remembered, or from a version that did not read accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jit_model::assess::{Assessed, AssessedGrant};
use jit_model::dn::Dn;
use jit_model::name::{Login, SourceName};
use jit_model::people::{Account, Person};
use jit_model::serve::KnownPerson;
use jit_model::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::disk::saver::Urgency;
use crate::disk::{self, Damage, Found, Kind, SetAside};

/// The file's kind. A change of [`Record`] must raise the version; a file of another version is set aside, which costs names only.
pub const KIND: Kind = Kind { magic: *b"jitpeopl", version: 1, max: 64 << 20 };

/// The most people. Past it, whose last grant is longest ago is forgotten first.
pub(super) const MOST: usize = 65_536;

/// How closely it is remembered how long somebody held a grant that is taken from him, so that a live one costs no write a minute.
const GRAIN: Span = Span(86_400);

/// What the sources show.
#[derive(Clone, Copy)]
pub struct Showing<'a> {
    /// All grants.
    pub grants: &'a [Arc<AssessedGrant>],
    /// The people of the grants, by the DNs that their logins have.
    pub people: &'a BTreeMap<SourceName, Arc<BTreeMap<Dn, Person>>>,
    /// Sources whose set is from disk: they have shown none since the daemon began.
    pub recalled: &'a BTreeSet<SourceName>,
}

/// Somebody whom a grant is good for, sooner or later.
struct Holder<'a> {
    person: &'a Person,
    /// Whether that is from disk.
    recalled: bool,
    /// The latest end of his grants.
    end: Timestamp,
    /// When he last held one; none if all of them begin later.
    held: Option<Timestamp>,
}

impl<'a> Showing<'a> {
    /// Whom grants are good for. Of several entries for one login, of several sources, the one that is not from disk counts, then the
    /// first by the source's name.
    fn holders(&self, now: Timestamp) -> BTreeMap<&'a Login, Holder<'a>> {
        let Showing { grants, people, recalled } = *self;
        let mut rank: BTreeMap<&Login, (bool, &SourceName, &Dn)> = BTreeMap::new();
        let mut holders: BTreeMap<&Login, Holder<'_>> = BTreeMap::new();
        for grant in grants {
            let Assessed::Granted { window, .. } = &grant.assessed else { continue };
            let Some(of_source) = people.get(&grant.source) else { continue };
            let recalled = recalled.contains(&grant.source);
            let held = (window.start() <= now).then(|| window.end().min(now));
            for person in grant.logins.values().filter_map(|dn| of_source.get(dn)) {
                let this = (recalled, &grant.source, &person.dn);
                let holder = holders.entry(&person.login).or_insert_with(|| {
                    rank.insert(&person.login, this);
                    Holder { person, recalled, end: window.end(), held }
                });
                holder.end = holder.end.max(window.end());
                holder.held = holder.held.max(held);
                if rank.get(&person.login).is_some_and(|best| this < *best) {
                    rank.insert(&person.login, this);
                    (holder.person, holder.recalled) = (person, recalled);
                }
            }
        }
        holders
    }
}

/// Somebody who held a grant here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Former {
    uid_number: Option<u32>,
    /// Without keys.
    account: Account,
    /// When he last held one, as far as it is remembered.
    last: Timestamp,
}

/// Who held a grant here, and was somebody then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    people: BTreeMap<Login, Former>,
}

impl Roll {
    /// Reads the file. A damaged one is set aside and counts as none.
    pub fn open(path: &Path) -> (Roll, Option<SetAside>) {
        let found: Found<Roll> = disk::read(path, KIND).decode(path, |payload| Roll::decode(&payload));
        let (roll, aside) = found.split();
        (roll.unwrap_or_default(), aside)
    }

    /// Takes what the sources show, forgets who held nothing for `linger`, and tells who is known: who is remembered, and whose grants
    /// are yet to begin. Also how soon it must be on disk, if anything is new. `now` is the settled time.
    #[must_use]
    pub fn take(
        &mut self,
        showing: &Showing<'_>,
        linger: Span,
        now: Timestamp,
    ) -> (BTreeMap<Login, KnownPerson>, Option<Urgency>) {
        let holders = showing.holders(now);
        let mut urgency = None;
        for (login, holder) in &holders {
            urgency = urgency.max(self.note(login, holder, linger, now));
        }
        let before = self.people.len();
        self.people.retain(|_, former| former.last.plus(linger) > now);
        self.forget_excess();
        if self.people.len() < before {
            urgency = urgency.max(Some(Urgency::Lazy));
        }
        (self.known(holders, linger, now), urgency)
    }

    /// Takes one who holds or held a grant.
    fn note(&mut self, login: &Login, holder: &Holder<'_>, linger: Span, now: Timestamp) -> Option<Urgency> {
        let Holder { person, recalled, end, held } = holder;
        let Some(former) = self.people.get_mut(login) else {
            let last = held.filter(|last| last.plus(linger) > now)?;
            self.people.insert(
                login.clone(),
                Former { uid_number: person.uid_number, account: without_keys(&person.account), last },
            );
            return Some(Urgency::Soon);
        };
        let mut urgency = None;
        // A grant's end exactly, if it is its end; else now and then.
        let counts =
            |last: &Timestamp| *last > former.last && (*end <= now || last.since(former.last) >= GRAIN);
        if let Some(last) = held.filter(counts) {
            former.last = last;
            urgency = Some(Urgency::Lazy);
        }
        if !recalled && !says_the_same(former, person) {
            former.uid_number = person.uid_number;
            former.account = without_keys(&person.account);
            urgency = Some(Urgency::Soon);
        }
        urgency
    }

    fn forget_excess(&mut self) {
        let excess = self.people.len().saturating_sub(MOST);
        if excess > 0 {
            let mut oldest: Vec<_> = self.people.iter().map(|(login, of)| (of.last, login.clone())).collect();
            oldest.sort_unstable();
            for (_, login) in oldest.iter().take(excess) {
                self.people.remove(login);
            }
        }
    }

    fn known(
        &self,
        holders: BTreeMap<&Login, Holder<'_>>,
        linger: Span,
        now: Timestamp,
    ) -> BTreeMap<Login, KnownPerson> {
        let former = self.people.iter().map(|(login, former)| {
            let Former { uid_number, account, last } = former.clone();
            (login.clone(), KnownPerson { uid_number, account, last, shown: false })
        });
        let mut known: BTreeMap<Login, KnownPerson> = former.collect();
        for (login, holder) in holders {
            match known.get_mut(login) {
                Some(known) => {
                    known.shown = true;
                    known.last = known.last.max(holder.end);
                }
                // Not begun yet, so not remembered; or over for long, and then nobody.
                None if holder.end.plus(linger) > now => {
                    let account = without_keys(&holder.person.account);
                    let uid_number = holder.person.uid_number;
                    known.insert(
                        login.clone(),
                        KnownPerson { uid_number, account, last: holder.end, shown: true },
                    );
                }
                None => {}
            }
        }
        known
    }

    /// Root has mended the clock, and it is `now`: nobody held a grant later than that. Without this, whoever held one while the clock
    /// was years ahead would be shown for all those years.
    #[must_use]
    pub fn restate(&mut self, now: Timestamp) -> Option<Urgency> {
        let mut urgency = None;
        for former in self.people.values_mut().filter(|former| former.last > now) {
            former.last = now;
            urgency = Some(Urgency::Soon);
        }
        urgency
    }

    /// A roll from the payload of its file. Strict: all of it, or nothing.
    ///
    /// # Errors
    /// When the bytes are not what [`Roll::encode`] writes.
    pub fn decode(payload: &[u8]) -> Result<Roll, Damage> {
        let (records, rest) =
            postcard::take_from_bytes::<Vec<Record>>(payload).map_err(|_| Damage::Payload)?;
        if rest.is_empty() { Ok(records.into()) } else { Err(Damage::Payload) }
    }

    /// The payload of its file.
    ///
    /// # Errors
    /// Never, in practice: memory is all it takes.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        let records: Vec<Record> = self.people.iter().map(Record::from).collect();
        postcard::to_allocvec(&records)
    }
}

fn without_keys(account: &Account) -> Account {
    Account { ssh_keys: Vec::new(), ..account.clone() }
}

fn says_the_same(former: &Former, person: &Person) -> bool {
    let Account { gid_number, gecos, home, shell, ssh_keys: _ } = &person.account;
    let account = &former.account;
    former.uid_number == person.uid_number
        && (account.gid_number, &account.gecos, &account.home, &account.shell)
            == (*gid_number, gecos, home, shell)
}

/// Somebody on disk, format 1. Spelled out, so that a new field in the model is a compile error here.
#[derive(Serialize, Deserialize)]
struct Record {
    login: Login,
    uid_number: Option<u32>,
    gid_number: Option<u32>,
    gecos: Option<String>,
    home: Option<String>,
    shell: Option<String>,
    last: Timestamp,
}

impl From<(&Login, &Former)> for Record {
    fn from((login, former): (&Login, &Former)) -> Record {
        let Former { uid_number, account, last } = former.clone();
        let Account { gid_number, gecos, home, shell, ssh_keys: _ } = account;
        Record { login: login.clone(), uid_number, gid_number, gecos, home, shell, last }
    }
}

impl From<Vec<Record>> for Roll {
    fn from(records: Vec<Record>) -> Roll {
        let former = |record| {
            let Record { login, uid_number, gid_number, gecos, home, shell, last } = record;
            let account = Account { gid_number, gecos, home, shell, ssh_keys: Vec::new() };
            (login, Former { uid_number, account, last })
        };
        Roll { people: records.into_iter().map(former).collect() }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// Somebody who last held a grant then.
    pub(in crate::people) struct OnRoll(Login, Timestamp);

    pub(in crate::people) fn former(login: &str, last: Timestamp) -> OnRoll {
        OnRoll(Login::new(login).unwrap(), last)
    }

    impl FromIterator<OnRoll> for Roll {
        fn from_iter<T: IntoIterator<Item = OnRoll>>(people: T) -> Roll {
            let former =
                |OnRoll(login, last)| (login, Former { uid_number: None, account: Account::default(), last });
            Roll { people: people.into_iter().map(former).collect() }
        }
    }
}
