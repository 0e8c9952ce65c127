//! Entries as an admin or a tool would write them, as LDIF (RFC 2849): for the grants file of jitd, and for ldapadd.

use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use jit_model::dn::Dn;
use jit_model::grant::{End, EntryUuid, Provenance};
use jit_model::host::HostPattern;
use jit_model::name::Service;
use jit_model::time::{Span, Timestamp};

/// The directory's base.
pub const BASE: &str = "dc=example,dc=com";

/// Some entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ldif {
    text: String,
}

impl Ldif {
    /// No entries.
    pub fn new() -> Ldif {
        Ldif::default()
    }

    /// The base and the containers that everything else stands in.
    pub fn containers() -> Ldif {
        let unit = |ldif: Ldif, dn: &str, name: &str| {
            ldif.entry(&format!("{dn},{BASE}"), &[("objectClass", "organizationalUnit"), ("ou", name)])
        };
        let base = [
            ("objectClass", "dcObject"),
            ("objectClass", "organization"),
            ("dc", "example"),
            ("o", "example"),
        ];
        let units = [
            ("ou=people", "people"),
            ("ou=groups", "groups"),
            ("ou=jit", "jit"),
            ("ou=roles,ou=jit", "roles"),
            ("ou=grants,ou=jit", "grants"),
        ];
        units.iter().fold(Ldif::new().entry(BASE, &base), |ldif, (dn, name)| unit(ldif, dn, name))
    }

    /// One entry with these attributes; an attribute may be there more than once.
    pub fn entry(mut self, dn: &str, attributes: &[(&str, &str)]) -> Ldif {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "dn: {dn}");
        for (name, value) in attributes {
            let _ = writeln!(self.text, "{name}: {value}");
        }
        self.text.push('\n');
        self
    }

    /// A person.
    pub fn person(self, login: &str) -> Ldif {
        self.entry(
            &person(login),
            &[("objectClass", "inetOrgPerson"), ("uid", login), ("cn", login), ("sn", login)],
        )
    }

    /// A group of these members, by DN.
    pub fn group(self, name: &str, members: &[&str]) -> Ldif {
        let mut attributes = vec![("objectClass", "groupOfNames"), ("cn", name)];
        attributes.extend(members.iter().map(|member| ("member", *member)));
        self.entry(&group(name), &attributes)
    }

    /// A role, with these attributes beyond its name; for at most 8 hours and without approvals unless they say otherwise.
    pub fn role(self, name: &str, attributes: &[(&str, &str)]) -> Ldif {
        let mut all = vec![("objectClass", "jitRole"), ("cn", name)];
        let usual = [("jitMaxDuration", "28800"), ("jitApprovalsRequired", "0")];
        all.extend(usual.iter().filter(|(name, _)| !attributes.iter().any(|(given, _)| given == name)));
        all.extend(attributes);
        self.entry(&role(name), &all)
    }

    /// A grant.
    pub fn grant(self, grant: &Grant) -> Ldif {
        let attributes: Vec<(&str, &str)> =
            grant.0.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.entry(&grant.dn(), &attributes)
    }

    /// `approver`'s approval of a grant as it is now, as he would add it to a directory, which stamps it with the time.
    pub fn approval(self, grant: &Grant, approver: &str) -> Ldif {
        self.approval_entry(grant, approver, &grant.digest(), None)
    }

    /// The same in a file, where the time has to be written.
    pub fn filed_approval(self, grant: &Grant, approver: &str) -> Ldif {
        self.filed_approval_of(grant, approver, &grant.digest())
    }

    /// The same, binding this digest.
    pub fn filed_approval_of(self, grant: &Grant, approver: &str, digest: &str) -> Ldif {
        self.approval_entry(grant, approver, digest, Some(from_now(-30)))
    }

    fn approval_entry(self, grant: &Grant, approver: &str, digest: &str, created: Option<String>) -> Ldif {
        let (name, who) = (format!("by-{approver}"), person(approver));
        let mut attributes = vec![("objectClass", "jitApproval"), ("cn", &name), ("jitGrantDigest", digest)];
        attributes.push(("jitApprover", &who));
        attributes.extend(grant.values("jitHost").map(|host| ("jitHost", host)));
        attributes.extend(created.as_deref().map(|at| ("createTimestamp", at)));
        self.entry(&format!("cn={name},{}", grant.dn()), &attributes)
    }

    /// A revocation of a grant.
    pub fn revocation(self, grant: &Grant) -> Ldif {
        let mut attributes = vec![("objectClass", "jitRevocation"), ("cn", "revoked")];
        attributes.extend(grant.values("jitHost").map(|host| ("jitHost", host)));
        self.entry(&format!("cn=revoked,{}", grant.dn()), &attributes)
    }

    /// Text as it is, broken or not.
    pub fn raw(mut self, text: &str) -> Ldif {
        self.text.push_str(text);
        self
    }
}

