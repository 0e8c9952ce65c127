//! `jitctl audit`: what the audit's files say, as a table, CSV or JSON.

mod replay;
mod report;
mod verify;

pub use replay::replay;
pub use report::report;
pub use verify::verify;

use jit_control::audit::Unread;

/// How many files and lines that cannot be read are named one by one.
const NAMED: usize = 20;

/// What could not be read, a sentence each.
fn unread(all: &[Unread], more: u64) -> Vec<String> {
    let place = |unread: &Unread| match unread.line {
        Some(line) => format!("{}, line {line}: {}", unread.file, unread.text),
        None => format!("{}: {}", unread.file, unread.text),
    };
    let mut sentences: Vec<String> = all.iter().take(NAMED).map(place).collect();
    let rest = u64::try_from(all.len().saturating_sub(NAMED)).unwrap_or(u64::MAX).saturating_add(more);
    if rest > 0 {
        sentences.push(format!("{rest} more could not be read; --json names the first 1,000"));
    }
    sentences
}
