//! The commands that a person is told. They will be copied into a shell, and their parts were written by others: a part that could be
//! anything but one word there (an option, a quote, a second command, another line) is not put in, and then the command asks for it.

use std::sync::Arc;

use jit_model::assess::{Assessed, AssessedGrant};
use jit_model::reason::Refusal;
use jit_model::role::Role;
use jit_model::text::plain;
use jit_model::time::Span;

use super::{Giver, Wish, giver_of};
use crate::offers::opens;
use crate::view::View;

/// How long is asked for unless the role allows less.
const USUAL: Span = Span(2 * 3_600);

/// How much longer is asked for.
const MORE: Span = Span(3_600);

/// The most roles that are named.
const MOST_ROLES: usize = 3;

/// The longest word: with it, every command fits a line.
const LONGEST_WORD: usize = 64;

/// `ask: jitctl request --role ROLE --host HOST --for 2h --reason '...'`: the role of `before` if it can be had again, else those for which
/// this login seems eligible.
pub(super) fn request(view: &View, wish: Wish<'_>, before: Option<&AssessedGrant>) -> Vec<String> {
    let host = view.snapshot.policy().host.fqdn();
    let roles = match before.and_then(|grant| again(view, wish, grant)) {
        Some(role) => vec![role],
        None => {
            let asked = view.offers.iter().filter(|(name, _)| giver_of(view, Some(name)) == Giver::Directory);
            asked.flat_map(|(_, offers)| offers.for_whom(wish.login, wish.service)).collect()
        }
    };
    let named: Vec<(String, &Arc<Role>)> =
        roles.iter().filter_map(|role| Some((word(&role.name)?, *role))).take(MOST_ROLES).collect();
    let Some(((first, role), others)) = named.split_first() else {
        return vec![format!("ask: jitctl request --host {host}")];
    };
    let longest = named.iter().map(|(_, role)| role.max_duration).min().unwrap_or(USUAL);
    let ticket = if role.ticket_pattern.is_some() { " --ticket '...'" } else { "" };
    let mut lines = vec![format!(
        "ask: jitctl request --role {first} --host {host}{}{ticket} --reason '...'",
        lasting(longest.min(USUAL))
    )];
    let more = if roles.len() > named.len() { "; jitctl role list shows all" } else { "" };
    let others: Vec<String> = others.iter().map(|(name, _)| format!("--role {name}")).collect();
    if !others.is_empty() {
        lines.push(format!("or with {}{more}", others.join(" or ")));
    }
    lines
}

/// The role of a grant, if the person can have it again, here and for what he wanted.
fn again<'g>(view: &View, wish: Wish<'_>, grant: &'g AssessedGrant) -> Option<&'g Arc<Role>> {
    let role = grant.role.as_ref()?;
    let is_barred = matches!(
        &grant.assessed,
        Assessed::Refused(Refusal::NotEligible(..) | Refusal::NotThisHost(_) | Refusal::NoRole)
    );
    let is_here = view.snapshot.policy().host.meets(&role.hosts) && role.dn.is_some();
    (!is_barred && is_here && opens(role, wish.service)).then_some(role)
}

/// `WHAT: jitctl approve ID`
pub(super) fn approve(what: &str, id: &str) -> String {
    match word(id) {
        Some(id) => format!("{what}: jitctl approve {id}"),
        None => format!("{what}: jitctl grants --pending shows grant {}", plain(id)),
    }
}

/// `to go on: jitctl extend ID --for 1h`
pub(super) fn extend(id: &str, longest: Span) -> Option<String> {
    Some(format!("to go on: jitctl extend {}{}", word(id)?, lasting(longest.min(MORE))))
}

/// ` --for 2h`: whole units only, as jitctl reads them.
fn lasting(span: Span) -> String {
    match span.0 {
        0 => String::new(),
        seconds if seconds % 3_600 == 0 => format!(" --for {}h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!(" --for {}m", seconds / 60),
        seconds => format!(" --for {seconds}s"),
    }
}

/// A text as one word of a command line, the same for every shell; nothing where it cannot be.
///
/// Within single quotes only `'` means something to a POSIX shell, but `\` does to fish and `!` to csh. What begins with `-` would be an option.
fn word(text: &str) -> Option<String> {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    let is_quotable = |c: char| (c == ' ' || c.is_ascii_graphic()) && !"'\\!".contains(c);
    if text.is_empty() || text.len() > LONGEST_WORD || text.starts_with('-') {
        None
    } else if text.chars().all(is_bare) {
        Some(text.to_owned())
    } else if text.chars().all(is_quotable) {
        Some(format!("'{text}'"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_or_none() {
        for bare in ["web-ops", "3fa9c2d1", "a@b", "Web_1.x"] {
            assert_eq!(word(bare).as_deref(), Some(bare));
        }
        for quoted in ["on call", "a;b", "$(id)", "`id`", "a\"b", "*", "~", "a&b", "#x", "{a,b}", "?"] {
            assert_eq!(word(quoted), Some(format!("'{quoted}'")));
        }
        let long = "x".repeat(65);
        for never in [
            "",
            "-x",
            "--help",
            "a'b",
            "a\\b",
            "a!b",
            "a\nb",
            "a\x1b[2J",
            "\u{e4}",
            "\u{202e}x",
            "a\0",
            &long,
        ] {
            assert_eq!(word(never), None, "{never:?}");
        }
    }

    #[test]
    fn whole_units() {
        let cases =
            [(0, ""), (7200, " --for 2h"), (5400, " --for 90m"), (3601, " --for 3601s"), (59, " --for 59s")];
        for (seconds, words) in cases {
            assert_eq!(lasting(Span(seconds)), words);
        }
    }
}
