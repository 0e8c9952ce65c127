//! The throw-away cast: people, groups, roles and a host account that an administrator makes under the real bases and takes away again.
//! All their names begin with `jit-check-` and 16 random digits, and nothing is ever deleted but these, and among grants only what they
//! wrote or what is for them. The roles are for a host that does
//! not exist, so that no real one is concerned.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;

use jit_directory::decode::Bases;
use jit_directory::ldap::admin::{Admin, Attribute, Change, Operation, Reach, Shown};
use jit_directory::ldap::{Bind, Cause, LdapConfig, Secret, Trouble};
use jit_model::dn::Dn;

use super::attempt::Who;
use crate::cli::DirectoryKind;

/// How all names begin.
const MARK: &str = "jit-check-";
/// What says by whom or for whom an entry is.
const WHOSE: [&str; 4] = ["creatorsName", "jitSubject", "jitApprover", "jitEligible"];
/// A host that no machine answers to (RFC 6761).
pub(super) const HOST: &str = "jit-check.invalid";

/// The cast, as it is to be made.
pub(super) struct Cast {
    bases: Bases,
    login: String,
    kind: DirectoryKind,
    tag: String,
    password: String,
    /// Where accounts of hosts stand, if there is such a place.
    hosts: Option<Dn>,
}

impl Cast {
    /// With new random names and a new password.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(super) fn new(config: &LdapConfig, kind: DirectoryKind, hosts: Option<Dn>) -> std::io::Result<Cast> {
        Ok(Cast {
            bases: config.bases.clone(),
            login: config.login_attribute.clone(),
            kind,
            tag: format!("{MARK}{}", random(8)?),
            // With every kind of character that a policy may ask for.
            password: format!("Aa1-{}", random(16)?),
            hosts,
        })
    }

    /// What kind of server it is for.
    pub(super) fn kind(&self) -> DirectoryKind {
        self.kind
    }

    /// Whether there is a host among them.
    pub(super) fn has_host(&self) -> bool {
        self.hosts.is_some()
    }

    /// A name of the cast's own.
    pub(super) fn named(&self, id: &str) -> String {
        format!("{}-{id}", self.tag)
    }

    /// Somebody's name.
    pub(super) fn person(&self, who: Who) -> String {
        match (who, &self.hosts) {
            (Who::Host, Some(hosts)) => format!("cn={},{hosts}", self.named(who.id())),
            _ => format!("{}={},{}", self.login, self.named(who.id()), self.bases.people),
        }
    }

    /// A group's name.
    pub(super) fn group(&self, id: &str) -> String {
        format!("cn={},{}", self.named(id), self.bases.groups)
    }

    /// A role's name.
    pub(super) fn role(&self, id: &str) -> String {
        format!("cn={},{}", self.named(id), self.bases.roles)
    }

    /// The name of a role that stands too deep.
    pub(super) fn deep_role(&self) -> String {
        format!("cn={},{}", self.named("deep"), self.role("other"))
    }

    /// A grant's name.
    pub(super) fn grant(&self, id: &str) -> String {
        format!("cn={},{}", self.named(id), self.bases.grants)
    }

    /// Where grants stand.
    pub(super) fn grants(&self) -> String {
        self.bases.grants.to_string()
    }

    /// How somebody binds.
    pub(super) fn bind(&self, who: Who) -> Option<Bind> {
        if who == Who::Nobody {
            return Some(Bind::Anonymous);
        }
        let dn = Dn::parse(&self.person(who)).ok()?;
        Some(Bind::Password { dn, password: Secret::new(self.password.clone()) })
    }

    /// All entries, in the order in which they are made.
    fn entries(&self) -> Vec<(String, Vec<Attribute>)> {
        let mut entries = Vec::new();
        let people = [Who::Subject, Who::Eligible, Who::Approver, Who::Elsewhere, Who::Stranger];
        for who in people {
            let attributes = [
                attribute("objectClass", &["account", "simpleSecurityObject"]),
                attribute(self.login.as_str(), &[&self.named(who.id())]),
                attribute("userPassword", &[&self.password]),
            ];
            entries.push((self.person(who), attributes.into()));
        }
        let member = |id: &str, members: &[Who]| {
            let names: Vec<String> = members.iter().map(|who| self.person(*who)).collect();
            let attributes = [
                attribute("objectClass", &["groupOfNames"]),
                attribute("cn", &[&self.named(id)]),
                attribute("member", &names.iter().map(String::as_str).collect::<Vec<_>>()),
            ];
            (self.group(id), attributes.into())
        };
        entries.push(member("devs", &[Who::Subject, Who::Eligible, Who::Approver]));
        entries.push(member("approvers", &[Who::Subject, Who::Approver]));
        entries.push(member("others", &[Who::Elsewhere]));
        let strangers: &[Who] = if self.has_host() { &[Who::Stranger, Who::Host] } else { &[Who::Stranger] };
        entries.push(member("strangers", strangers));
        let role = |dn: String, id: &str, eligible: &str, approvers: &str| {
            let attributes = [
                attribute("objectClass", &["jitRole"]),
                attribute("cn", &[&self.named(id)]),
                attribute("jitHost", &[HOST]),
                attribute("jitEligible", &[eligible]),
                attribute("jitApproverGroup", &[approvers]),
                attribute("jitApprovalsRequired", &["1"]),
                attribute("jitMaxDuration", &["3600"]),
                attribute("description", &["throw-away role of `jitctl directory check`"]),
            ];
            (dn, attributes.into())
        };
        let (devs, approvers, others) = (self.group("devs"), self.group("approvers"), self.group("others"));
        entries.push(role(self.role("role"), "role", &devs, &approvers));
        entries.push(role(self.role("other"), "other", &devs, &others));
        // Roles where none counts: for whoever may write somewhere else in the directory.
        let strangers = self.group("strangers");
        entries.push(role(self.group("fake"), "fake", &self.person(Who::Stranger), &strangers));
        entries.push(role(self.group("fakegroup"), "fakegroup", &strangers, &strangers));
        entries.push(role(self.deep_role(), "deep", &strangers, &strangers));
        if self.has_host() {
            let attributes = [
                attribute("objectClass", &["device", "simpleSecurityObject"]),
                attribute("cn", &[&self.named("host")]),
                attribute("userPassword", &[&self.password]),
            ];
            entries.push((self.person(Who::Host), attributes.into()));
        }
        entries
    }

    /// Makes them.
    ///
    /// # Errors
    /// When the administrator may not.
    pub(super) async fn make(&self, admin: &mut Admin) -> Result<(), Trouble> {
        for (dn, attributes) in self.entries() {
            admin.perform(&dn, &Operation::Add(attributes), None).await?;
        }
        if self.kind == DirectoryKind::Ds389 {
            let members = ["approvers", "others"].map(|id| self.group(id).into_bytes()).to_vec();
            let change = Operation::Modify(vec![Change::Add(("member".to_owned(), members))]);
            admin.perform(&self.approvers(), &change, None).await?;
        }
        Ok(())
    }

    /// The group by which the access rules of 389 Directory Server know approvers.
    fn approvers(&self) -> String {
        format!("cn=jit-approvers,{}", self.bases.groups)
    }

    /// Takes away everything that this run, or an earlier one that was cut short, has left. Says how much that was.
    ///
    /// # Errors
    /// When something cannot be taken away, with its name.
    pub(super) async fn tidy(&self, admin: &mut Admin) -> Result<usize, Trouble> {
        let mut gone = 0;
        if self.kind == DirectoryKind::Ds389 {
            gone += self.leave_approvers(admin).await?;
        }
        let hosts = self.hosts.iter();
        let bases = [&self.bases.grants, &self.bases.roles, &self.bases.groups, &self.bases.people];
        for base in bases.into_iter().chain(hosts) {
            let filter = format!("(|(cn={MARK}*)({}={MARK}*))", self.login);
            let found = admin.search(&base.to_string(), Reach::Subtree, &filter, &WHOSE).await?;
            let mut names: Vec<Dn> = if *base == self.bases.grants {
                self.written(admin, &found).await?
            } else {
                found.iter().filter_map(|entry| Dn::parse(&entry.dn).ok()).filter(is_ours).collect()
            };
            // What hangs below comes first.
            names.sort_by_key(|dn| std::cmp::Reverse(dn.to_string().matches(',').count()));
            for name in names {
                match admin.perform(name.as_str(), &Operation::Delete, None).await {
                    Ok(()) => gone += 1,
                    Err(Trouble { cause: Cause::Refused { code: 32, .. }, .. }) => {}
                    Err(trouble) => return Err(trouble),
                }
            }
        }
        Ok(gone)
    }

    /// What the cast has written about grants: named so, and by or for one of the cast; and whatever stands below. The name alone says
    /// nothing there, for people choose it themselves: what somebody else has written must stay.
    async fn written(&self, admin: &mut Admin, found: &[Shown]) -> Result<Vec<Dn>, Trouble> {
        let mut names = BTreeSet::new();
        for entry in found {
            let Some(dn) = Dn::parse(&entry.dn).ok().filter(is_ours) else { continue };
            let by_one_of_the_cast =
                |name: &&str| entry.texts(name).any(|who| Dn::parse(who).is_ok_and(|who| is_ours(&who)));
            if !WHOSE.iter().any(by_one_of_the_cast) {
                continue;
            }
            let below = admin.search(dn.as_str(), Reach::Subtree, "(objectClass=*)", &["1.1"]).await?;
            names.extend(below.iter().filter_map(|entry| Dn::parse(&entry.dn).ok()));
        }
        Ok(names.into_iter().collect())
    }

    async fn leave_approvers(&self, admin: &mut Admin) -> Result<usize, Trouble> {
        let group = self.approvers();
        let Some(entry) = admin.entry(&group, &["member"]).await? else { return Ok(0) };
        let left: Vec<Vec<u8>> = entry
            .texts("member")
            .filter(|member| Dn::parse(member).is_ok_and(|dn| is_ours(&dn)))
            .map(|member| member.as_bytes().to_vec())
            .collect();
        if left.is_empty() {
            return Ok(0);
        }
        let change = Operation::Modify(vec![Change::Delete(("member".to_owned(), left.clone()))]);
        admin.perform(&group, &change, None).await?;
        Ok(left.len())
    }
}

