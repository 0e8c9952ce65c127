//! Everything that is tried, in order. What must work comes before what rests on it, so that a refusal is never one of an entry that is
//! not there.

use jit_directory::ldap::admin::{Attribute, Change, Critical, Operation};

use super::attempt::{Act, Law, Must, Trial, Who};
use super::cast::{Cast, HOST, attribute};

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
    trials.forging();
    trials.policy();
    trials.hosts();
    trials.reading();
    trials.taking();
    trials.all
}

struct Trials<'a> {
    cast: &'a Cast,
    all: Vec<Trial>,
}

use Must::{Fail, NotForge, Work};
use Who::{Approver, Eligible, Elsewhere, Host, Nobody, Stranger, Subject};

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
        self.push(who, what, (dn, Act::Perform(Operation::Modify(vec![change]), None)), Fail, law, needs);
    }

    fn delete(&mut self, who: Who, what: &'static str, dn: String, law: Law, needs: Option<&str>) {
        self.push(who, what, (dn, Act::Perform(Operation::Delete, None)), Fail, law, needs);
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
            attribute("jitEligible", &[&self.cast.person(Stranger)]),
            attribute("jitApprovalsRequired", &["0"]),
            attribute("jitMaxDuration", &["60"]),
        ];
        (dn, attributes.into())
    }

    fn asking(&mut self) {
        let cast = self.cast;
        let person = |who| cast.person(who);
        let (subject, stranger, devs) = (person(Subject), person(Stranger), cast.group("devs"));
        self.add(Subject, "asks for himself", self.grant("g1", &subject, &[]), Work, ASK, None);
        self.add(Subject, "asks again", self.grant("g2", &subject, &[]), Work, ASK, None);
        self.add(Subject, "asks for a group that he is in", self.grant("g3", &devs, &[]), Work, ASK, None);
        self.add(Eligible, "asks for himself", self.grant("g4", &person(Eligible), &[]), Work, ASK, None);
        self.add(Approver, "asks for himself", self.grant("g5", &person(Approver), &[]), Work, ASK, None);
        self.add(Eligible, "asks for somebody else", self.grant("x1", &subject, &[]), Fail, ASK, None);
        self.add(
            Stranger,
            "asks for a group that he is not in",
            self.grant("x2", &devs, &[]),
            Fail,
            ASK,
            None,
        );
        self.add(
            Stranger,
            "asks under a role without being eligible",
            self.grant("x3", &stranger, &[]),
            Fail,
            ELIGIBLE,
            None,
        );
        let fake = cast.group("fake");
        self.add(
            Stranger,
            "asks under a role that stands elsewhere",
            self.grant_under("x4", &stranger, Some(&fake), &[]),
            Fail,
            ELIGIBLE,
            None,
        );
        self.add(
            Subject,
            "asks under no role",
            self.grant_under("x5", &subject, None, &[]),
            Fail,
            FORM,
            None,
        );
        let two = self.grant("x6", &subject, &[("jitSubject", &person(Eligible))]);
        self.add(
            Subject,
            "asks for two",
            two,
            Fail,
            law("the schema: jitSubject is SINGLE-VALUE", "the schema: jitSubject is SINGLE-VALUE"),
            None,
        );
        let open = self.grant("x7", &subject, &[("objectClass", "extensibleObject")]);
        self.add(
            Subject,
            "asks with an entry that may hold anything (extensibleObject)",
            open,
            Fail,
            FORM,
            None,
        );
        let mut deep = self.grant("x8", &subject, &[]);
        deep.0 = self.below("g1", "x8");
        self.add(Subject, "asks below his grant", deep, Fail, NOTHING_ELSE, Some("g1"));
        self.add(Nobody, "asks", self.grant("x9", &subject, &[]), Fail, ASK, None);
    }

    fn approving(&mut self) {
        let approval = |grant: &str, id: &str, approver| self.approval(grant, id, approver, &[]);
        let (first, group) = (approval("g1", "a1", Approver), approval("g3", "b1", Approver));
        let (own, own_too) = (approval("g1", "b2", Subject), approval("g5", "b3", Approver));
        let (claimed, others, none) =
            (approval("g1", "b4", Subject), approval("g1", "b5", Eligible), approval("g1", "b6", Stranger));
        let elsewhere = approval("g1", "b7", Elsewhere);
        let two = self.approval("g1", "b8", Approver, &[("jitApprover", &self.cast.person(Subject))]);
        let open = self.approval("g1", "b9", Approver, &[("objectClass", "extensibleObject")]);
        let mut top = approval("g1", "b10", Approver);
        top.0 = self.cast.grant("b10");
        let nobody = approval("g1", "b11", Approver);
        self.add(Approver, "approves", first, Work, APPROVE, Some("g1"));
        self.add(
            Approver,
            "approves for a group that he is in himself",
            group,
            Fail,
            NOT_ONESELF,
            Some("g3"),
        );
        self.add(Subject, "approves his own, being an approver too", own, Fail, NOT_ONESELF, Some("g1"));
        self.add(Approver, "approves his own", own_too, Fail, NOT_ONESELF, Some("g5"));
        self.add(Approver, "approves in somebody else's name", claimed, Fail, APPROVE, Some("g1"));
        self.add(Eligible, "approves without being an approver", others, Fail, APPROVE, Some("g1"));
        self.add(Stranger, "approves", none, Fail, APPROVE, Some("g1"));
        self.add(
            Elsewhere,
            "approves under a role that is not his",
            elsewhere,
            Fail,
            APPROVER_OF_ROLE,
            Some("g1"),
        );
        self.add(
            Approver,
            "approves in two names",
            two,
            Fail,
            law("the schema: jitApprover is SINGLE-VALUE", "the schema: jitApprover is SINGLE-VALUE"),
            Some("g1"),
        );
        self.add(
            Approver,
            "approves with an entry that may hold anything (extensibleObject)",
            open,
            Fail,
            law("rule {3} of acl.ldif: its filter", "targattrfilters of `jit: approve` in acl.ldif"),
            Some("g1"),
        );
        self.add(Approver, "puts an approval among the grants", top, Fail, NOTHING_ELSE, None);
        self.add(Nobody, "approves", nobody, Fail, APPROVE, Some("g1"));
    }

    /// Nothing is changed or deleted.
    fn keeping(&mut self) {
        let (g1, g4) = (self.cast.grant("g1"), self.cast.grant("g4"));
        let wider = || Change::Add(attribute("jitHost", &["*"]));
        let longer = || Change::Replace(attribute("jitDuration", &["3600"]));
        self.change(Subject, "widens his grant", g1.clone(), wider(), FIXED, Some("g1"));
        self.change(Subject, "lengthens his grant", g1.clone(), longer(), FIXED, Some("g1"));
        self.change(
            Subject,
            "takes the role off his grant",
            g1.clone(),
            Change::Delete(("jitRoleDN".to_owned(), Vec::new())),
            FIXED,
            Some("g1"),
        );
        let whose = Change::Replace(attribute("jitSubject", &[&self.cast.person(Stranger)]));
        self.change(Subject, "gives his grant to somebody else", g1.clone(), whose, FIXED, Some("g1"));
        self.change(
            Approver,
            "changes a grant that he has approved",
            g1.clone(),
            longer(),
            FIXED,
            Some("g1"),
        );
        self.change(Eligible, "changes somebody else's grant", g1.clone(), longer(), FIXED, Some("g1"));
        self.change(Nobody, "changes a grant", g1.clone(), longer(), FIXED, Some("g1"));
        let rename = |id: &str| Operation::Rename { rdn: format!("cn={}", self.cast.named(id)), above: None };
        let renamed = Act::Perform(rename("g9"), None);
        self.push(Eligible, "renames his grant", (g4.clone(), renamed), Fail, FIXED, Some("g4"));
        self.delete(Eligible, "deletes his grant", g4.clone(), FIXED, Some("g4"));
        self.delete(Approver, "deletes a grant", g4, FIXED, Some("g4"));
        let approval = self.below("g1", "a1");
        let digest = Change::Replace(attribute("jitGrantDigest", &[&"1".repeat(64)]));
        self.change(Approver, "changes his approval", approval.clone(), digest, FIXED, Some("g1"));
        let moved = Operation::Rename {
            rdn: format!("cn={}", self.cast.named("a1")),
            above: Some(self.cast.grant("g2")),
        };
        self.push(
            Approver,
            "moves his approval to another grant",
            (approval.clone(), Act::Perform(moved, None)),
            Fail,
            FIXED,
            Some("g2"),
        );
        self.delete(Approver, "deletes his approval", approval.clone(), FIXED, Some("g1"));
        self.delete(Subject, "deletes an approval", approval, FIXED, Some("g1"));
        let thing =
            [attribute("objectClass", &["device"]), attribute("cn", &[&self.cast.named("d1")])].to_vec();
        self.add(
            Approver,
            "puts something else under a grant",
            (self.below("g1", "d1"), thing),
            Fail,
            NOTHING_ELSE,
            Some("g1"),
        );
    }

    /// What the server itself writes.
    fn forging(&mut self) {
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
    fn policy(&mut self) {
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

    fn hosts(&mut self) {
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

    fn reading(&mut self) {
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

    fn taking(&mut self) {
        let (released, revoked) = (self.revocation("g1", "v1"), self.revocation("g2", "v2"));
        let (others, none, nobody) =
            (self.revocation("g2", "w1"), self.revocation("g2", "w2"), self.revocation("g2", "w3"));
        self.add(Subject, "gives back", released, Work, REVOKE, Some("g1"));
        self.add(Approver, "revokes", revoked, Work, REVOKE, Some("g2"));
        self.add(Eligible, "revokes somebody else's grant", others, Fail, REVOKE, Some("g2"));
        self.add(Stranger, "revokes", none, Fail, REVOKE, Some("g2"));
        self.add(Nobody, "revokes", nobody, Fail, REVOKE, Some("g2"));
        let v2 = self.below("g2", "v2");
        self.delete(Subject, "deletes a revocation", v2.clone(), FIXED, Some("g2"));
        self.delete(Approver, "deletes his revocation", v2.clone(), FIXED, Some("g2"));
        self.change(
            Subject,
            "moves a revocation to other hosts",
            v2,
            Change::Replace(attribute("jitHost", &["elsewhere.invalid"])),
            FIXED,
            Some("g2"),
        );
    }
}

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

fn with(attributes: &mut Vec<Attribute>, more: &[(&str, &str)]) {
    for (name, value) in more {
        match attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(value.as_bytes().to_vec()),
            None => attributes.push(attribute(name, &[value])),
        }
    }
}
