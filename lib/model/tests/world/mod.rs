//! A small company for tests: alice, bob, carol, dave and erin; groups `devs`, `leads` and `security`; the role `dba`, for
//! `devs` on `@db` hosts, with approval by `leads`; and this host, db1, which is one of them.
#![allow(dead_code, unreachable_pub, reason = "each test uses what it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_model::assess::{Assessed, AssessedGrant, Memory, assess};
use jit_model::decide::{Verdict, decide};
use jit_model::digest::digest;
use jit_model::dn::Dn;
use jit_model::grant::{Approval, End, EntryUuid, Grant, GrantTree, Provenance, Revocation};
use jit_model::heard::Outcome;
use jit_model::host::{HostNames, HostPattern};
use jit_model::name::{Login, Service, SourceName};
use jit_model::people::{Account, Group, People, Person};
use jit_model::policy::{BACKGROUND, BreakGlass, GUARDED, Policy};
use jit_model::question::Question;
use jit_model::reason::Refusal;
use jit_model::role::Role;
use jit_model::signature::{Signature, Signed};
use jit_model::snapshot::{Aside, Freshness, Snapshot};
use jit_model::source::{EntryKind, Proof, RoleEntry, SetAside, Source};
use jit_model::time::{Span, Timestamp};

pub fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

pub fn person(name: &str) -> Dn {
    dn(&format!("uid={name},ou=people,dc=x"))
}

pub fn group(name: &str) -> Dn {
    dn(&format!("cn={name},ou=groups,dc=x"))
}

pub fn role_dn(name: &str) -> Dn {
    dn(&format!("cn={name},ou=roles,dc=x"))
}

pub fn host(name: &str) -> HostPattern {
    HostPattern::new(name).unwrap_or_else(|e| panic!("{e}"))
}

pub fn service(name: &str) -> Service {
    Service::new(name).unwrap_or_else(|e| panic!("{e}"))
}

pub fn login(name: &str) -> Login {
    Login::new(name).unwrap_or_else(|e| panic!("{e}"))
}

pub fn source_name() -> SourceName {
    SourceName::new("ldap").unwrap_or_else(|e| panic!("{e}"))
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds)
}

pub fn uuid(n: u32) -> EntryUuid {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    EntryUuid(bytes)
}

/// As a directory shows an entry that was written once and never changed.
pub fn written(by: &Dn, when: i64) -> Provenance {
    Provenance {
        creator: Some(by.clone()),
        modifier: Some(by.clone()),
        created: Some(at(when)),
        modified: Some(at(when)),
    }
}

#[derive(Clone, Debug)]
pub struct World {
    pub persons: Vec<Person>,
    pub groups: Vec<Group>,
    pub source: Source,
    pub host: HostNames,
    pub memory: Memory,
    pub policy: Policy,
    pub heard: Freshness,
    pub known: BTreeSet<Login>,
}

impl World {
    pub fn new() -> World {
        let host = HostNames::new("db1.prod.example.com", ["db"]).unwrap_or_else(|e| panic!("{e}"));
        let named = ["alice", "bob", "carol", "dave", "erin"];
        let persons = named.iter().zip(1001..).map(|(name, uid)| Person {
            dn: person(name),
            login: login(name),
            uid_number: Some(uid),
            account: Account::default(),
        });
        let groups =
            [("devs", vec!["alice", "dave"]), ("leads", vec!["bob", "carol"]), ("security", vec!["erin"])];
        let groups = groups.into_iter().map(|(name, members)| Group {
            dn: group(name),
            members: members.into_iter().map(person).collect(),
        });
        let services = |names: &[&str]| names.iter().map(|name| service(name)).collect();
        World {
            persons: persons.collect(),
            groups: groups.collect(),
            source: Source {
                name: source_name(),
                proof: Proof::CreatorsName,
                writers: BTreeSet::new(),
                default_role: None,
                grants: BTreeMap::new(),
                roles: BTreeMap::from([(role_dn("dba"), RoleEntry::Known(Arc::new(dba())))]),
                people: People::default(),
                set_aside: Vec::new(),
                revoked_aside: BTreeMap::new(),
            },
            policy: Policy {
                production: true,
                host: host.clone(),
                guarded: services(&GUARDED),
                background: services(&BACKGROUND),
                exempt: Vec::new(),
                break_glass: BreakGlass::default(),
            },
            host,
            memory: Memory::default(),
            heard: Freshness { heard: Some(at(0)), max_offline: None },
            known: BTreeSet::new(),
        }
    }