impl fmt::Display for Ldif {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A grant to be written: its attributes, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant(Vec<(&'static str, String)>);

impl Grant {
    /// A grant that is live for an hour on the host of [`crate::door`], for a person.
    pub fn live(id: &str, login: &str) -> Grant {
        Grant::of(id, &person(login))
    }

    /// The same for any subject.
    pub fn of(id: &str, subject: &str) -> Grant {
        Grant(vec![
            ("objectClass", "jitGrant".to_owned()),
            ("cn", id.to_owned()),
            ("jitSubject", subject.to_owned()),
            ("jitHost", crate::door::NAME.to_owned()),
            ("jitNotBefore", from_now(-60)),
            ("jitNotAfter", from_now(3600)),
            ("jitReason", format!("the reason of {id}")),
        ])
    }

    /// With this as the attribute's only value.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Grant {
        self.0.retain(|(present, _)| *present != name);
        self.0.push((name, value.into()));
        self
    }

    /// With one more value.
    pub fn and(mut self, name: &'static str, value: impl Into<String>) -> Grant {
        self.0.push((name, value.into()));
        self
    }

    /// From so many seconds from now until so many.
    pub fn between(self, from: i64, until: i64) -> Grant {
        self.with("jitNotBefore", from_now(from)).with("jitNotAfter", from_now(until))
    }

    /// For so many seconds from the last approval it needs, instead of between two times.
    pub fn lasting(mut self, seconds: u32) -> Grant {
        self.0.retain(|(present, _)| !["jitNotBefore", "jitNotAfter"].contains(present));
        self.with("jitDuration", seconds.to_string())
    }

    /// Under this role.
    pub fn under(self, name: &str) -> Grant {
        self.with("jitRoleDN", role(name))
    }

    /// Its cn.
    pub fn id(&self) -> &str {
        self.values("cn").next().unwrap_or_default()
    }

    /// Where it stands.
    pub fn dn(&self) -> String {
        format!("cn={},ou=grants,ou=jit,{BASE}", self.id())
    }

    /// What an approver approves of this grant, in hexadecimal; empty when it is too odd to have a digest.
    pub fn digest(&self) -> String {
        self.read().map(|grant| jit_model::digest::digest(&grant).to_string()).unwrap_or_default()
    }

    fn read(&self) -> Option<jit_model::grant::Grant> {
        let first = |name| self.values(name).next();
        Some(jit_model::grant::Grant {
            uuid: EntryUuid([0; 16]),
            dn: Dn::parse(&self.dn()).ok()?,
            id: self.id().to_owned(),
            subject: Dn::parse(first("jitSubject")?).ok()?,
            role: first("jitRoleDN").map(Dn::parse).transpose().ok()?,
            hosts: self.values("jitHost").filter_map(|host| HostPattern::new(host).ok()).collect(),
            services: self.values("jitService").filter_map(|service| Service::new(service).ok()).collect(),
            not_before: first("jitNotBefore").and_then(seconds),
            end: match first("jitDuration") {
                Some(duration) => End::After(Span(duration.parse().ok()?)),
                None => End::At(seconds(first("jitNotAfter")?)?),
            },
            reason: first("jitReason").map(str::to_owned),
            ticket: first("jitTicket").map(str::to_owned),
            provenance: Provenance::default(),
        })
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(present, _)| *present == name).map(|(_, value)| value.as_str())
    }
}

/// Where a person stands.
pub fn person(login: &str) -> String {
    format!("uid={login},ou=people,{BASE}")
}

/// Where a group stands.
pub fn group(name: &str) -> String {
    format!("cn={name},ou=groups,{BASE}")
}

/// Where a role stands.
pub fn role(name: &str) -> String {
    format!("cn={name},ou=roles,ou=jit,{BASE}")
}

/// So many seconds from now, before it when negative, as GeneralizedTime (RFC 4517 §3.3.13).
pub fn from_now(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    generalized(i64::try_from(now).unwrap_or(i64::MAX).saturating_add(seconds))
}

/// A time of the clock, in seconds since 1970, as GeneralizedTime.
pub fn generalized(at: i64) -> String {
    let (y, mo, d, h, mi, s) = jit_model::text::civil(Timestamp(at));
    format!("{y:04}{mo:02}{d:02}{h:02}{mi:02}{s:02}Z")
}

/// The inverse, of what [`generalized`] writes.
fn seconds(text: &str) -> Option<Timestamp> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse().ok();
    jit_model::text::at_civil(
        text.get(..4)?.parse().ok()?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?,
    )
}
