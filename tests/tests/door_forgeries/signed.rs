//! Where signatures are the proof, or asked for beside creatorsName: those that prove something else than they are shown for.
//! OpenSSH made every one of them.

use jit_tests::company::{START_TLS, Source, altering, free};
use jit_tests::ldif::{Grant, Ldif, from_now, group, person};
use jit_tests::slapd::Control;
use jit_tests::trouble::Result;
use jit_tests::wait::until;

use super::paper::Paper;
use super::signing::{Statement, uuid};
use super::trial::Which::{self, Forged, True};
use super::trial::{Forgery, Office, Writers};

const HOUR: i64 = 3600;

const PENDING: Forgery = Forgery {
    who: "",
    write: |office, who, _| office.asks(who, "sealed"),
    state: "pending",
    refusal: None,
    named: "",
};
const REFUSED: Forgery = Forgery { state: "refused", ..PENDING };

fn forgeries() -> Vec<Forgery> {
    let of = |who, write, named| Forgery { who, write, named, ..PENDING };
    vec![
        of("unsigned", unsigned, "it is not signed"),
        of("pasted", over_other_words, "it does not fit what it is said to sign"),
        of("namespace", for_another_purpose, "it was made for `file`"),
        of("unknown", by_a_key_of_nobodys, "is in no line of the list"),
        of("principal", by_a_key_of_anothers, "is not bob's in the list"),
        of("otherkey", by_a_key_for_other_things, "may not sign approvals"),
        of("expired", by_a_key_that_expired, "was not valid when it signed"),
        Forgery {
            refusal: Some("empty-window"),
            named: "it ends before it begins",
            ..Forgery { who: "backdated", write: by_a_key_that_expired_but_dated_back, ..REFUSED }
        },
        of("othersname", by_somebody_else_of_the_same_key, "its signature is"),
        of("selfish", by_herself, "he is the grant's subject"),
        of("team", by_one_of_them, "the grant is for a group that he is in"),
        of("onekey", by_one_key_under_two_names, "the same signer is counted already"),
        of("replayed", of_a_twin, "its signature is for another grant"),
        of("readded", of_a_grant_that_was_deleted, "its signature is for another grant"),
        Forgery {
            who: "shorter",
            write: of_a_shorter_grant,
            refusal: Some("changed-after-approval"),
            named: "it approves other words than the grant has now",
            ..REFUSED
        },
        Forgery {
            who: "reborn",
            write: of_a_grant_that_came_back,
            refusal: Some("deleted"),
            named: "it was deleted and cannot come back",
            ..REFUSED
        },
    ]
}

/// Whoever wrote the entry.
#[test]
fn a_signature_that_proves_something_else_opens_nothing_where_signatures_are_the_proof() -> Result<()> {
    let forgeries = forgeries();
    Office::of(&forgeries, Source { proof: "signature", ..START_TLS })?.try_all(&forgeries)
}

/// Although the approver wrote the entry himself.
#[test]
fn a_signature_that_proves_something_else_opens_nothing_where_a_role_asks_for_one() -> Result<()> {
    let forgeries = forgeries();
    Office::of(&forgeries, START_TLS)?.try_all(&forgeries)
}

impl Office {
    /// Puts an approval in place: by the approver's own hand, or by an administrator's where that is all the same.
    fn puts(&self, who: &str, paper: &Paper) -> Result<()> {
        match self.writers {
            Writers::Themselves => self.as_himself(who, &paper.added()),
            Writers::Administrator => self.company.slapd.change(&paper.added()),
        }
    }

    /// What bob says of a grant as it is.
    fn says(&self, grant: &Grant) -> Result<Statement> {
        Statement::of(&self.company.slapd, grant, "bob")
    }

    /// bob's approval with a statement that is signed with this key.
    fn approved(&self, grant: Grant, statement: &Statement, key: &str) -> Result<Grant> {
        self.puts("bob", &Paper::of(&grant, "bob").signed(self.keys.sign(statement, key)?))?;
        Ok(grant)
    }
}

fn unsigned(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "sealed")?;
    match which {
        Forged => office.puts("bob", &Paper::of(&grant, "bob")).map(|()| grant),
        True => {
            let statement = office.says(&grant)?;
            office.approved(grant, &statement, "bob")
        }
    }
}

fn over_other_words(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "sealed")?;
    let shown = office.says(&grant)?;
    let mut signed = shown.clone();
    if which == Forged {
        signed.not_after = from_now(HOUR);
    }
    let value = office.keys.paste(&shown, &signed, "bob", "jit-approval")?;
    office.puts("bob", &Paper::of(&grant, "bob").signed(value))?;
    Ok(grant)
}

fn for_another_purpose(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "sealed")?;
    let namespace = if which == Forged { "file" } else { "jit-approval" };
    let value = office.keys.sign_for(&office.says(&grant)?, "bob", namespace)?;
    office.puts("bob", &Paper::of(&grant, "bob").signed(value))?;
    Ok(grant)
}

/// All of bob's words, with one key or the other.
fn with_key(office: &Office, who: &str, which: Which, forged: &str, truly: &str) -> Result<Grant> {
    let grant = office.asks(who, "sealed")?;
    let statement = office.says(&grant)?;
    office.approved(grant, &statement, if which == Forged { forged } else { truly })
}