    /// A grant of alice's from 0 on, in the role `dba`, two hours long, written by herself at 1000.
    pub fn grant(&mut self, n: u32, edit: impl FnOnce(&mut Grant)) -> &mut Self {
        let mut grant = Grant {
            uuid: uuid(n),
            dn: dn(&format!("cn=g{n},ou=grants,dc=x")),
            id: format!("g{n}"),
            subject: person("alice"),
            role: Some(role_dn("dba")),
            hosts: BTreeSet::from([host("db1.prod.example.com")]),
            services: BTreeSet::new(),
            not_before: None,
            end: End::After(Span(7_200)),
            reason: None,
            ticket: None,
            provenance: written(&person("alice"), 1_000),
        };
        edit(&mut grant);
        let tree = GrantTree { grant: Arc::new(grant), approvals: Vec::new(), revocations: Vec::new() };
        self.source.grants.insert(uuid(n), tree);
        self
    }

    /// An approved grant of alice's with a fixed window, for these services (empty: all).
    pub fn fixed(&mut self, n: u32, start: i64, end: i64, services: &[&str]) -> &mut Self {
        let services = services.iter().map(|name| service(name)).collect();
        self.grant(n, |g| {
            (g.not_before, g.end, g.services) = (Some(at(start)), End::At(at(end)), services);
            g.provenance = written(&person("alice"), 0);
        })
        .approve(n, "bob", 0, |_| {})
    }

    /// The entry of a grant of alice's that cannot be used: it says nothing of hosts.
    pub fn malformed(&mut self, n: u32, id: &str) -> &mut Self {
        self.source.set_aside.push(SetAside {
            dn: dn(&format!("cn={id},ou=grants,dc=x")),
            uuid: Some(uuid(n)),
            kind: EntryKind::Grant,
            attribute: Some("jitHost".to_owned()),
            reason: "jitHost is missing".to_owned(),
            subject: Some(person("alice")),
        });
        self
    }

    pub fn tree(&mut self, n: u32) -> &mut GrantTree {
        self.source.grants.get_mut(&uuid(n)).unwrap_or_else(|| panic!("grant {n}"))
    }

    /// An approval of grant `n` as it stands.
    pub fn approve(&mut self, n: u32, who: &str, when: i64, edit: impl FnOnce(&mut Approval)) -> &mut Self {
        let tree = self.tree(n);
        let count = tree.approvals.len();
        let mut approval = Approval {
            dn: tree.grant.dn.child("cn", &format!("a{count}")).unwrap_or_else(|e| panic!("{e}")),
            approver: person(who),
            digest: digest(&tree.grant),
            not_after: None,
            duration: None,
            signature: Signature::Absent,
            provenance: written(&person(who), when),
        };
        edit(&mut approval);
        tree.approvals.push(approval);
        self
    }

    /// What `who` signs of grant `n` as it stands, with his own key, until long after.
    pub fn signed(&self, n: u32, who: &Dn, when: i64) -> Signed {
        let grant = &self.source.grants[&uuid(n)].grant;
        let principal = who.rdn_value();
        Signed {
            key: format!("SHA256:{principal}"),
            principal,
            approver: who.clone(),
            grant: grant.uuid,
            digest: digest(grant),
            duration: None,
            at: at(when),
            latest_end: at(1_000_000),
        }
    }

    /// An approval of grant `n` as it stands, written and signed.
    pub fn sign(&mut self, n: u32, who: &str, when: i64, edit: impl FnOnce(&mut Signed)) -> &mut Self {
        let mut signed = self.signed(n, &person(who), when);
        edit(&mut signed);
        self.approve(n, who, when, |a| a.signature = Signature::Good(signed))
    }

    /// What became of each approval of grant `n`.
    pub fn heard(&self, n: u32) -> Vec<Outcome> {
        let found = self.assess().into_iter().find(|judged| judged.grant.uuid == uuid(n));
        let heard = found.unwrap_or_else(|| panic!("grant {n}")).heard;
        heard.into_iter().map(|heard| heard.outcome).collect()
    }

    pub fn revoke(&mut self, n: u32, who: Option<&str>, when: Option<i64>) -> &mut Self {
        let tree = self.tree(n);
        let count = tree.revocations.len();
        tree.revocations.push(Revocation {
            dn: tree.grant.dn.child("cn", &format!("r{count}")).unwrap_or_else(|e| panic!("{e}")),
            by: who.map(person),
            at: when.map(at),
            reason: None,
        });
        self
    }

