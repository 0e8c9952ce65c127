//! Everything that is tried, in order. What must work comes before what rests on it, so that a refusal is never one of an entry that is
//! not there.

mod around;
mod besides;
mod writing;

use jit_directory::ldap::admin::{Attribute, Change, Operation};

use super::attempt::{Act, Law, Must, Trial, Who};
use super::cast::{Cast, HOST, attribute, with};

/// OpenLDAP's relax control, and proxied authorization (RFC 4370).
const RELAX: &str = "1.3.6.1.4.1.4203.666.5.12";
const PROXIED: &str = "2.16.840.1.113730.3.4.18";

const fn law(openldap: &'static str, ds389: &'static str) -> Law {
    Law { openldap, ds389: Some(ds389) }
}

/// A rule that 389 Directory Server has no words for.
const fn hosts_prove(openldap: &'static str) -> Law {
    Law { openldap, ds389: None }
}

const ASK: Law = law(
    "rules {0} and {1} of acl.ldif: `add` by the sets that tie jitSubject to `user`",
    "`jit: ask for oneself` and `jit: ask for a group that one is in` of acl.ldif: ($attr.jitSubject)",
);
const ELIGIBLE: Law =
    hosts_prove("rule {1} of acl.ldif: its sets take jitEligible from a jitRole one below ou=roles alone");
const FORM: Law = law(
    "rule {1} of acl.ldif: filter= excludes extensibleObject, and the sets want jitRoleDN",
    "targetfilter and targattrfilters of `jit: ask …` in acl.ldif",
);
const APPROVE: Law = law(
    "rules {2} and {3} of acl.ldif: `add` by the set that ties jitApproverGroup and jitApprover to `user`",
    "`jit: approve` of acl.ldif: members of cn=jit-approvers, and ($attr.jitApprover)",
);
const APPROVER_OF_ROLE: Law =
    hosts_prove("rule {3} of acl.ldif: `add` by members of the approver groups of the grant's own role");
const NOT_ONESELF: Law = law(
    "rule {3} of acl.ldif: the lines with jitSubject and creatorsName stand before the one with `add`",
    "`jit: approve` of acl.ldif: `and not (userattr=\"parent[1].…\")`",
);
const REVOKE: Law = law("rules {2} and {4} of acl.ldif", "`jit: revoke` of acl.ldif");
const FIXED: Law = law(
    "no rule of acl.ldif gives more than `add` or `read`, and no rule before them speaks of ou=jit; olcAddContentAcl is FALSE",
    "`jit: nobody changes or deletes` of acl.ldif",
);
const NOTHING_ELSE: Law = law(
    "rules {1}, {3}, {4} and {5} of acl.ldif: `add` on entry by class, and none for others",
    "`jit: nothing else below a grant` of acl.ldif",
);
const CLASSES: Law = law(
    "olcDitContentRules in jit.ldif: a grant, an approval and a revocation take no other class; and the filters of acl.ldif",
    "targattrfilters of `jit: ask …`, `jit: approve` and `jit: revoke` in acl.ldif",
);
const OWN_RULES: Law =
    law("OpenLDAP has no such attribute", "`jit: nobody brings rules of his own` of acl.ldif");
const ROLES: Law = law(
    "rule {7} of acl.ldif: roles are read, and written by the rootdn alone",
    "no rule gives `write` or `add` below ou=roles",
);
const PEOPLE: Law = law(
    "your own rules, or acl-people.ldif: nobody writes people and groups but who makes them",
    "your own rules: nobody writes people and groups but who makes them",
);
const READ: Law = law(
    "rule {6} of acl.ldif: hosts, the subject, and approvers of the role read; then `by * none`",
    "`jit: subjects read`, `jit: approvers read` and `jit: hosts read` of acl.ldif, and no rule above them that shows more",
);
const SERVER: Law = law(
    "the server itself: nobody but the rootdn has `manage` (relax), and olcAuthzPolicy is none",
    "the server itself: no rule gives `proxy`",
);

