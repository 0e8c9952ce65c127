//! `jitctl audit verify`: what was looked at and how, and each place where something is wrong.

use jit_control::Answer;
use jit_control::audit::{Checked, Fault, Verified};

use super::NAMED;
use crate::audit::input::gather;
use crate::audit::verify::{Kind, verify as judge};
use crate::cli::AuditVerifyArgs;
use crate::context::Context;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Tone, clean, some_of};

/// `jitctl audit verify`
///
/// # Errors
/// Never: what cannot be read is told as a fault.
pub fn verify(context: &Context, args: &AuditVerifyArgs) -> Result<Report, Failure> {
    let kind = if args.collected { Kind::Collected } else { Kind::Whole };
    let verified = judge(&gather(&args.files.input), kind);
    let exit = if verified.faults.is_empty() { Exit::Done } else { Exit::No };
    let text = text(context, &verified);
    let mut notes: Vec<String> = verified.remarks.iter().take(NAMED).cloned().collect();
    let more = verified.remarks.len().saturating_sub(NAMED);
    if more > 0 {
        notes.push(format!("{more} more remarks; --json has them"));
    }
    Ok(Report { answer: Answer::AuditVerified(verified), text, notes, exit })
}

fn text(context: &Context, verified: &Verified) -> String {
    let mut text = String::new();
    for checked in &verified.checked {
        text.push_str(&format!("{}\n", clean(&looked_at(checked))));
    }
    for fault in verified.faults.iter().take(NAMED) {
        text.push_str(&format!(
            "{}  {}\n",
            context.colour.paint(Tone::Bad, &fault.kind),
            clean(&place(fault))
        ));
    }
    if verified.faults.len() > NAMED {
        text.push_str(&format!("and {} more; --json names the first 1,000\n", verified.faults.len() - NAMED));
    }
    let twice = match verified.again {
        0 => String::new(),
        again => format!(", {again} of them twice"),
    };
    let faults =
        u64::try_from(verified.faults.len()).unwrap_or(u64::MAX).saturating_add(verified.more_faults);
    let (tone, end) = match faults {
        0 => (Tone::Good, "nothing is wrong".to_owned()),
        1 => (Tone::Bad, "1 fault".to_owned()),
        many => (Tone::Bad, format!("{many} faults")),
    };
    text.push_str(&format!("{} lines{twice}: {}\n", verified.lines, context.colour.paint(tone, &end)));
    text
}

fn looked_at(checked: &Checked) -> String {
    let files = match checked.files.as_slice() {
        [first, .., last] => format!("{first} … {last} ({} files)", checked.files.len()),
        _ => checked.files.concat(),
    };
    let how = match checked.how.as_str() {
        "chain" => "whole files, line by line",
        _ => "collected lines, by their numbers",
    };
    let hosts = match (checked.hosts.as_slice(), checked.numbers.as_slice()) {
        ([], _) => String::new(),
        (hosts, [(from, to)]) => format!(" of {}, numbers {from} to {to}", some_of(hosts, 4)),
        (hosts, _) => format!(" of {}", some_of(hosts, 4)),
    };
    format!("{files}: {how}; {} lines{hosts}", checked.lines)
}

fn place(fault: &Fault) -> String {
    match (&fault.file, fault.line, &fault.host) {
        (Some(file), Some(line), _) => format!("{file}, line {line}: {}", fault.text),
        (Some(file), None, _) => format!("{file}: {}", fault.text),
        (None, _, Some(host)) => {
            let boot = fault.boot.as_ref().map(|boot| format!(", boot {boot}")).unwrap_or_default();
            format!("{host}{boot}: {}", fault.text)
        }
        (None, _, None) => fault.text.clone(),
    }
}
