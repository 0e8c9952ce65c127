//! What people write about grants: asking, approving, taking away; and that nothing of it is ever changed.

use jit_directory::ldap::admin::{Change, Operation};

use super::super::attempt::Act;
use super::super::attempt::Must::{Fail, Work};
use super::super::attempt::Who::{Approver, Eligible, Elsewhere, Nobody, Stranger, Subject};
use super::super::cast::attribute;
use super::{
    APPROVE, APPROVER_OF_ROLE, ASK, ELIGIBLE, FIXED, FORM, NOT_ONESELF, NOTHING_ELSE, REVOKE, Trials, law,
};

impl Trials<'_> {
    pub(super) fn asking(&mut self) {
        let cast = self.cast;
        let person = |who| cast.person(who);
        let (subject, stranger, devs) = (person(Subject), person(Stranger), cast.group("devs"));
        self.add(Subject, "asks for himself", self.grant("g1", &subject, &[]), Work, ASK, None);
        self.add(Subject, "asks again", self.grant("g2", &subject, &[]), Work, ASK, None);
        for (what, id) in [("asks a third time", "g6"), ("asks a fourth time", "g7")] {
            self.add(Subject, what, self.grant(id, &subject, &[]), Work, ASK, None);
        }
        self.add(Subject, "asks for a group that he is in", self.grant("g3", &devs, &[]), Work, ASK, None);
        self.add(
            Eligible,
            "asks for himself",
            self.grant("g4", &person(Eligible), &[("jitReason", "throw-away")]),
            Work,
            ASK,
            None,
        );
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

    pub(super) fn approving(&mut self) {
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
        let more = [approval("g2", "a2", Approver), approval("g6", "a3", Approver)];
        self.add(Approver, "approves", first, Work, APPROVE, Some("g1"));
        for (what, approval) in ["approves another", "approves a third"].into_iter().zip(more) {
            self.add(Approver, what, approval, Work, APPROVE, Some("g1"));
        }
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
    pub(super) fn keeping(&mut self) {
        let (g1, g4) = (self.cast.grant("g1"), self.cast.grant("g4"));
        let wider = || Change::Add(attribute("jitHost", &["*"]));
        let longer = || Change::Replace(attribute("jitDuration", &["3600"]));
        self.change(Subject, "widens his grant", g1.clone(), wider(), FIXED, Some("g1"));
        self.change(Subject, "lengthens his grant", g1.clone(), longer(), FIXED, Some("g1"));
        self.change(
            Subject,
            "takes the role off his grant",
            self.cast.grant("g6"),
            Change::Delete(("jitRoleDN".to_owned(), Vec::new())),
            FIXED,
            Some("g6"),
        );
        let whose = Change::Replace(attribute("jitSubject", &[&self.cast.person(Stranger)]));
        self.change(
            Subject,
            "gives his grant to somebody else",
            self.cast.grant("g7"),
            whose,
            FIXED,
            Some("g7"),
        );
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
            rdn: format!("cn={}", self.cast.named("a3")),
            above: Some(self.cast.grant("g2")),
        };
        self.push(
            Approver,
            "moves his approval to another grant",
            (self.below("g6", "a3"), Act::Perform(moved, None)),
            Fail,
            FIXED,
            Some("g2"),
        );
        self.delete(Approver, "deletes his approval", self.below("g2", "a2"), FIXED, Some("g2"));
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

    pub(super) fn taking(&mut self) {
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