/// All of them.
pub(super) fn all(cast: &Cast) -> Vec<Trial> {
    let mut trials = Trials { cast, all: Vec::new() };
    trials.asking();
    trials.approving();
    trials.keeping();
    trials.bringing();
    trials.widening();
    trials.forging();
    trials.policy();
    trials.hosts();
    trials.reading();
    trials.alone();
    trials.taking();
    trials.all
}

struct Trials<'a> {
    cast: &'a Cast,
    all: Vec<Trial>,
}

impl Trials<'_> {
    fn push(
        &mut self,
        who: Who,
        what: &'static str,
        (dn, act): (String, Act),
        must: Must,
        law: Law,
        needs: Option<&str>,
    ) {
        let needs = needs.map(|id| self.cast.grant(id));
        self.all.push(Trial { who, what, dn, act, must, law, needs });
    }

    fn add(
        &mut self,
        who: Who,
        what: &'static str,
        (dn, attributes): (String, Vec<Attribute>),
        must: Must,
        law: Law,
        needs: Option<&str>,
    ) {
        self.push(who, what, (dn, Act::Perform(Operation::Add(attributes), None)), must, law, needs);
    }

    fn change(
        &mut self,
        who: Who,
        what: &'static str,
        dn: String,
        change: Change,
        law: Law,
        needs: Option<&str>,
    ) {
        self.push(
            who,
            what,
            (dn, Act::Perform(Operation::Modify(vec![change]), None)),
            Must::Fail,
            law,
            needs,
        );
    }

    fn delete(&mut self, who: Who, what: &'static str, dn: String, law: Law, needs: Option<&str>) {
        self.push(who, what, (dn, Act::Perform(Operation::Delete, None)), Must::Fail, law, needs);
    }

    fn grant(&self, id: &str, subject: &str, more: &[(&str, &str)]) -> (String, Vec<Attribute>) {
        self.grant_under(id, subject, Some(&self.cast.role("role")), more)
    }

    fn grant_under(
        &self,
        id: &str,
        subject: &str,
        role: Option<&str>,
        more: &[(&str, &str)],
    ) -> (String, Vec<Attribute>) {
        let mut attributes = vec![
            attribute("objectClass", &["jitGrant"]),
            attribute("cn", &[&self.cast.named(id)]),
            attribute("jitSubject", &[subject]),
            attribute("jitHost", &[HOST]),
            attribute("jitDuration", &["60"]),
        ];
        attributes.extend(role.map(|role| attribute("jitRoleDN", &[role])));
        with(&mut attributes, more);
        (self.cast.grant(id), attributes)
    }

    fn below(&self, grant: &str, id: &str) -> String {
        format!("cn={},{}", self.cast.named(id), self.cast.grant(grant))
    }

    fn approval(
        &self,
        grant: &str,
        id: &str,
        approver: Who,
        more: &[(&str, &str)],
    ) -> (String, Vec<Attribute>) {
        let mut attributes = vec![
            attribute("objectClass", &["jitApproval"]),
            attribute("cn", &[&self.cast.named(id)]),
            attribute("jitApprover", &[&self.cast.person(approver)]),
            attribute("jitHost", &[HOST]),
            attribute("jitGrantDigest", &[&"0".repeat(64)]),
        ];
        with(&mut attributes, more);
        (self.below(grant, id), attributes)
    }

    fn revocation(&self, grant: &str, id: &str) -> (String, Vec<Attribute>) {
        let attributes = [
            attribute("objectClass", &["jitRevocation"]),
            attribute("cn", &[&self.cast.named(id)]),
            attribute("jitHost", &[HOST]),
        ];
        (self.below(grant, id), attributes.into())
    }

    fn own_role(&self, dn: String, id: &str) -> (String, Vec<Attribute>) {
        let attributes = [
            attribute("objectClass", &["jitRole"]),
            attribute("cn", &[&self.cast.named(id)]),
            attribute("jitHost", &[HOST]),
            attribute("jitEligible", &[&self.cast.person(Who::Stranger)]),
            attribute("jitApprovalsRequired", &["0"]),
            attribute("jitMaxDuration", &["60"]),
        ];
        (dn, attributes.into())
    }
}