    pub fn role(&mut self, edit: impl FnOnce(&mut Role)) -> &mut Self {
        let mut role = match self.source.roles.get(&role_dn("dba")) {
            Some(RoleEntry::Known(role)) => Role::clone(role),
            Some(RoleEntry::Malformed(_)) | None => dba(),
        };
        edit(&mut role);
        self.source.roles.insert(role_dn("dba"), RoleEntry::Known(Arc::new(role)));
        self
    }

    pub fn members(&mut self, name: &str, members: &[Dn]) -> &mut Self {
        self.groups.retain(|g| g.dn != group(name));
        self.groups.push(Group { dn: group(name), members: members.iter().cloned().collect() });
        self
    }

    /// The source as the directory shows it.
    pub fn source(&self) -> Source {
        let people = People::new(self.persons.clone(), self.groups.clone(), []);
        Source { people, ..self.source.clone() }
    }

    pub fn assess(&self) -> Vec<AssessedGrant> {
        assess(&self.source(), &self.host, &self.memory)
    }

    /// What grant `n` comes to.
    pub fn assessed(&self, n: u32) -> Assessed {
        let found = self.assess().into_iter().find(|judged| judged.grant.uuid == uuid(n));
        found.unwrap_or_else(|| panic!("grant {n}")).assessed
    }

    pub fn refusal(&self, n: u32) -> Option<Refusal> {
        match self.assessed(n) {
            Assessed::Refused(refusal) => Some(refusal),
            Assessed::Pending { .. } | Assessed::Revoked(_) | Assessed::Granted { .. } => None,
        }
    }

    /// Start and end of grant `n`.
    pub fn window(&self, n: u32) -> Option<(i64, i64)> {
        match self.assessed(n) {
            Assessed::Granted { window, .. } => Some((window.start().0, window.end().0)),
            Assessed::Pending { .. } | Assessed::Revoked(_) | Assessed::Refused(_) => None,
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        let source = self.source();
        Snapshot::new(
            self.policy.clone(),
            BTreeMap::from([(source_name(), self.heard.clone())]),
            self.assess().into_iter().map(Arc::new).collect(),
            Aside::of(&source),
            self.known.clone(),
        )
    }

    pub fn ask(&self, who: &str, what: &str, now: i64) -> Verdict {
        decide(&self.snapshot(), &question(who, what), at(now))
    }
}

/// A world with one grant of alice's, which bob approved: live from 2000 to 9200, but for what is changed here.
pub fn approved(edit: impl FnOnce(&mut World)) -> World {
    let mut world = World::new();
    world.grant(1, |_| {}).approve(1, "bob", 2_000, |_| {});
    edit(&mut world);
    world
}

/// As [`approved`], without any approval needed or there.
pub fn unapproved(edit: impl FnOnce(&mut World)) -> World {
    let mut world = World::new();
    world.role(|r| r.approvals_required = 0).grant(1, |_| {});
    edit(&mut world);
    world
}

/// As [`approved`], with signatures as the only proof, and bob's.
pub fn signed(edit: impl FnOnce(&mut World)) -> World {
    let mut world = World::new();
    world.source.proof = Proof::Signature;
    world.grant(1, |_| {}).sign(1, "bob", 2_000, |_| {});
    edit(&mut world);
    world
}

/// For `devs` on `@db` hosts, up to eight hours, one approval by `leads`.
pub fn dba() -> Role {
    Role {
        dn: Some(role_dn("dba")),
        name: "dba".to_owned(),
        hosts: BTreeSet::from([host("@db")]),
        eligible: BTreeSet::from([group("devs")]),
        max_duration: Span(28_800),
        approvals_required: 1,
        approver_groups: BTreeSet::from([group("leads")]),
        approvals_from_each: false,
        signature_required: false,
        services: BTreeSet::new(),
        local_groups: BTreeSet::new(),
        reason_required: false,
        ticket_pattern: None,
    }
}

pub fn question(who: &str, what: &str) -> Question {
    Question {
        service: service(what),
        subject: login(who),
        uid: if who == "root" { 0 } else { 1_001 },
        local: true,
        local_groups: BTreeSet::new(),
        rhost: Some("192.0.2.1".to_owned()),
        tty: Some("ssh".to_owned()),
    }
}
