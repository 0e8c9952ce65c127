//! How new a server is: `contextCSN`, one change sequence number per server that writes (as OpenLDAP has them; 389-ds and
//! Active Directory have none, and of them nothing can be said here). A mirror that lags answers a newer cookie with "up
//! to date" and no error, so this comparison is what keeps it from being believed.

use std::collections::{BTreeMap, BTreeSet};

use jit_model::dn::Dn;
use jit_model::time::Timestamp;

use crate::decode::syntax;

/// The newest change of each writing server, by its serverID.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Csns(BTreeMap<String, String>);

impl Csns {
    /// From the values of `contextCSN`: `20261122150405.123456Z#000000#001#000000`. What is written otherwise is left out.
    pub(crate) fn from_values<V: AsRef<[u8]>>(values: impl IntoIterator<Item = V>) -> Csns {
        let mut csns = Csns::default();
        for value in values {
            if let Ok(text) = std::str::from_utf8(value.as_ref()) {
                csns.add(text);
            }
        }
        csns
    }

    /// From a sync cookie as OpenLDAP makes them, `rid=000,csn=…;…`. Another server's shows none.
    pub(crate) fn from_cookie(cookie: &[u8]) -> Csns {
        let text = String::from_utf8_lossy(cookie);
        let fields = text.split(',').filter_map(|field| field.strip_prefix("csn="));
        Csns::from_values(fields.flat_map(|csns| csns.split(';')))
    }

    fn add(&mut self, csn: &str) {
        let fields: Vec<&str> = csn.split('#').collect();
        let [time, count, server, change] = fields.as_slice() else { return };
        let hexadecimal =
            |field: &str, len: usize| field.len() == len && field.bytes().all(|b| b.is_ascii_hexdigit());
        // Fixed widths make the order of the texts the order of the changes.
        let fixed =
            time.len() == 22 && hexadecimal(count, 6) && hexadecimal(server, 3) && hexadecimal(change, 6);
        if !fixed || syntax::generalized_time(time.as_bytes()).is_err() {
            return;
        }
        let slot = self.0.entry((*server).to_owned()).or_default();
        if slot.as_str() < csn {
            csn.clone_into(slot);
        }
    }

    /// Takes in what another word shows.
    pub(crate) fn advance(&mut self, other: &Csns) {
        for csn in other.0.values() {
            self.add(csn);
        }
    }

    /// Of which of our changes the other knows nothing yet, for people; `None` if it knows them all.
    pub(crate) fn missing_from(&self, other: &Csns) -> Option<String> {
        self.0.iter().find_map(|(server, ours)| match other.0.get(server) {
            Some(theirs) if theirs >= ours => None,
            Some(theirs) => Some(format!("{theirs} instead of {ours}")),
            None => Some(format!("nothing instead of {ours}")),
        })
    }

    /// The time of the newest change.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        let times = self.0.values().filter_map(|csn| csn.split('#').next());
        times.filter_map(|time| syntax::generalized_time(time.as_bytes()).ok()).max()
    }

    /// Whether there is anything to compare.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How new the directory is known to be, for each naming context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    newest: BTreeMap<Dn, Csns>,
    /// Of which contexts a server has let us read the numbers themselves.
    shown: BTreeSet<Dn>,
}

impl Reached {
    /// Takes in what a server shows of a naming context.
    pub(crate) fn advance(&mut self, context: &Dn, csns: &Csns) {
        self.newest.entry(context.clone()).or_default().advance(csns);
    }

    /// The same, from the numbers as the context's entry has them.
    pub(crate) fn read(&mut self, context: &Dn, csns: &Csns) {
        self.advance(context, csns);
        self.shown.insert(context.clone());
    }

    /// What a server lacks whose entry of the context has these numbers; `None` if nothing. One that has none is judged only if
    /// others had some: a mirror that is being filled has none before it is full, and is asked like any other.
    pub(crate) fn missing_from(&self, context: &Dn, csns: &Csns) -> Option<String> {
        if csns.is_empty() {
            let why =
                "it shows no contextCSN as the directory did before: it is being filled, or a rule hides it";
            return self.shown.contains(context).then(|| why.to_owned());
        }
        self.newest.get(context).and_then(|ours| ours.missing_from(csns))
    }

    /// The time of the newest change.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.newest.values().filter_map(Csns::newest).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "20261122150405.123456Z#000000#001#000000";
    const NEW: &str = "20261122150406.000000Z#000000#001#000000";
    const OTHER: &str = "20261122150407.000000Z#000000#002#000000";

    #[test]
    fn behind_is_judged_by_each_server() {
        let both = Csns::from_values([NEW, OTHER]);
        assert_eq!(both.missing_from(&Csns::from_values([OTHER, NEW])), None);
        assert!(both.missing_from(&Csns::from_values([OLD, OTHER])).is_some());
        assert!(both.missing_from(&Csns::from_values([NEW])).is_some());
        assert!(both.missing_from(&Csns::default()).is_some());
        assert_eq!(Csns::from_values([OLD]).missing_from(&both), None);
        assert_eq!(Csns::default().missing_from(&Csns::default()), None);
    }

    #[test]
    fn what_is_no_csn_says_nothing() {
        for bad in [
            "",
            "x",
            "20261122150405Z#000000#001#000000",
            "20269922150405.123456Z#000000#001#000000",
            "a#b#c#d",
        ] {
            assert!(Csns::from_values([bad]).is_empty(), "{bad}");
        }
    }

    #[test]
    fn a_cookie_shows_them_too() {
        let cookie = format!("rid=001,sid=002,csn={OLD};{OTHER}");
        assert_eq!(Csns::from_cookie(cookie.as_bytes()), Csns::from_values([OLD, OTHER]));
        assert!(Csns::from_cookie(b"ldap1:389#cn=host:dc=x#12").is_empty());
    }

    #[test]
    fn who_shows_no_numbers_is_behind_those_who_did() {
        let (context, none) = (Dn::parse("dc=x").unwrap(), Csns::default());
        let mut reached = Reached::default();
        assert_eq!(reached.missing_from(&context, &none), None);
        reached.advance(&context, &Csns::from_values([OLD]));
        assert_eq!(reached.missing_from(&context, &none), None, "a cookie may show what a rule hides");
        reached.read(&context, &Csns::from_values([OLD]));
        assert!(reached.missing_from(&context, &none).is_some());
        assert_eq!(reached.missing_from(&Dn::parse("dc=y").unwrap(), &none), None);
    }

    #[test]
    fn the_newest_gives_the_time() {
        let mut csns = Csns::from_values([OLD]);
        csns.advance(&Csns::from_values([NEW, OTHER]));
        assert_eq!(csns.newest(), syntax::generalized_time(b"20261122150407Z").ok());
    }
}
