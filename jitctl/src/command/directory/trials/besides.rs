//! What comes besides: entries that bring more than their class, single values that are added, what stands too deep, and the same for
//! those who are only members of a group or only eligible. Each of these belongs to a line of the rules that nothing else would miss.

use jit_directory::ldap::admin::{Attribute, Change};

use super::super::attempt::Act;
use super::super::attempt::Must::{Fail, Work};
use super::super::attempt::Who::{Approver, Eligible, Elsewhere, Host, Nobody, Stranger, Subject};
use super::super::cast::{HOST, attribute, with};
use super::{APPROVE, ASK, CLASSES, ELIGIBLE, FIXED, FORM, NOTHING_ELSE, OWN_RULES, READ, REVOKE, Trials};
use crate::cli::DirectoryKind;

/// An entry that one can log in as.
const ACCOUNT: [(&str, &str); 2] =
    [("objectClass", "simpleSecurityObject"), ("userPassword", "Aa1-jit-check")];
/// Access rules for what is below.
const RULES: (&str, &str) =
    ("aci", "(targetattr=\"*\")(version 3.0; acl \"jit-check\"; allow (all) userdn=\"ldap:///anyone\";)");

fn but(mut entry: (String, Vec<Attribute>), more: &[(&str, &str)]) -> (String, Vec<Attribute>) {
    with(&mut entry.1, more);
    entry
}