/// Whether a name is one of ours: the mark and 16 hexadecimal digits.
fn is_ours(dn: &Dn) -> bool {
    let value = dn.rdn_value();
    let Some(rest) = value.strip_prefix(MARK) else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    digits == 16 && rest.as_bytes().get(16) == Some(&b'-')
}

/// An attribute.
pub(super) fn attribute(name: &str, values: &[&str]) -> Attribute {
    (name.to_owned(), values.iter().map(|value| value.as_bytes().to_vec()).collect())
}

/// More values, of attributes that may be there already.
pub(super) fn with(attributes: &mut Vec<Attribute>, more: &[(&str, &str)]) {
    for (name, value) in more {
        match attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(value.as_bytes().to_vec()),
            None => attributes.push(attribute(name, &[value])),
        }
    }
}

/// So many random bytes, in hexadecimal.
fn random(bytes: usize) -> std::io::Result<String> {
    let mut buffer = vec![0; bytes];
    File::open("/dev/urandom")?.read_exact(&mut buffer)?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_ours_is_taken_away() {
        let ours = |name: &str| is_ours(&Dn::parse(name).unwrap());
        assert!(ours("cn=jit-check-0123456789abcdef-role,ou=roles,dc=x"));
        for other in [
            "cn=jit-check-me,ou=roles,dc=x",
            "cn=jit-check-0123456789abcdef,ou=roles,dc=x",
            "cn=jit-check-0123456789abcde-g,ou=roles,dc=x",
            "cn=web-ops,cn=jit-check-0123456789abcdef-g,dc=x",
        ] {
            assert!(!ours(other), "{other}");
        }
    }
}
