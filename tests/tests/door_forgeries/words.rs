//! Where creatorsName is the proof: approvals that nobody gave, or not for this.

use jit_tests::company::{START_TLS, altering};
use jit_tests::ldif::{Grant, Ldif, person};
use jit_tests::slapd::Control;
use jit_tests::trouble::Result;

use super::paper::Paper;
use super::trial::Which::{self, Forged, True};
use super::trial::{Forgery, Office};

const PENDING: Forgery = Forgery {
    who: "",
    write: |office, who, _| office.asks(who, "careful"),
    state: "pending",
    refusal: None,
    named: "",
};
const REFUSED: Forgery = Forgery { state: "refused", ..PENDING };

fn forgeries() -> Vec<Forgery> {
    vec![
        Forgery { who: "selfish", write: by_herself, named: "he is the grant's subject", ..PENDING },
        Forgery {
            who: "author",
            write: by_its_author,
            named: "he wrote or last changed the grant",
            ..PENDING
        },
        Forgery {
            who: "stranger",
            write: by_a_stranger,
            named: "he is in none of the role's approver groups",
            ..PENDING
        },
        Forgery { who: "claimed", write: in_anothers_name, named: "it was written by", ..PENDING },
        Forgery { who: "twice", write: twice, named: "the same signer is counted already", ..PENDING },
        Forgery {
            who: "touched",
            write: edited_later,
            named: "it was changed after it was written",
            ..PENDING
        },
        Forgery {
            who: "replayed",
            write: of_another_grant,
            refusal: Some("changed-after-approval"),
            named: "it approves other words than the grant has now",
            ..REFUSED
        },
        Forgery {
            who: "edited",
            write: of_what_was_edited_after,
            refusal: Some("changed-after-approval"),
            named: "it approves other words than the grant has now",
            ..REFUSED
        },
        Forgery {
            who: "ownrole",
            write: under_a_role_of_ones_own,
            refusal: Some("role-missing"),
            named: "does not exist where roles are kept",
            ..REFUSED
        },
    ]
}

#[test]
fn an_approval_that_nobody_gave_opens_nothing() -> Result<()> {
    let forgeries = forgeries();
    Office::of(&forgeries, START_TLS)?.try_all(&forgeries)
}

impl Office {
    /// Somebody approves as himself.
    fn approves(&self, who: &str, paper: &Paper) -> Result<()> {
        self.as_himself(who, &paper.added())
    }
}

fn by_herself(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "judged")?;
    let approver = if which == Forged { who } else { "bob" };
    office.approves(approver, &Paper::of(&grant, approver))?;
    Ok(grant)
}

fn by_its_author(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = jit_tests::company::careful(who);
    office.company.adds("bob", &Ldif::new().grant(&grant))?;
    let approver = if which == Forged { "bob" } else { "carol" };
    office.approves(approver, &Paper::of(&grant, approver))?;
    Ok(grant)
}

fn by_a_stranger(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "careful")?;
    let approver = if which == Forged { "mallory" } else { "bob" };
    office.approves(approver, &Paper::of(&grant, approver))?;
    Ok(grant)
}

fn in_anothers_name(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "careful")?;
    let author = if which == Forged { "mallory" } else { "bob" };
    office.approves(author, &Paper::of(&grant, "bob"))?;
    Ok(grant)
}

fn twice(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "both")?;
    let second = if which == Forged { "bob" } else { "dave" };
    office.approves("bob", &Paper::of(&grant, "bob"))?;
    office.approves(second, &Paper::of(&grant, second).named("once-more"))?;
    Ok(grant)
}

fn edited_later(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "careful")?;
    let paper = Paper::of(&grant, "bob");
    office.approves("bob", &paper)?;
    if which == Forged {
        office.company.alters(&paper.dn(), "add: jitReason\njitReason: and well it should be")?;
    }
    Ok(grant)
}

/// Two requests that differ in their ids alone, and the approval of the one under the other: written by the approver himself, as far
/// as creatorsName can say.
fn of_another_grant(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "careful")?;
    let twin = grant.clone().with("cn", format!("{}-again", grant.id()));
    office.company.adds(who, &Ldif::new().grant(&twin))?;
    let of = if which == Forged { &twin } else { &grant };
    let copy = Paper::of(&grant, "bob").of_words(of.digest());
    office.company.slapd.change_under(Control::As(&person("bob")), &copy.added())?;
    // Out of the way, or it is the other one that the door speaks of.
    office.company.slapd.delete(&twin.dn())?;
    Ok(grant)
}

fn of_what_was_edited_after(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "careful")?;
    let longer = grant.clone().with("jitDuration", "7200");
    let edits = || office.company.alters(&grant.dn(), "replace: jitDuration\njitDuration: 7200");
    match which {
        Forged => {
            office.approves("bob", &Paper::of(&grant, "bob"))?;
            office.company.until_state(&grant, "live")?;
            edits()?;
        }
        True => {
            edits()?;
            office.approves("bob", &Paper::of(&longer, "bob"))?;
        }
    }
    Ok(longer)
}

/// A role that wants nobody's approval: under the grant, or where roles are kept.
fn under_a_role_of_ones_own(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "careful")?;
    let own = match which {
        Forged => format!("cn=mine,{}", grant.dn()),
        True => jit_tests::ldif::role("mine"),
    };
    let entry = [
        ("objectClass", "jitRole"),
        ("cn", "mine"),
        ("jitHost", "*"),
        ("jitEligible", &*person(who)),
        ("jitMaxDuration", "3600"),
        ("jitApprovalsRequired", "0"),
    ];
    office.company.adds(who, &Ldif::new().entry(&own, &entry))?;
    office.as_himself(who, &altering(&grant.dn(), &format!("replace: jitRoleDN\njitRoleDN: {own}")))?;
    Ok(grant.with("jitRoleDN", own))
}
