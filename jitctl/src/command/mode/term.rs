//! For how long an enforcing file is written: for good, or until somebody shows from a new login that one still gets in. Pure.
//!
//! What falls back falls back to permissive, never to what was enforced before: that is the one rule that a module can follow with jitd dead. So
//! a host that enforces for good goes on so unless its admin asks for something else, and whatever waits to be confirmed is confirmed by
//! nobody but `jitctl mode confirm` or an explicit `never`: not by a configuration management that comes by, neither while it waits nor once it
//! has fallen back, for then it is all the more likely that nobody could get in.

use jit_model::time::{Span, Timestamp};
use jit_proto::enforcing::MOST_UNCONFIRMED;

use super::file::OnDisk;
use crate::context::Seat;
use crate::report::Failure;
use crate::when;

/// How long an admin at a terminal has.
const AT_A_TERMINAL: Span = Span(600);

/// How far this host's clock may be from what jitd holds for the time: the time until which enforcing has to be confirmed is judged by both.
pub(super) const CLOCKS_AGREE: Span = Span(60);

/// What a day comes to: by neither clock may the file be void because its time is further ahead than anybody is given.
const LONGEST: Span = Span(MOST_UNCONFIRMED.unsigned_abs() - CLOCKS_AGREE.0);

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
///
/// # Errors
/// When nobody has confirmed what was written before, and nobody is there to be asked.
pub(super) fn term(
    asked: Option<Within>,
    before: &OnDisk,
    seat: Seat,
    now: Timestamp,
) -> Result<Term, Failure> {
    match (asked, before, seat) {
        (Some(Within::Never), _, _) => Ok(Term::ForGood),
        (Some(Within::For(span)), _, _) => Ok(Term::For(span.min(LONGEST))),
        (None, OnDisk::ForGood | OnDisk::Broken(_), _) => Ok(Term::ForGood),
        (None, OnDisk::Unconfirmed { until, .. }, Seat::Elsewhere) => Ok(Term::Until(*until)),
        (None, OnDisk::Absent, Seat::Elsewhere) => Ok(Term::ForGood),
        (None, OnDisk::Lapsed(until), Seat::Elsewhere) => {
            Err(Failure::unwritten("unconfirmed", &lapsed(*until, now)))
        }
        (None, OnDisk::Absent | OnDisk::Lapsed(_) | OnDisk::Unconfirmed { .. }, Seat::Terminal) => {
            Ok(Term::For(AT_A_TERMINAL))
        }
    }
}

/// Why a script does not begin anew.
fn lapsed(until: Timestamp, now: Timestamp) -> String {
    format!(
        "enforcing was not confirmed by {}, so nobody has shown that one gets in, and this is no terminal\n\
         To begin anew: jitctl mode enforcing --confirm-within 10m. To enforce for good all the same: jitctl mode enforcing --confirm-within never",
        when::until(until, now)
    )
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
            (OnDisk::Absent, Term::For(Span(600)), Some(Term::ForGood)),
            // It fell back, perhaps because nobody got in: no script does the same again, for good.
            (OnDisk::Lapsed(UNTIL), Term::For(Span(600)), None),
            (unconfirmed(), Term::For(Span(600)), Some(Term::Until(UNTIL))),
            (OnDisk::ForGood, Term::ForGood, Some(Term::ForGood)),
            (broken(), Term::ForGood, Some(Term::ForGood)),
        ] {
            let term = |asked, seat| term(asked, &before, seat, UNTIL).ok();
            assert_eq!(term(None, Seat::Terminal), Some(at_a_terminal), "{before:?}");
            assert_eq!(term(None, Seat::Elsewhere), elsewhere, "{before:?}");
            for seat in [Seat::Terminal, Seat::Elsewhere] {
                assert_eq!(term(Some(Within::Never), seat), Some(Term::ForGood));
                assert_eq!(term(Some(Within::For(Span(9))), seat), Some(Term::For(Span(9))));
            }
        }
        let text = term(None, &OnDisk::Lapsed(UNTIL), Seat::Elsewhere, UNTIL).unwrap_err().text;
        assert!(text.contains("nothing was written") && text.contains("--confirm-within never"), "{text}");
    }

    /// jitd's clock may be a minute behind: for it, too, what was just written must not be void.
    #[test]
    fn a_day_is_a_day_by_both_clocks() {
        let day = Within::parse("24h").unwrap();
        let Ok(Term::For(span)) = term(Some(day), &OnDisk::Absent, Seat::Terminal, UNTIL) else { panic!() };
        let until = UNTIL.plus(span);
        for clock in [UNTIL.0 - 60, UNTIL.0 + 60] {
            assert!(!jit_proto::enforcing::is_void(until.0, clock), "{clock}");
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
