//! The people and groups that grants and roles refer to: read by name, nested groups to the last one, and everybody who
//! shares a login with somebody that matters. The rest of the directory's people are never fetched: of approver groups
//! only the groups are read, not their members. An answer counts only as a whole and only while the bases are to be seen,
//! so that a changed access rule does not look like an empty company.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_model::assess::MAX_SUBJECTS;
use jit_model::dn::Dn;
use ldap3::Scope;

use super::believe::Belief;
use super::config::LdapConfig;
use super::content::EntrySet;
use super::filter;
use super::message;
use super::refer::References;
use super::search::Search;
use super::trouble::{Cause, INVALID_NAME, NO_SUCH_OBJECT};
use crate::decode::{ACCOUNT, bounded};
use crate::entry::Entry;
use crate::schema::{MEMBER, UNIQUE_MEMBER};

/// Names in one filter.
const CHUNK: usize = 200;
/// Names that one host's grants and roles may lead to.
const MOST: usize = 50_000;

/// What became of the references.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// Groups, people, and who shares a login with one of them.
    pub(crate) entries: EntrySet,
    /// What has to be watched to notice a change.
    pub(crate) watch: Watch,
}

/// Names and logins whose entries matter, there or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watch {
    names: BTreeSet<Dn>,
    logins: BTreeSet<String>,
}

impl Watch {
    /// How much there is to watch.
    pub(crate) fn len(&self) -> usize {
        self.names.len() + self.logins.len()
    }

    /// As a filter.
    pub(crate) fn filter(&self, login_attribute: &str) -> String {
        let names = self.names.iter().map(|dn| filter::term("entryDN", &dn.to_string()));
        let logins = self.logins.iter().map(|login| filter::term(login_attribute, login));
        filter::any(names.chain(logins))
    }
}

/// How entries are read by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByName {
    /// Many at once, by terms on entryDN (RFC 5020).
    Terms,
    /// One after the other.
    One,
}

/// Names that terms did not bring are asked for one by one, but not more than so many at a time.
const CONFIRMED: usize = 100;

/// Reads people and groups over one connection.
pub(crate) struct Reader {
    search: Search,
    belief: Belief,
    config: Arc<LdapConfig>,
    by_name: ByName,
}

/// A reading under way.
#[derive(Default)]
struct Reading {
    found: BTreeMap<Dn, Arc<Entry>>,
    asked: BTreeSet<Dn>,
}

impl Reader {
    /// Finds out how to read by name: a server that does not know entryDN answers with nothing.
    pub(crate) async fn new(
        search: Search,
        belief: Belief,
        config: Arc<LdapConfig>,
    ) -> Result<Reader, Cause> {
        let base = &config.bases.grants;
        let itself = filter::named([base]);
        let found = search.all(&base.to_string(), Scope::Base, &itself, &["1.1"]).await;
        let by_name = match found {
            Ok(found) if !found.is_empty() => ByName::Terms,
            Ok(_) | Err(Cause::Refused { .. }) => ByName::One,
            Err(cause) => return Err(cause),
        };
        Ok(Reader { search, belief, config, by_name })
    }

    /// How entries are read by name.
    pub(crate) fn by_name(&self) -> ByName {
        self.by_name
    }

    /// Follows all references to their ends.
    pub(crate) async fn resolve(&mut self, references: &References) -> Result<Resolved, Cause> {
        let mut reading = Reading::default();
        let config = self.config.clone();
        let bases = &config.bases;
        self.ask(&mut reading, &references.subjects, Kind::Any).await?;
        for subject in &references.subjects {
            self.audience(&mut reading, subject).await?;
        }
        let subjects: BTreeSet<Dn> = reading.found.keys().cloned().collect();
        let groups_only = |dn: &Dn| dn.is_below(&bases.groups);
        // Groups that are subjects, too, were read with their members already; what hangs below them was as well.
        self.follow(&mut reading, references.groups.clone(), Kind::Groups, groups_only).await?;

        let logins = self.logins(subjects.iter().filter_map(|dn| reading.found.get(dn)));
        let mut entries: EntrySet = reading.found.values().map(|entry| (entry.uuid, entry.clone())).collect();
        let holders = self.holders(&logins).await?;
        let holding: BTreeSet<_> = holders.iter().map(|entry| entry.uuid).collect();
        for dn in &subjects {
            let Some(entry) = reading.found.get(dn) else { continue };
            // Otherwise a login that is shared would look like one that is not.
            if self.has_login(entry) && !holding.contains(&entry.uuid) {
                let what = format!("a search by {} does not find {dn}", self.config.login_attribute);
                return Err(Cause::Hidden(what));
            }
        }
        for entry in holders {
            entries.entry(entry.uuid).or_insert_with(|| Arc::new(entry));
        }
        self.check_bases(references, &logins).await?;

        let mut names: BTreeSet<Dn> = references.subjects.union(&references.groups).cloned().collect();
        if reading.asked.len() <= CHUNK {
            // Also those that are not there: they could come.
            names.append(&mut reading.asked);
        }
        names.extend(reading.found.into_keys());
        Ok(Resolved { entries, watch: Watch { names, logins } })
    }