impl Trials<'_> {
    /// Entries that bring more than what they are.
    pub(super) fn bringing(&mut self) {
        let subject = self.cast.person(Subject);
        let asked = |trials: &Self, id: &str, more: &[_]| trials.grant(id, &subject, more);
        let approved = |trials: &Self, id: &str, more: &[_]| trials.approval("g6", id, Approver, more);
        let taken = |trials: &Self, id: &str, more: &[_]| but(trials.revocation("g6", id), more);
        let (grant, approval, revocation) =
            (asked(self, "e1", &ACCOUNT), approved(self, "e2", &ACCOUNT), taken(self, "e3", &ACCOUNT));
        self.add(Subject, "asks with an entry that one can log in as", grant, Fail, CLASSES, None);
        self.add(
            Approver,
            "approves with an entry that one can log in as",
            approval,
            Fail,
            CLASSES,
            Some("g6"),
        );
        self.add(
            Approver,
            "revokes with an entry that one can log in as",
            revocation,
            Fail,
            CLASSES,
            Some("g6"),
        );
        let open = taken(self, "e4", &[("objectClass", "extensibleObject")]);
        let what = "revokes with an entry that may hold anything (extensibleObject)";
        self.add(Subject, what, open, Fail, CLASSES, Some("g6"));
        if self.cast.kind() == DirectoryKind::Ds389 {
            let (grant, approval, revocation) =
                (asked(self, "e5", &[RULES]), approved(self, "e6", &[RULES]), taken(self, "e7", &[RULES]));
            self.add(
                Subject,
                "brings access rules of his own (aci) with a grant",
                grant,
                Fail,
                OWN_RULES,
                None,
            );
            let what = "brings access rules of his own (aci) with an approval";
            self.add(Approver, what, approval, Fail, OWN_RULES, Some("g6"));
            let what = "brings access rules of his own (aci) with a revocation";
            self.add(Subject, what, revocation, Fail, OWN_RULES, Some("g6"));
        }
        let devs = self.cast.group("devs");
        let lawless = self.grant_under("e14", &devs, None, &[]);
        self.add(Subject, "asks for a group under no role", lawless, Fail, FORM, None);
        let open = self.grant("e15", &devs, &[("objectClass", "extensibleObject")]);
        self.add(
            Subject,
            "asks for a group with an entry that may hold anything (extensibleObject)",
            open,
            Fail,
            CLASSES,
            None,
        );
        if self.cast.has_host() {
            let (itself, strangers) = (self.cast.person(Host), self.cast.group("strangers"));
            self.add(Host, "asks for itself", self.grant("e16", &itself, &[]), Fail, ASK, None);
            self.add(
                Host,
                "asks for a group that it is in",
                self.grant("e17", &strangers, &[]),
                Fail,
                ASK,
                None,
            );
        }
        // Eligible by a group alone, under roles that are none.
        let (stranger, strangers) = (self.cast.person(Stranger), self.cast.group("strangers"));
        let (fake, deep) = (self.cast.group("fakegroup"), self.cast.deep_role());
        for (id, role, who, what) in [
            ("e8", &fake, &stranger, "asks under a role that stands elsewhere, eligible by a group"),
            ("e9", &fake, &strangers, "asks for a group under a role that stands elsewhere"),
            ("e10", &deep, &stranger, "asks under a role that stands below a role"),
            ("e11", &deep, &strangers, "asks for a group under a role that stands below a role"),
        ] {
            self.add(Stranger, what, self.grant_under(id, who, Some(role), &[]), Fail, ELIGIBLE, None);
        }
        let (mut approval, mut revocation) =
            (self.approval("g1", "e12", Approver, &[]), self.revocation("g1", "e13"));
        approval.0 = format!("cn={},{}", self.cast.named("e12"), self.below("g1", "a1"));
        revocation.0 = format!("cn={},{}", self.cast.named("e13"), self.below("g1", "a1"));
        self.add(Approver, "puts an approval below an approval", approval, Fail, NOTHING_ELSE, Some("g1"));
        self.add(Subject, "puts a revocation below an approval", revocation, Fail, NOTHING_ELSE, Some("g1"));
    }

    /// One value more, which is not the same right as another value.
    pub(super) fn widening(&mut self) {
        let wider = || Change::Add(attribute("jitHost", &["jit-check-wider.invalid"]));
        let (g1, g3, approval) = (self.cast.grant("g1"), self.cast.grant("g3"), self.below("g1", "a1"));
        let mut whoever = vec![Subject, Approver, Eligible, Stranger, Nobody];
        whoever.extend(self.cast.has_host().then_some(Host));
        for who in whoever {
            if who != Subject {
                self.change(who, "adds a host to a grant", g1.clone(), wider(), FIXED, Some("g1"));
            }
            self.change(who, "adds a host to an approval", approval.clone(), wider(), FIXED, Some("g1"));
        }
        for who in [Subject, Eligible] {
            self.change(who, "adds a host to a group's grant", g3.clone(), wider(), FIXED, Some("g3"));
        }
    }

    /// Those who are not everything at once: only eligible, only in the group.
    pub(super) fn alone(&mut self) {
        let (g3, g4) = (self.cast.grant("g3"), self.cast.grant("g4"));
        self.add(
            Approver,
            "approves somebody else's",
            self.approval("g4", "a4", Approver, &[]),
            Work,
            APPROVE,
            Some("g4"),
        );
        let approval = self.below("g4", "a4");
        for (who, what, dn, attribute, grant) in [
            (Eligible, "reads his grant", g4.clone(), "jitSubject", "g4"),
            (Eligible, "reads the approval of his grant", approval.clone(), "jitApprover", "g4"),
            (Approver, "reads an approval", approval, "jitApprover", "g4"),
            (Eligible, "reads the grant of a group that he is in", g3, "jitSubject", "g3"),
        ] {
            self.push(who, what, (dn, Act::See(attribute)), Work, READ, Some(grant));
        }
        for who in [Stranger, Nobody] {
            let seen = (g4.clone(), Act::See("jitReason"));
            self.push(who, "reads why somebody asked", seen, Fail, READ, Some("g4"));
        }
        self.push(
            Stranger,
            "reads an approval of somebody else's",
            (self.below("g1", "a1"), Act::See("jitApprover")),
            Fail,
            READ,
            Some("g1"),
        );
        for who in [Stranger, Nobody] {
            for (what, dn, act) in [
                ("guesses why somebody asked (compare)", g4.clone(), Act::Guess("jitReason", "throw-away")),
                ("guesses who approved (compare)", self.below("g1", "a1"), Act::Guess("jitHost", HOST)),
                ("sees that somebody asked", g4.clone(), Act::SeeBelow),
                ("sees that somebody approved", self.below("g1", "a1"), Act::SeeBelow),
            ] {
                self.push(who, what, (dn, act), Fail, READ, Some("g4"));
            }
        }
        // 389 Directory Server knows approvers, but not of which role: there they read and revoke all, and the README says so.
        if self.cast.kind() == DirectoryKind::Openldap {
            self.push(
                Elsewhere,
                "reads why somebody asked",
                (g4, Act::See("jitReason")),
                Fail,
                READ,
                Some("g4"),
            );
            self.add(
                Elsewhere,
                "revokes under a role that is not his",
                self.revocation("g4", "u1"),
                Fail,
                REVOKE,
                Some("g4"),
            );
        }
        let whole = self.revocation("g3", "u2");
        let revocation = whole.0.clone();
        self.add(
            Eligible,
            "gives back what was asked for a group that he is in",
            whole,
            Work,
            REVOKE,
            Some("g3"),
        );
        let seen = (revocation.clone(), Act::See("jitHost"));
        self.push(Eligible, "reads that it was given back", seen, Work, READ, Some("g3"));
        if self.cast.has_host() {
            let seen = (revocation.clone(), Act::See("jitHost"));
            self.push(Host, "reads that a grant was given back", seen, Work, READ, Some("g3"));
        }
        let wider = Change::Add(attribute("jitHost", &["jit-check-wider.invalid"]));
        self.change(Eligible, "adds a host to a revocation", revocation.clone(), wider, FIXED, Some("g3"));
        for who in [Nobody, Eligible, Stranger] {
            self.delete(who, "deletes a revocation", revocation.clone(), FIXED, Some("g3"));
        }
        self.add(Eligible, "gives back his own", self.revocation("g4", "u3"), Work, REVOKE, Some("g4"));
        let (stranger, subject) = (self.cast.person(Stranger), self.cast.person(Subject));
        self.add(
            Stranger,
            "asks for himself with somebody else's name besides",
            but(self.grant("u4", &subject, &[]), &[("jitSubject;lang-en", &stranger)]),
            Fail,
            ASK,
            None,
        );
    }
}