fn by_a_key_of_nobodys(office: &Office, who: &str, which: Which) -> Result<Grant> {
    with_key(office, who, which, "unknown", "bob")
}

fn by_a_key_of_anothers(office: &Office, who: &str, which: Which) -> Result<Grant> {
    with_key(office, who, which, "carol", "bob")
}

fn by_a_key_for_other_things(office: &Office, who: &str, which: Which) -> Result<Grant> {
    with_key(office, who, which, "git", "twin")
}

fn by_a_key_that_expired(office: &Office, who: &str, which: Which) -> Result<Grant> {
    with_key(office, who, which, "old", "twin")
}

/// As if it had been signed while the key still counted, of a grant that says itself when it ends.
fn by_a_key_that_expired_but_dated_back(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = Grant::of(&format!("grant-of-{who}"), &person(who)).under("sealed");
    office.company.adds(who, &Ldif::new().grant(&grant))?;
    let statement = Statement { at: from_now(-48 * HOUR), ..office.says(&grant)? };
    office.approved(grant, &statement, if which == Forged { "old" } else { "twin" })
}

/// bob and dave share a key: what dave says with it is not bob's word.
fn by_somebody_else_of_the_same_key(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "sealed")?;
    let mut statement = office.says(&grant)?;
    if which == Forged {
        statement.approver = person("dave");
    }
    office.approved(grant, &statement, "shared")
}

fn by_herself(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "sealedjudged")?;
    let (approver, key) = if which == Forged { (who, "selfish") } else { ("bob", "bob") };
    let statement = Statement::of(&office.company.slapd, &grant, approver)?;
    let value = office.keys.sign(&statement, key)?;
    office.puts(approver, &Paper::of(&grant, approver).signed(value))?;
    Ok(grant)
}

/// The subject is a group; bob is in that of the forged one only.
fn by_one_of_them(office: &Office, who: &str, which: Which) -> Result<Grant> {
    assert!(who.starts_with("team") && (which == Forged || who != "team"));
    let grant = free(who).with("jitSubject", group(who)).under("sealed");
    office.company.adds(who, &Ldif::new().grant(&grant))?;
    let statement = office.says(&grant)?;
    office.approved(grant, &statement, "bob")
}

fn by_one_key_under_two_names(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "sealedboth")?;
    let second = if which == Forged { "shared" } else { "dave" };
    for (approver, key) in [("bob", "shared"), ("dave", second)] {
        let statement = Statement::of(&office.company.slapd, &grant, approver)?;
        let value = office.keys.sign(&statement, key)?;
        office.puts(approver, &Paper::of(&grant, approver).signed(value))?;
    }
    Ok(grant)
}

/// Two requests that differ in their ids alone; what was signed for the one is shown for the other, and its digest mended.
fn of_a_twin(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "sealed")?;
    let twin = grant.clone().with("cn", format!("{}-again", grant.id()));
    office.company.adds(who, &Ldif::new().grant(&twin))?;
    let statement = office.says(if which == Forged { &twin } else { &grant })?;
    // Out of the way, or it is the other one that the door speaks of.
    office.company.slapd.delete(&twin.dn())?;
    office.approved(grant, &statement, "bob")
}

fn delete(office: &Office, grant: &Grant) -> Result<()> {
    office.company.slapd.delete(&grant.dn())
}

/// Deleted, and added again with the same words; signed is the first one, or the second.
fn of_a_grant_that_was_deleted(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let first = office.asks(who, "sealed")?;
    let of_the_first = office.says(&first)?;
    delete(office, &first)?;
    let second = office.asks(who, "sealed")?;
    let statement = if which == Forged { of_the_first } else { office.says(&second)? };
    office.approved(second, &statement, "bob")
}

/// Approved, used, deleted; and all of it added again, the entryUUID too, so that the old signature fits.
fn of_a_grant_that_came_back(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, "sealed")?;
    let first = uuid(&office.company.slapd, &grant)?;
    let paper = Paper::of(&grant, "bob").signed(office.keys.sign(&office.says(&grant)?, "bob")?);
    office.puts("bob", &paper)?;
    office.company.until_state(&grant, "live")?;
    if which == True {
        return Ok(grant);
    }
    office.company.slapd.delete(&paper.dn())?;
    delete(office, &grant)?;
    until(jit_tests::door::SOON, "the host has heard of it", || office.company.grant(&grant).is_null())?;
    let again = jit_tests::company::additions(&Ldif::new().grant(&grant));
    let stamps = format!("entryUUID: {first}\ncreatorsName: {0}\nmodifiersName: {0}\n\n", person(who));
    office.company.slapd.change_under(Control::Relax, &format!("{}\n{stamps}", again.trim_end()))?;
    office.puts("bob", &paper)?;
    Ok(grant)
}

/// bob signed ten minutes; an administrator makes an hour of them, and lets the approval's digest say so.
fn of_a_shorter_grant(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let short = free(who).under("sealed").lasting(600);
    office.company.adds(who, &Ldif::new().grant(&short))?;
    let long = short.clone().lasting(3600);
    let statement = office.says(if which == Forged { &short } else { &long })?;
    let longer = altering(&short.dn(), "replace: jitDuration\njitDuration: 3600");
    office.company.slapd.change(&longer)?;
    office.approved(long, &statement, "bob")
}