    /// Whom a subject that is a group leads to, level by level. Of a group that is too large for a subject no more is read
    /// than it takes to see that: whoever is in it could have each host read everybody.
    async fn audience(&mut self, reading: &mut Reading, subject: &Dn) -> Result<(), Cause> {
        let bases = self.config.bases.clone();
        let anybody = |dn: &Dn| dn.is_below(&bases.people) || dn.is_below(&bases.groups);
        let mut reached: BTreeSet<Dn> = BTreeSet::new();
        let mut level = BTreeSet::from([subject.clone()]);
        while !level.is_empty() {
            let entries = level.iter().filter_map(|dn| reading.found.get(dn));
            let members = entries.flat_map(|entry| members(entry)).filter(&anybody);
            level = members.filter(|dn| reached.insert(dn.clone())).collect();
            if reached.len() > MAX_SUBJECTS {
                return Ok(());
            }
            self.ask(reading, &level, Kind::Any).await?;
        }
        Ok(())
    }

    /// Reads level by level, each entry once, so that a group within itself ends like any other.
    async fn follow(
        &mut self,
        reading: &mut Reading,
        from: BTreeSet<Dn>,
        kind: Kind,
        counts: impl Fn(&Dn) -> bool,
    ) -> Result<(), Cause> {
        let mut level = from;
        while !level.is_empty() {
            self.ask(reading, &level, kind).await?;
            let entries = level.iter().filter_map(|dn| reading.found.get(dn));
            let members: BTreeSet<Dn> = entries.flat_map(|entry| members(entry)).filter(&counts).collect();
            level = members.difference(&level).filter(|dn| !reading.asked.contains(*dn)).cloned().collect();
        }
        Ok(())
    }

    /// Reads those that were not asked for yet.
    async fn ask(&mut self, reading: &mut Reading, names: &BTreeSet<Dn>, kind: Kind) -> Result<(), Cause> {
        let ask: Vec<Dn> = names.difference(&reading.asked).cloned().collect();
        reading.asked.extend(ask.iter().cloned());
        if reading.asked.len() > MOST {
            let what = format!(
                "the groups that grants and roles for this host name hold more than {MOST} names: name smaller ones"
            );
            return Err(Cause::TooMuch(what));
        }
        for entry in self.named(&ask, kind).await? {
            reading.found.insert(entry.dn.clone(), Arc::new(entry));
        }
        Ok(())
    }

    /// Entries by their names; one that is not there is left out. That it is not there is believed only when its own
    /// name was asked for: a rule that forbids searching by entryDN would hide everybody.
    async fn named(&mut self, names: &[Dn], kind: Kind) -> Result<Vec<Entry>, Cause> {
        if self.by_name == ByName::Terms {
            let mut found = self.by_terms(names, kind).await?;
            let came: BTreeSet<Dn> = found.iter().map(|entry| entry.dn.clone()).collect();
            let missing: Vec<Dn> =
                names.iter().filter(|dn| !came.contains(dn)).take(CONFIRMED).cloned().collect();
            let late: Vec<Dn> =
                self.one_by_one(&missing, kind).await?.into_iter().map(|entry| entry.dn).collect();
            // Either they came to be just now, or terms do not find them.
            let again = self.by_terms(&late, kind).await?;
            if again.len() == late.len() {
                found.extend(again);
                return Ok(found);
            }
            self.by_name = ByName::One;
        }
        self.one_by_one(names, kind).await
    }

    async fn by_terms(&self, names: &[Dn], kind: Kind) -> Result<Vec<Entry>, Cause> {
        let mut found = Vec::new();
        for base in [&self.config.bases.people, &self.config.bases.groups] {
            let here: Vec<&Dn> = names.iter().filter(|dn| self.home(dn) == Some(base)).collect();
            for chunk in here.chunks(CHUNK) {
                let filter = kind.narrowed(filter::named(chunk.iter().copied()));
                found.extend(self.read(base, Scope::Subtree, &filter).await?);
            }
        }
        Ok(found)
    }

