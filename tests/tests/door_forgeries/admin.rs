//! What an administrator of the directory can forge: everything that creatorsName proves. So the controls here are no innocents: each is
//! let in by a forgery, for its role asks for no signature, and the same forgery under a role that does lets nobody in.

use jit_tests::company::{START_TLS, free};
use jit_tests::ldif::{Grant, Ldif, from_now, person};
use jit_tests::slapd::Control;
use jit_tests::trouble::Result;

use super::paper::Paper;
use super::signing::Statement;
use super::trial::{Forgery, Office, Which};

const HOUR: i64 = 3600;

fn forgeries() -> Vec<Forgery> {
    let unsigned =
        |who, write| Forgery { who, write, state: "pending", refusal: None, named: "it is not signed" };
    vec![
        unsigned("relaxed", by_the_relax_control),
        unsigned("proxied", by_proxied_authorization),
        Forgery {
            who: "rewritten",
            write: of_words_made_longer,
            state: "refused",
            refusal: Some("changed-after-approval"),
            named: "it approves other words than the grant has now",
        },
        Forgery {
            who: "renewed",
            write: with_a_later_create_timestamp,
            state: "expired",
            refusal: None,
            named: "expired",
        },
    ]
}

#[test]
fn what_an_administrator_of_the_directory_forges_opens_the_door_unless_signatures_are_required() -> Result<()>
{
    let forgeries = forgeries();
    Office::of(&forgeries, START_TLS)?.try_all(&forgeries)
}

/// The role of a pair: the forgery is the one that meets a role with signatures.
fn role(which: Which) -> &'static str {
    match which {
        Which::Forged => "sealed",
        Which::True => "careful",
    }
}

fn by_the_relax_control(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, role(which))?;
    let paper = Paper::of(&grant, "bob").stamped("bob", &from_now(-5));
    office.company.slapd.change_under(Control::Relax, &paper.added())?;
    Ok(grant)
}

fn by_proxied_authorization(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = office.asks(who, role(which))?;
    let paper = Paper::of(&grant, "bob");
    office.company.slapd.change_under(Control::As(&person("bob")), &paper.added())?;
    Ok(grant)
}

/// bob approved ten minutes; the administrator makes an hour of it, and lets the approval say so, too.
fn of_words_made_longer(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let short = free(who).under(role(which)).lasting(600);
    office.company.adds(who, &Ldif::new().grant(&short))?;
    let signature = office.keys.sign(&Statement::of(&office.company.slapd, &short, "bob")?, "bob")?;
    let paper = Paper::of(&short, "bob").signed(signature);
    office.as_himself("bob", &paper.added())?;
    office.company.until_state(&short, "live")?;
    let long = short.clone().lasting(3600);
    let relaxed = |ldif: String| office.company.slapd.change_under(Control::Relax, &ldif);
    relaxed(format!(
        "dn: {}\nchangetype: modify\nreplace: jitDuration\njitDuration: 3600\n-\nreplace: modifiersName\nmodifiersName: {}\n\n",
        short.dn(),
        person(who)
    ))?;
    let stamp = from_now(-5);
    relaxed(format!("dn: {}\nchangetype: delete\n\n", paper.dn()))?;
    relaxed(paper.of_words(long.digest()).stamped("bob", &stamp).added())?;
    Ok(long)
}

/// An hour that was approved three hours ago, by an approval that says it was written just now.
fn with_a_later_create_timestamp(office: &Office, who: &str, which: Which) -> Result<Grant> {
    let grant = free(who).under(role(which));
    let (then, now) = (from_now(-3 * HOUR), from_now(-5));
    let (author, mut asked) = (person(who), String::new());
    for line in Ldif::new().grant(&grant).to_string().trim_end().lines() {
        asked.push_str(line);
        asked.push('\n');
        if line.starts_with("dn: ") {
            asked.push_str("changetype: add\n");
        }
    }
    let stamps = format!(
        "creatorsName: {author}\nmodifiersName: {author}\ncreateTimestamp: {then}\nmodifyTimestamp: {then}\n\n"
    );
    office.company.slapd.change_under(Control::Relax, &(asked + &stamps))?;
    let statement = Statement {
        at: then,
        not_after: from_now(HOUR),
        ..Statement::of(&office.company.slapd, &grant, "bob")?
    };
    let paper = Paper::of(&grant, "bob").signed(office.keys.sign(&statement, "bob")?);
    office.company.slapd.change_under(Control::Relax, &paper.stamped("bob", &now).added())?;
    Ok(grant)
}
