use super::*;
use crate::person::testing::{
    NOW, OPERATORS, TWO_HOURS, approve, company, grant, later, person, picture, role, take,
};

fn seen(source: &jit_model::source::Source, now: Timestamp) -> Vec<Shown> {
    shown::all(&picture(source), &person("bob"), now)
}

fn words(changes: &[Change]) -> Vec<String> {
    changes
        .iter()
        .map(|change| format!("{} {}", change.change, change.grant.as_ref().map_or("-", |grant| &grant.id)))
        .collect()
}

#[test]
fn changes_are_told_once_and_in_words() {
    let two = |more: &[String]| {
        let mut all = vec![role("ops", OPERATORS, 2, &["leads"], ""), grant("g1", "alice", "ops", TWO_HOURS)];
        all.extend_from_slice(more);
        company(&all)
    };
    let mut source = two(&[]);
    let first = seen(&source, NOW);
    assert_eq!(words(&changes(None, &first, NOW)), ["waiting g1"]);
    assert_eq!(
        words(&changes(Some(&first), &seen(&source, later(60)), later(60))),
        [""; 0],
        "time alone changes nothing"
    );
    approve(&mut source, "g1", "carol", 5);
    let second = seen(&source, NOW);
    let told = changes(Some(&first), &second, NOW);
    assert_eq!(words(&told), ["approved g1"]);
    assert_eq!(told[0].text, "ops for alice on web1.example.com: by carol; needs 1 of leads");
    approve(&mut source, "g1", "bob", 1);
    let third = seen(&source, NOW);
    assert_eq!(words(&changes(Some(&second), &third, NOW)), ["live g1"]);
    take(&mut source, "g1", "carol", "enough");
    let fourth = seen(&source, NOW);
    let told = changes(Some(&third), &fourth, NOW);
    assert_eq!(words(&told), ["revoked g1"]);
    assert!(told[0].text.contains("enough"), "{}", told[0].text);
    let more = seen(&two(&[grant("g2", "alice", "ops", TWO_HOURS)]), NOW);
    let told = changes(Some(&fourth), &more, NOW);
    assert_eq!(words(&told), ["new g1", "new g2"], "what waits again is new again");
    assert!(told[1].text.ends_with("2h: needs 2 of leads, waits for you: deploy"), "{}", told[1].text);
    assert_eq!(words(&changes(Some(&more), &first, NOW)), ["gone g2"]);
}

#[test]
fn a_page_fits_and_says_how_old_it_may_be() {
    let grants: Vec<String> = (0..9).map(|n| grant(&format!("g{n}"), "alice", "ops", TWO_HOURS)).collect();
    let source = company(&[&[role("ops", OPERATORS, 1, &["leads"], "")], grants.as_slice()].concat());
    let mut watching = Watching { grants: Some(seen(&source, NOW)), ..Watching::default() };
    let size = Size { rows: 8, columns: 80 };
    let pending = watching.pending(NOW);
    let lines = page(&watching, &pending, NOW, Colour::Off, size);
    assert_eq!(lines.len(), 8, "{lines:?}");
    assert_eq!(lines[0], "9 wait for approval, 9 for yours   2026-11-22 15:04 UTC");
    assert!(lines[5].contains("more lines: jitctl grants --pending"), "{lines:?}");
    assert_eq!(lines[7], "connecting; Ctrl-C ends");
    watching.trouble = Some("away\nand more".to_owned());
    let lines = page(&watching, &pending, NOW, Colour::Off, size);
    assert_eq!(lines[7], "not followed at the moment, this may be old: away");
    assert!(page(&watching, &[], NOW, Colour::Off, size)[0].starts_with("nothing waits"));
}
