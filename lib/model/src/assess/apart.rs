//! Who may not approve a grant, whatever groups he is in: two people must agree, so never the subject and never one who wrote it.
//!
//! One name is one person wherever his entry stands, so `uid=alice,ou=admins` does not approve for `uid=alice,ou=people`. Nor does he for
//! an entry of another name that has his login: what an entry is called, and what login it holds, is the directory's to say, and the login
//! is what opens the door.

use std::collections::BTreeSet;

use super::eligibility::Membership;
use super::evidence::Asked;
use crate::dn::Dn;
use crate::grant::Grant;
use crate::heard::Ignored;

/// Who may not approve one grant.
pub(super) struct Apart<'a> {
    subject: &'a Dn,
    /// The subject's login, in lower case, if it is a person.
    login: Option<String>,
    authors: Vec<&'a Dn>,
    /// The names and logins of everybody in the group that a grant is for, where approvals must be signed. Who wrote the grant rests on the
    /// directory's word, and one of them who wrote it must not sign it, too, because the directory names somebody else.
    them: BTreeSet<String>,
}

impl<'a> Apart<'a> {
    pub(super) fn of(grant: &'a Grant, asked: Asked, members: &Membership<'_>) -> Apart<'a> {
        Apart {
            subject: &grant.subject,
            login: members.login(&grant.subject),
            authors: [&grant.provenance.creator, &grant.provenance.modifier].into_iter().flatten().collect(),
            them: if asked.signatures() { members.names_in(&grant.subject) } else { BTreeSet::new() },
        }
    }

    /// Whether `approver` may approve the grant for all that is known here.
    pub(super) fn check(&self, approver: &Dn) -> Result<(), Ignored> {
        let name = approver.rdn_value();
        let is_he = |other: &Dn| approver == other || name == other.rdn_value();
        if is_he(self.subject) || self.login.as_ref() == Some(&name) {
            Err(Ignored::OwnGrant)
        } else if self.authors.iter().any(|author| is_he(author)) {
            Err(Ignored::OwnWords)
        } else if self.them.contains(&name) {
            Err(Ignored::OneOfThem)
        } else {
            Ok(())
        }
    }
}
