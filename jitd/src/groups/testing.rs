//! Grants for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_model::assess::{Assessed, AssessedGrant, Services};
use jit_model::dn::Dn;
use jit_model::grant::{End, EntryUuid, Grant, Provenance};
use jit_model::name::{Login, SourceName, UnixGroup};
use jit_model::role::Role;
use jit_model::time::{Span, Timestamp, Window};

/// The beginning.
pub(crate) const NOW: i64 = 1_800_000_000;

/// A grant of somebody, by number, that confers jit-dba and ends so many seconds after the beginning.
pub(crate) fn grant(n: u32, end: i64) -> Arc<AssessedGrant> {
    let who = format!("user{n}");
    let dn = Dn::parse(&format!("uid={who},ou=people,dc=example,dc=com")).unwrap();
    let mut uuid = [0; 16];
    uuid[..4].copy_from_slice(&n.to_be_bytes());
    let group = UnixGroup::new("jit-dba").unwrap();
    let role = Role { name: "dba".to_owned(), local_groups: [group].into(), ..Role::default_of(Span(1)) };
    let window = Window::new(Timestamp(NOW - 60), Timestamp(NOW + end)).unwrap();
    Arc::new(AssessedGrant {
        source: SourceName::new("ldap").unwrap(),
        grant: Arc::new(entry(uuid, n, "ou=grants,dc=example,dc=com", &dn, window.end())),
        role: Some(Arc::new(role)),
        logins: Arc::new(BTreeMap::from([(Login::new(&who).unwrap(), dn)])),
        services: Services::AllGuarded,
        began: None,
        assessed: Assessed::Granted { window, approved: Vec::new() },
        heard: Vec::new(),
        in_doubt: false,
        eligible_by: Arc::default(),
    })
}

/// A grant's entry, by number below a base, that says no more than it must.
pub(crate) fn entry(uuid: [u8; 16], n: u32, base: &str, subject: &Dn, end: Timestamp) -> Grant {
    Grant {
        uuid: EntryUuid(uuid),
        dn: Dn::parse(&format!("cn=g{n},{base}")).unwrap(),
        id: format!("g{n}"),
        subject: subject.clone(),
        role: None,
        hosts: BTreeSet::new(),
        services: BTreeSet::new(),
        not_before: None,
        end: End::At(end),
        reason: None,
        ticket: None,
        provenance: Provenance::default(),
    }
}
