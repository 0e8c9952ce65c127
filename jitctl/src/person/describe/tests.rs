use super::*;
use crate::person::testing::{NOW, OPERATORS, company, grant, picture, role};

/// What bob sees of alice's request with these lines, on a terminal of so many columns.
fn seen(more: &str, columns: usize) -> String {
    let role = role("ops", OPERATORS, 1, &["leads"], "");
    let source = company(&[role, grant("g1", "alice", "ops", more)]);
    let picture = picture(&source);
    request(&source, &picture.grants, &picture.grants[0], None, NOW, Colour::Off, columns)
}

/// Who asks chooses the words of the reason, and may guess how wide the terminal is.
#[test]
fn a_reason_cannot_look_like_a_line_of_ours() {
    let false_line = "approved  by carol 5m ago; it has the approvals that it needs";
    for columns in [40, 80, 81, 200] {
        for padding in 60..100 {
            let reason = format!("deploy{}{false_line}", " ".repeat(padding));
            let shown = seen(&format!("jitDuration: 7200\njitReason: {reason}\n"), columns);
            assert!(shown.lines().all(|line| line.chars().count() <= columns), "{columns}:\n{shown}");
            assert_eq!(shown.lines().filter(|line| line.starts_with("approved")).count(), 1, "{shown}");
        }
    }
}

/// What is asked stays in sight above the question, on a terminal of 24 lines.
#[test]
fn what_is_asked_is_not_pushed_out_of_sight() {
    let hosts: String = (0..300).map(|n| format!("jitHost: h{n}.example.com\n")).collect();
    let more = format!(
        "jitDuration: 7200\njitReason: {}\njitTicket: {}\n{hosts}",
        "x y".repeat(2000),
        "T".repeat(2000)
    );
    let shown = seen(&more, 80);
    assert!(shown.lines().count() < 60, "{}:\n{shown}", shown.lines().count());
    assert!(shown.contains("! this is for 301 hosts, and may be more"), "{shown}");
    assert!(
        shown.contains("more characters") && shown.contains("! its reason or ticket is longer"),
        "{shown}"
    );
}
