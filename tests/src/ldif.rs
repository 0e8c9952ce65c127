//! Entries as an admin or a tool would write them, as LDIF (RFC 2849): for the grants file of jitd, and for ldapadd.

use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

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

    /// A role, with these attributes beyond its name and its longest duration of 8 hours.
    pub fn role(self, name: &str, attributes: &[(&str, &str)]) -> Ldif {
        let mut all = vec![("objectClass", "jitRole"), ("cn", name)];
        if !attributes.iter().any(|(name, _)| *name == "jitMaxDuration") {
            all.push(("jitMaxDuration", "28800"));
        }
        all.extend(attributes);
        self.entry(&role(name), &all)
    }

    /// A grant, with these attributes beyond its id and its subject.
    pub fn grant(self, id: &str, subject: &str, attributes: &[(&str, &str)]) -> Ldif {
        let mut all = vec![("objectClass", "jitGrant"), ("cn", id), ("jitSubject", subject)];
        all.extend(attributes);
        self.entry(&grant(id), &all)
    }

    /// A revocation of a grant on these hosts.
    pub fn revocation(self, id: &str, host: &str) -> Ldif {
        let dn = format!("cn=revoked,{}", grant(id));
        self.entry(&dn, &[("objectClass", "jitRevocation"), ("cn", "revoked"), ("jitHost", host)])
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

/// Where a grant stands.
pub fn grant(id: &str) -> String {
    format!("cn={id},ou=grants,ou=jit,{BASE}")
}

/// So many seconds from now, before it when negative, as GeneralizedTime (RFC 4517 §3.3.13).
pub fn from_now(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    generalized(i64::try_from(now).unwrap_or(i64::MAX).saturating_add(seconds))
}

fn generalized(at: i64) -> String {
    let (y, mo, d, h, mi, s) = jit_model::text::civil(jit_model::time::Timestamp(at));
    format!("{y:04}{mo:02}{d:02}{h:02}{mi:02}{s:02}Z")
}
