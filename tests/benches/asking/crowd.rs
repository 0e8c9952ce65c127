//! What it costs to see what waits for one's word, when the directory holds very many grants.

use std::time::{Duration, Instant};

use jit_tests::bench::report::{Part, Row, Unit};
use jit_tests::bench::samples::Samples;
use jit_tests::company::laptop::PASSWORDS;
use jit_tests::company::{Company, LDAPS, careful};
use jit_tests::ldif::{Ldif, from_now, person};
use jit_tests::trouble::{Result, Trouble};

use super::Plan;

/// How many grants each person has: one waits, the others were approved once and are over.
const EACH: u32 = 10;

pub(super) fn pending(plan: &Plan) -> Result<Part> {
    let mut rows = Vec::new();
    for (grants, times) in plan.crowds {
        rows.extend(listed(*grants, *times)?);
    }
    Ok(Part {
        title: "What waits, among very many grants".to_owned(),
        rows,
        note: format!(
            "Of {EACH} grants of each person one waits, and the others were approved and are over. The list must show each that waits. \
             ldapsearch asks the same slapd for grants, approvals and revocations as the same person, by its Unix socket and without TLS."
        ),
    })
}

fn listed(grants: u32, times: u32) -> Result<Vec<Row>> {
    let people: Vec<String> = (0..grants / EACH).map(|n| format!("p{n}")).collect();
    let company = Company::new(&["alice"], &crowd(&people), LDAPS)?;
    let laptop = company.laptop(&["bob"], PASSWORDS)?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    let mut shown = 0;
    for _ in 0..times {
        let began = Instant::now();
        let listed = laptop.exec("bob", ["jitctl", "grants", "--pending", "--json"]);
        let listed = listed.deadline(Duration::from_secs(300)).run()?.must()?;
        ours.push(began.elapsed());
        let listed: serde_json::Value = serde_json::from_str(&listed)
            .map_err(|e| Trouble::new(format!("jitctl printed no JSON ({e}): {listed}")))?;
        shown = listed["grants"].as_array().map_or(0, Vec::len);
        if shown != people.len() {
            return Err(Trouble::new(format!("{} wait, but {shown} are listed", people.len())));
        }
        let began = Instant::now();
        company.slapd.search_as(&person("bob"), "bob-secret", "ou=grants,ou=jit,dc=example,dc=com")?;
        floor.push(began.elapsed());
    }
    let (ours, floor) = (Samples::of(ours)?, Samples::of(floor)?);
    let ratio = ours.median() / floor.median();
    Ok(vec![
        Row::times(format!("ldapsearch of {grants} grants"), Unit::Milliseconds, &floor),
        Row::times(format!("jitctl grants --pending, {shown} of {grants} grants"), Unit::Milliseconds, &ours)
            .compared(format!("{ratio:.1} × the row above")),
    ])
}

/// Everybody, and what everybody asked for; loaded as a database is, so that creatorsName is what it was.
fn crowd(people: &[String]) -> Ldif {
    let then = from_now(-86_400);
    let stamped = |author: &str| {
        format!(
            "creatorsName: {author}\nmodifiersName: {author}\ncreateTimestamp: {then}\nmodifyTimestamp: {then}\n\n"
        )
    };
    let add = |ldif: Ldif, entry: Ldif, author: &str| {
        ldif.raw(entry.to_string().trim_end()).raw("\n").raw(&stamped(&person(author)))
    };
    let members: Vec<String> = people.iter().map(|who| person(who)).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let mut ldif = Ldif::new().group("crowd", &members).role(
        "crowded",
        &[
            ("jitHost", "*"),
            ("jitEligible", &jit_tests::ldif::group("crowd")),
            ("jitApprovalsRequired", "1"),
            ("jitApproverGroup", &jit_tests::ldif::group("leads")),
        ],
    );
    for who in people {
        ldif = ldif.person(who);
        for n in 0..EACH {
            let grant = careful(who).with("cn", format!("{who}-{n}")).under("crowded");
            ldif = add(ldif, Ldif::new().grant(&grant), who);
            if n > 0 {
                ldif = add(ldif, Ldif::new().approval(&grant, "bob"), "bob");
            }
        }
    }
    ldif
}
