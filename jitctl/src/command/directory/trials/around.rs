//! What surrounds grants: what the server writes itself, roles, people and groups, the accounts of hosts, and who reads what.

use jit_directory::ldap::admin::{Change, Critical, Operation};

use super::super::attempt::Act;
use super::super::attempt::Must::{Fail, NotForge, Work};
use super::super::attempt::Who::{Approver, Eligible, Host, Nobody, Stranger, Subject};
use super::super::cast::attribute;
use super::{APPROVE, ASK, FIXED, NOTHING_ELSE, PEOPLE, PROXIED, READ, RELAX, REVOKE, ROLES, SERVER, Trials};

/// What the server writes, forged: plainly, and with a control.
const FORGED_AUTHOR: [&str; 2] = [
    "asks as if somebody else had (creatorsName)",
    "asks as if somebody else had (creatorsName, relax control)",
];
const FORGED_TIME: [&str; 2] =
    ["asks as if long ago (createTimestamp)", "asks as if long ago (createTimestamp, relax control)"];
const FORGED_IDENTITY: [&str; 2] = [
    "asks with an identity of his choice (entryUUID)",
    "asks with an identity of his choice (entryUUID, relax control)",
];

impl Trials<'_> {
    /// What the server itself writes.
    pub(super) fn forging(&mut self) {
        let (subject, approver) = (self.cast.person(Subject), self.cast.person(Approver));
        for ([what, relaxed], id, name, value) in [
            (FORGED_AUTHOR, "f1", "creatorsName", approver.as_str()),
            (FORGED_TIME, "f2", "createTimestamp", "20200101000000Z"),
            (FORGED_IDENTITY, "f3", "entryUUID", "00000000-0000-4000-8000-000000000000"),
        ] {
            let grant = self.grant(id, &subject, &[(name, value)]);
            self.add(Subject, what, grant, NotForge(name), SERVER, None);
            let (dn, grant) = self.grant(&format!("{id}r"), &subject, &[(name, value)]);
            let control = Critical { oid: RELAX.to_owned(), value: None };
            let act = Act::Perform(Operation::Add(grant), Some(control));
            self.push(Subject, relaxed, (dn, act), NotForge(name), SERVER, None);
        }
        let whose = Operation::Modify(vec![Change::Replace(attribute("creatorsName", &[&approver]))]);
        let relaxed = Act::Perform(whose, Some(Critical { oid: RELAX.to_owned(), value: None }));
        self.push(
            Subject,
            "says that somebody else wrote his grant (relax control)",
            (self.cast.grant("g2"), relaxed),
            Fail,
            SERVER,
            Some("g2"),
        );
        let as_subject =
            Critical { oid: PROXIED.to_owned(), value: Some(format!("dn:{subject}").into_bytes()) };
        let (dn, grant) = self.grant("f7", &subject, &[]);
        self.push(
            Stranger,
            "asks as somebody else (proxied authorization)",
            (dn, Act::Perform(Operation::Add(grant), Some(as_subject))),
            Fail,
            SERVER,
            None,
        );
        let as_approver =
            Critical { oid: PROXIED.to_owned(), value: Some(format!("dn:{approver}").into_bytes()) };
        let (dn, approval) = self.approval("g2", "f8", Approver, &[]);
        self.push(
            Subject,
            "approves as somebody else (proxied authorization)",
            (dn, Act::Perform(Operation::Add(approval), Some(as_approver))),
            Fail,
            SERVER,
            Some("g2"),
        );
    }

    /// Roles, people and groups.
    pub(super) fn policy(&mut self) {
        let (role, stranger) = (self.cast.role("role"), self.cast.person(Stranger));
        let own = |dn: String, id: &str| self.own_role(dn, id);
        let (among_roles, among_grants) = (own(self.cast.role("r1"), "r1"), own(self.cast.grant("r2"), "r2"));
        let below_grant = own(self.below("g1", "r3"), "r3");
        self.add(Stranger, "writes a role", among_roles, Fail, ROLES, None);
        self.add(Stranger, "writes a role among the grants", among_grants, Fail, NOTHING_ELSE, None);
        self.add(Subject, "writes a role under his grant", below_grant, Fail, NOTHING_ELSE, Some("g1"));
        let none = || Change::Replace(attribute("jitApprovalsRequired", &["0"]));
        let eligible = Change::Add(attribute("jitEligible", &[&stranger]));
        self.change(Approver, "makes his role need no approval", role.clone(), none(), ROLES, None);
        self.change(Subject, "makes the role need no approval", role.clone(), none(), ROLES, None);
        self.change(Stranger, "makes himself eligible", role.clone(), eligible, ROLES, None);
        self.delete(Approver, "deletes his role", role, ROLES, None);
        let member = |group: &str| (self.cast.group(group), Change::Add(attribute("member", &[&stranger])));
        let (approvers, devs) = (member("approvers"), member("devs"));
        self.change(Stranger, "joins the approvers", approvers.0, approvers.1, PEOPLE, None);
        self.change(Stranger, "joins the eligible", devs.0.clone(), devs.1.clone(), PEOPLE, None);
        self.change(Approver, "lets somebody join the eligible", devs.0, devs.1, PEOPLE, None);
        let login = Change::Add(attribute("uid", &[&self.cast.named("root")]));
        self.change(Stranger, "gives himself another login", stranger.clone(), login, PEOPLE, None);
        let password = Change::Replace(attribute("userPassword", &["Aa1-jit-check-stolen"]));
        self.change(
            Stranger,
            "sets somebody else's password",
            self.cast.person(Subject),
            password,
            PEOPLE,
            None,
        );
    }

    pub(super) fn hosts(&mut self) {
        if !self.cast.has_host() {
            return;
        }
        let (g1, person) = (self.cast.grant("g1"), self.cast.person(Subject));
        self.push(
            Host,
            "reads who wrote a grant",
            (g1.clone(), Act::See("creatorsName")),
            Work,
            READ,
            Some("g1"),
        );
        self.push(
            Host,
            "reads what is under a grant",
            (self.below("g1", "a1"), Act::See("jitApprover")),
            Work,
            READ,
            Some("g1"),
        );
        self.push(Host, "reads a role", (self.cast.role("role"), Act::See("jitEligible")), Work, READ, None);
        self.push(
            Host,
            "reads the members of a group",
            (self.cast.group("devs"), Act::See("member")),
            Work,
            PEOPLE,
            None,
        );
        self.push(Host, "reads a password", (person.clone(), Act::See("userPassword")), Fail, PEOPLE, None);
        let (asked, approved) = (self.grant("h1", &person, &[]), self.approval("g1", "h2", Approver, &[]));
        self.add(Host, "asks", asked, Fail, ASK, None);
        self.add(Host, "approves", approved, Fail, APPROVE, Some("g1"));
        let revoked = self.revocation("g4", "h3");
        self.add(Host, "revokes", revoked, Fail, REVOKE, Some("g4"));
        self.change(
            Host,
            "changes a grant",
            g1,
            Change::Add(attribute("jitHost", &["*"])),
            FIXED,
            Some("g1"),
        );
        self.delete(Host, "deletes a grant", self.cast.grant("g4"), FIXED, Some("g4"));
    }

    pub(super) fn reading(&mut self) {
        let g1 = self.cast.grant("g1");
        self.push(Subject, "reads his grant", (g1.clone(), Act::See("creatorsName")), Work, READ, Some("g1"));
        self.push(
            Subject,
            "reads who approved it",
            (self.below("g1", "a1"), Act::See("jitApprover")),
            Work,
            READ,
            Some("g1"),
        );
        self.push(Approver, "reads a grant", (g1.clone(), Act::See("creatorsName")), Work, READ, Some("g1"));
        self.push(
            Eligible,
            "reads the role",
            (self.cast.role("role"), Act::See("jitEligible")),
            Work,
            READ,
            None,
        );
        self.push(
            Stranger,
            "reads somebody else's grant",
            (g1.clone(), Act::See("jitSubject")),
            Fail,
            READ,
            Some("g1"),
        );
        self.push(
            Eligible,
            "reads somebody else's grant",
            (g1, Act::See("jitSubject")),
            Fail,
            READ,
            Some("g1"),
        );
        self.push(Nobody, "reads grants", (self.cast.grants(), Act::SeeBelow), Fail, READ, Some("g1"));
        self.push(
            Nobody,
            "reads a role",
            (self.cast.role("role"), Act::See("jitEligible")),
            Fail,
            READ,
            None,
        );
        self.push(
            Stranger,
            "reads somebody else's password",
            (self.cast.person(Subject), Act::See("userPassword")),
            Fail,
            PEOPLE,
            None,
        );
    }
}
