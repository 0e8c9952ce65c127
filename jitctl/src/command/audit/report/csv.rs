//! A report as comma-separated values (RFC 4180), a session each line. A cell that a spreadsheet would take for a formula (it begins with
//! `=`, `+`, `-`, `@`, a tab or a carriage return) has `'` before it, and so has what would begin one behind a `;`, which is what separates
//! cells where the comma is decimal; what could act on a terminal is written out as elsewhere.

use jit_control::audit::{Grant, Session, Word};
use jit_model::text::rfc3339;
use jit_model::time::Timestamp;

use super::approvers;
use crate::terminal::clean;

const HEADING: [&str; 26] = [
    "host",
    "boot",
    "kind",
    "session",
    "user",
    "uid",
    "service",
    "target",
    "from",
    "begin",
    "end",
    "state",
    "end_code",
    "ended_by",
    "verdict",
    "code",
    "why",
    "until",
    "standing",
    "grant",
    "role",
    "approvers",
    "reason",
    "ticket",
    "key",
    "within",
];

/// The lines, with a heading.
pub(super) fn of(sessions: &[Session]) -> String {
    let mut text = line(HEADING.map(str::to_owned));
    for session in sessions {
        text.push_str(&line(cells(session)));
    }
    text
}

fn cells(session: &Session) -> [String; 26] {
    let time = |at: Option<i64>| at.map(|at| rfc3339(Timestamp(at))).unwrap_or_default();
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let some = |word: &Option<Word>| word.as_deref().unwrap_or_default().to_owned();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let grants = |tell: &dyn Fn(&Grant) -> String| {
        let told: Vec<String> = session.grants.iter().map(|grant| tell(grant)).collect();
        match told.iter().all(String::is_empty) {
            true => String::new(),
            false => told.join(" | "),
        }
    };
    [
        session.host.to_string(),
        session.boot.to_string(),
        session.kind.to_string(),
        some(&session.id),
        session.user.to_string(),
        number(session.uid),
        session.service.to_string(),
        some(&session.target),
        some(&session.from),
        time(Some(session.begin)),
        time(session.end),
        session.state.to_string(),
        some(&session.end_code),
        number(session.ended_by),
        session.verdict.to_string(),
        session.code.to_string(),
        session.why.to_string(),
        time(session.until),
        some(&session.standing),
        grants(&|grant| grant.id.clone()),
        grants(&|grant| text(&grant.role)),
        grants(&approvers),
        grants(&|grant| text(&grant.reason)),
        grants(&|grant| text(&grant.ticket)),
        some(&session.key),
        some(&session.within),
    ]
}

fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|text| cell(&text)).collect();
    format!("{}\r\n", cells.join(","))
}

/// With what a spreadsheet takes a cell for a formula, in the wide forms, too, that some of them take for the same.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

fn cell(text: &str) -> String {
    let parts: Vec<String> = text
        .split(';')
        .map(|part| format!("{}{}", if part.starts_with(FORMULA) { "'" } else { "" }, clean(part)))
        .collect();
    let text = parts.join(";");
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_what_rfc_4180_says_and_no_formulas() {
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("a,b"), "\"a,b\"");
        assert_eq!(cell("say \"no\""), "\"say \"\"no\"\"\"");
        assert_eq!(cell("=HYPERLINK(\"x\",1)"), "\"'=HYPERLINK(\"\"x\"\",1)\"");
        for formula in ["+1", "-1", "@x"] {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        assert_eq!(cell("\t=1"), "'\\t=1");
        assert_eq!((cell("＝1+1").as_str(), cell("－1").as_str()), ("'＝1+1", "'－1"));
        // Where the comma is decimal, the comma is no separator, and quotes in the middle of a cell are none.
        assert_eq!(cell("disk full;=1+1;a"), "disk full;'=1+1;a");
        assert_eq!(cell("one (x); two (y)"), "one (x); two (y)");
        assert_eq!(cell("a\x1b[2J\r\nb"), "a\\u{1b}[2J\\u{d}\\nb");
        assert_eq!(cell(""), "");
    }

    #[test]
    fn every_line_has_every_column() {
        let text = of(&[Session::default()]);
        for line in text.lines() {
            assert_eq!(line.split(',').count(), HEADING.len(), "{line}");
        }
        assert!(text.ends_with("\r\n"));
    }
}