    async fn one_by_one(&self, names: &[Dn], kind: Kind) -> Result<Vec<Entry>, Cause> {
        let mut found = Vec::new();
        for name in names {
            match self.read(name, Scope::Base, &kind.narrowed("(objectClass=*)".to_owned())).await {
                Ok(entries) => found.extend(entries),
                // Under a name that is none to the server, nothing can stand: whoever may write a member into one group must
                // not be able to keep hosts from reading all of them.
                Err(Cause::Refused { code: NO_SUCH_OBJECT | INVALID_NAME, .. }) => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(found)
    }

    /// The base to search for a name; the deeper one where one lies under the other.
    fn home(&self, dn: &Dn) -> Option<&Dn> {
        let bases = [&self.config.bases.people, &self.config.bases.groups];
        let above = bases.into_iter().filter(|base| dn.is_below(base));
        above.max_by_key(|base| base.to_string().len())
    }

    /// Everybody who holds one of these logins.
    async fn holders(&self, logins: &BTreeSet<String>) -> Result<Vec<Entry>, Cause> {
        let logins: Vec<&String> = logins.iter().collect();
        let mut found = Vec::new();
        for chunk in logins.chunks(CHUNK) {
            let filter =
                filter::any(chunk.iter().map(|login| filter::term(&self.config.login_attribute, login)));
            found.extend(self.read(&self.config.bases.people, Scope::Subtree, &filter).await?);
        }
        Ok(found)
    }

    fn has_login(&self, entry: &Arc<Entry>) -> bool {
        !self.logins(std::iter::once(entry)).is_empty()
    }

    fn logins<'a>(&self, entries: impl Iterator<Item = &'a Arc<Entry>>) -> BTreeSet<String> {
        let name = self.config.login_attribute.to_ascii_lowercase();
        let people = entries.filter(|entry| entry.dn.is_below(&self.config.bases.people));
        let values = people.flat_map(|entry| entry.attributes.get(&name).cloned().unwrap_or_default());
        values.filter_map(|value| String::from_utf8(value).ok()).collect()
    }

    async fn read(&self, base: &Dn, scope: Scope, filter: &str) -> Result<Vec<Entry>, Cause> {
        // Never `*`: pictures and passwords are nobody's business here.
        let login = self.config.login_attribute.as_str();
        let mut attributes = vec!["objectClass", login, "uidNumber", "member", "uniqueMember", "entryUUID"];
        // Each name once, for some servers send a value for each time it is asked for.
        attributes.extend(ACCOUNT.into_iter().filter(|name| !name.eq_ignore_ascii_case(login)));
        let sent = self.search.all(&base.to_string(), scope, filter, &attributes).await?;
        let entry = |sent| message::identified(sent, None).map_err(Cause::Nonsense);
        sent.into_iter().map(|sent| Ok(bounded(entry(sent)?, login))).collect()
    }

    /// The bases that were searched are to be seen, now that the answers are in.
    async fn check_bases(&self, references: &References, logins: &BTreeSet<String>) -> Result<(), Cause> {
        let names = || references.subjects.iter().chain(&references.groups);
        for base in [&self.config.bases.people, &self.config.bases.groups] {
            let asked = names().any(|dn| self.home(dn) == Some(base));
            if asked || (*base == self.config.bases.people && !logins.is_empty()) {
                self.belief.shows(base).await?;
            }
        }
        Ok(())
    }
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Whatever has the name.
    Any,
    /// Only what has members.
    Groups,
}

impl Kind {
    fn narrowed(self, filter: String) -> String {
        match self {
            Kind::Any => filter,
            Kind::Groups => format!("(&(|(member=*)(uniqueMember=*)){filter})"),
        }
    }
}

/// The names in member and uniqueMember.
fn members(entry: &Entry) -> impl Iterator<Item = Dn> + '_ {
    let values = |name| entry.attributes.get(name).into_iter().flatten();
    let plain = values(MEMBER).map(Vec::as_slice);
    let unique = values(UNIQUE_MEMBER).map(|value| crate::decode::without_uid(value));
    plain.chain(unique).filter_map(|value| Dn::parse(std::str::from_utf8(value).ok()?).ok())
}
