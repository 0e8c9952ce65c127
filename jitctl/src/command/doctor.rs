//! `jitctl doctor`: gathers what the rules need, and shows what they find, the worst first. What could not be examined is always said: silence would be
//! taken for health.

use std::path::PathBuf;

use jit_control::doctor::{Doctor, Finding};
use jit_control::{Answer, Request};

use crate::cli::DoctorArgs;
use crate::context::Context;
use crate::doctor::host::Host;
use crate::doctor::{self, Level};
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Colour, Tone, clean};
use crate::when;

/// `jitctl doctor`
///
/// # Errors
/// When it is not root who asks, or a duration makes no sense.
pub fn run(context: &Context, args: &DoctorArgs) -> Result<Report, Failure> {
    context.root_only("the doctor", "jitctl doctor").map_err(|mut failure| {
        // Nothing was examined: as with a daemon that cannot be reached, nobody knows.
        failure.exit = Exit::Unreachable;
        failure
    })?;
    let within = when::parse_span(&args.within)
        .map_err(|error| Failure::usage(format!("--within {}: {error}", args.within)))?;
    let status = context.status().ok();
    let rendered = status.as_ref().and_then(|_| match context.ask(&Request::RenderEnforcing {}) {
        Ok(Answer::Enforcing { text }) => Some(text),
        _ => None,
    });
    let host = Host {
        root: PathBuf::from("/"),
        status,
        rules: rendered.unwrap_or_else(|| std::fs::read_to_string(&args.enforcing).unwrap_or_default()),
        within,
        now: context.now,
        config: args.jitd_config.clone(),
        enforcing: args.enforcing.clone(),
    };
    let found = doctor::examine(&host);
    let exit = if found.is_good() { Exit::Done } else { Exit::No };
    let doctor = found.to_wire();
    let text = render(&doctor, args.verbose, context.colour);
    Ok(Report { answer: Answer::Doctor(doctor), text, notes: Vec::new(), exit })
}

fn tone(level: &str) -> Tone {
    if level == Level::Note.as_str() {
        Tone::Faint
    } else if level == Level::Warning.as_str() {
        Tone::Fair
    } else {
        Tone::Bad
    }
}

fn render(doctor: &Doctor, verbose: bool, colour: Colour) -> String {
    let mut out = String::new();
    for Finding { level, code, place, text, cure } in &doctor.findings {
        let (head, code) =
            (colour.paint(tone(level), level), colour.paint(Tone::Faint, &format!("({})", clean(code))));
        out.push_str(&format!(
            "{head}  {}  {code}\n    {}\n",
            colour.paint(Tone::Strong, &clean(place)),
            clean(text)
        ));
        // One line each, so that they can be copied.
        for line in cure.lines() {
            out.push_str(&format!("    {} {}\n", colour.paint(Tone::Faint, "->"), clean(line)));
        }
    }
    if !doctor.findings.is_empty() {
        out.push('\n');
    }
    for what in &doctor.unexamined {
        out.push_str(&format!("{}: {}\n", colour.paint(Tone::Fair, "not examined"), clean(what)));
    }
    if verbose {
        out.push_str(&format!("examined: {}\n", clean(&doctor.examined.join(", "))));
    }
    out.push_str(&summary(doctor, colour));
    out
}

fn summary(doctor: &Doctor, colour: Colour) -> String {
    let count =
        |level: Level| doctor.findings.iter().filter(|finding| finding.level == level.as_str()).count();
    let levels = [
        (Level::LockOut, "lock-out", "lock-outs"),
        (Level::Hole, "hole", "holes"),
        (Level::Warning, "warning", "warnings"),
        (Level::Note, "note", "notes"),
    ];
    let counted: Vec<String> = levels
        .iter()
        .filter_map(|(level, one, more)| match count(*level) {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{n} {more}")),
        })
        .collect();
    let good = doctor.findings.iter().all(|finding| finding.level == Level::Note.as_str());
    let notes = if counted.is_empty() { String::new() } else { format!(" ({})", counted.join(", ")) };
    match (good, doctor.unexamined.is_empty()) {
        (true, true) => format!("{}{notes}\n", colour.paint(Tone::Good, "nothing is wrong")),
        (true, false) => {
            format!("{}{notes}\n", colour.paint(Tone::Good, "nothing is wrong in what was examined"))
        }
        (false, _) => format!("{}\n", colour.paint(Tone::Bad, &counted.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Findings;

    fn found() -> Findings {
        let mut found = Findings::of("sshd");
        found.push(Level::Note, "n", "b", "so\x1b it is", "");
        found.push(Level::Hole, "use-pam", "/etc/ssh/sshd_config:3", "UsePAM no", "UsePAM yes");
        found
    }

    #[test]
    fn the_worst_stands_first_and_nothing_acts_on_the_terminal() {
        let text = render(&found().to_wire(), true, Colour::Off);
        assert_eq!(
            text,
            "hole  /etc/ssh/sshd_config:3  (use-pam)\n    UsePAM no\n    -> UsePAM yes\nnote  b  (n)\n    so\\u{1b} it is\n\nexamined: sshd\n1 hole, 1 note\n"
        );
    }

    #[test]
    fn what_is_to_be_typed_stands_in_lines_of_its_own() {
        let mut found = Findings::of("pam");
        found.push(Level::Hole, "x", "p", "t", "sed a\nsed b\x1b");
        let text = render(&found.to_wire(), false, Colour::Off);
        assert!(text.contains("    -> sed a\n    -> sed b\\u{1b}\n"), "{text}");
    }

    #[test]
    fn what_was_not_examined_is_said() {
        let mut good = Findings::of("sshd");
        good.unexamined("sudo: no cvtsudoers".to_owned());
        let text = render(&good.to_wire(), false, Colour::Off);
        assert_eq!(text, "not examined: sudo: no cvtsudoers\nnothing is wrong in what was examined\n");
        assert!(good.is_good() && !found().is_good());
    }
}
