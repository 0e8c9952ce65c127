//! For how long an enforcing file is written: for good, or until somebody shows from a new login that one still gets in. Pure.
//!
//! What falls back falls back to permissive, never to what was enforced before: that is the one rule that a module can follow with jitd dead. So
//! a host that enforces for good goes on so unless its admin asks for something else, and whatever waits to be confirmed is confirmed by
//! nobody but `jitctl mode confirm` or an explicit `never`: not by a configuration management that comes by.

use jit_model::time::{Span, Timestamp};
use jit_proto::enforcing::MOST_UNCONFIRMED;

use super::file::OnDisk;
use crate::context::Seat;
use crate::report::Failure;
use crate::when;

/// How long an admin at a terminal has.
const AT_A_TERMINAL: Span = Span(600);

/// What `--confirm-within` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// So long.
    For(Span),
    /// For good, at once.
    Never,
}

/// For how long a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    /// For good.
    ForGood,
    /// So long, from when it is written.
    For(Span),
    /// Until then, as the one before.
    Until(Timestamp),
}

impl Within {
    /// As typed.
    pub(super) fn parse(typed: &str) -> Result<Within, Failure> {
        if typed == "never" {
            return Ok(Within::Never);
        }
        let usage = |why: String| Failure::usage(format!("--confirm-within {typed}: {why}; or `never`"));
        let span = when::parse_span(typed).map_err(usage)?;
        let most = Span(MOST_UNCONFIRMED.unsigned_abs());
        if span > most {
            return Err(usage(format!("at most {most}")));
        }
        Ok(Within::For(span))
    }
}

/// For how long what is written now is.
pub(super) fn term(asked: Option<Within>, before: &OnDisk, seat: Seat) -> Term {
    match (asked, before, seat) {
        (Some(Within::Never), _, _) => Term::ForGood,
        (Some(Within::For(span)), _, _) => Term::For(span),
        (None, OnDisk::ForGood | OnDisk::Broken(_), _) => Term::ForGood,
        (None, OnDisk::Unconfirmed { until, .. }, Seat::Elsewhere) => Term::Until(*until),
        (None, OnDisk::Absent | OnDisk::Lapsed(_), Seat::Elsewhere) => Term::ForGood,
        (None, OnDisk::Absent | OnDisk::Lapsed(_) | OnDisk::Unconfirmed { .. }, Seat::Terminal) => {
            Term::For(AT_A_TERMINAL)
        }
    }
}

/// What to do before an unconfirmed file is void.
pub(super) fn how_to_confirm() -> &'static str {
    "to enforce for good: keep this login open, open a second one (a new connection, from outside), and type there: sudo jitctl mode confirm"
}

/// What to know when a file that waits to be confirmed has been written.
pub(super) fn says(until: Timestamp, now: Timestamp, before: &OnDisk) -> Vec<String> {
    let mut says = vec![format!(
        "unless it is confirmed by {}, this host goes back to permissive by itself, also without jitd and across a reboot",
        when::until(until, now)
    )];
    if matches!(before, OnDisk::ForGood | OnDisk::Broken(_)) {
        says.push(
            "until now this host enforced for good: unconfirmed it does not go back to that, but to permissive"
                .to_owned(),
        );
    }
    says.push(how_to_confirm().to_owned());
    says
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNTIL: Timestamp = Timestamp(1_795_348_800);

    fn unconfirmed() -> OnDisk {
        OnDisk::Unconfirmed { until: UNTIL, text: String::new() }
    }

    #[test]
    fn nobody_is_confirmed_or_made_to_fall_back_by_surprise() {
        let broken = || OnDisk::Broken("no".to_owned());
        for (before, at_a_terminal, elsewhere) in [
            (OnDisk::Absent, Term::For(Span(600)), Term::ForGood),
            (OnDisk::Lapsed(UNTIL), Term::For(Span(600)), Term::ForGood),
            (unconfirmed(), Term::For(Span(600)), Term::Until(UNTIL)),
            (OnDisk::ForGood, Term::ForGood, Term::ForGood),
            (broken(), Term::ForGood, Term::ForGood),
        ] {
            assert_eq!(term(None, &before, Seat::Terminal), at_a_terminal, "{before:?}");
            assert_eq!(term(None, &before, Seat::Elsewhere), elsewhere, "{before:?}");
            for seat in [Seat::Terminal, Seat::Elsewhere] {
                assert_eq!(term(Some(Within::Never), &before, seat), Term::ForGood);
                assert_eq!(term(Some(Within::For(Span(9))), &before, seat), Term::For(Span(9)));
            }
        }
    }

    #[test]
    fn what_is_typed() {
        let parse = |typed| Within::parse(typed).map_err(|failure| failure.text);
        assert_eq!(parse("never"), Ok(Within::Never));
        assert_eq!(parse("10m"), Ok(Within::For(Span(600))));
        assert_eq!(parse("24h"), Ok(Within::For(Span(86_400))));
        for (typed, says) in [
            ("25h", "at most 1d"),
            ("0s", "no time at all"),
            ("Never", "never"),
            ("", "never"),
            ("2 h", "never"),
        ] {
            assert!(parse(typed).is_err_and(|text| text.contains(says)), "{typed}: {:?}", parse(typed));
        }
    }

    #[test]
    fn to_what_it_goes_back_is_said() {
        let now = Timestamp(UNTIL.0 - 600);
        let said = says(UNTIL, now, &OnDisk::Absent).join("\n");
        assert!(said.contains("confirmed by 2026-11-22 12:00 UTC (10m left)"), "{said}");
        assert!(
            said.contains("permissive") && said.contains("second one") && said.contains("mode confirm"),
            "{said}"
        );
        assert!(!said.contains("for good before"), "{said}");
        assert!(says(UNTIL, now, &OnDisk::ForGood).join("\n").contains("does not go back to that"));
    }
}
