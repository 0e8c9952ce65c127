//! The options before a key, by the grammar of sshd(8): `name` or `name="value"`, separated by commas, `\"` for a quote within a
//! value, names without case. Read as sshd reads them (auth-options.c, auth2-pubkeyfile.c), so that no value ends earlier there than here.

use std::collections::BTreeSet;

use jit_model::time::Timestamp;

use super::KeyRefusal;
use super::zone::Zone;

/// With these somebody else than the owner of the key gets in, or under another name.
const NEVER: [&str; 2] = ["cert-authority", "principals"];

/// What stands before a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// As they are to be written, in their order; no expiry-time among them.
    pub(super) others: Vec<String>,
    /// The earliest expiry-time that they set. It only takes away, so it is never refused.
    pub(super) expiry: Option<Timestamp>,
}

impl Options {
    pub(super) fn read(text: &str, allowed: &BTreeSet<String>, zone: &Zone) -> Result<Options, KeyRefusal> {
        let mut options = Options::default();
        let mut rest = text;
        loop {
            let end = rest.find([',', '=']).unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(end).ok_or(KeyRefusal::Options)?;
            let alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            if name.is_empty() || name.len() > 40 || !name.bytes().all(alphabet) {
                return Err(KeyRefusal::Options);
            }
            let name = name.to_ascii_lowercase();
            let (value, after) = match after.strip_prefix("=\"") {
                Some(value) => {
                    let (value, after) = quoted(value)?;
                    (Some(value), after)
                }
                None => (None, after),
            };
            options.take(name, value, allowed, zone)?;
            rest = match after.strip_prefix(',') {
                Some(next) => next,
                None if after.is_empty() => return Ok(options),
                None => return Err(KeyRefusal::Options),
            };
        }
    }

    fn take(
        &mut self,
        name: String,
        value: Option<&str>,
        allowed: &BTreeSet<String>,
        zone: &Zone,
    ) -> Result<(), KeyRefusal> {
        if NEVER.contains(&name.as_str()) {
            return Err(KeyRefusal::Never(name));
        }
        if name == "expiry-time" {
            let at = value.and_then(|text| zone.read(text)).ok_or(KeyRefusal::Expiry)?;
            self.expiry = Some(self.expiry.map_or(at, |earlier| earlier.min(at)));
            return Ok(());
        }
        if !allowed.contains(&name) {
            return Err(KeyRefusal::Option(name));
        }
        self.others.push(match value {
            Some(value) => format!("{name}=\"{value}\""),
            None => name,
        });
        Ok(())
    }
}

/// A value up to its closing quote, and what follows that.
fn quoted(text: &str) -> Result<(&str, &str), KeyRefusal> {
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if bytes.peek().is_some_and(|(_, next)| *next == b'"') => {
                bytes.next();
            }
            b'"' => {
                let (value, rest) = text.split_at_checked(at).ok_or(KeyRefusal::Options)?;
                return Ok((value, rest.strip_prefix('"').ok_or(KeyRefusal::Options)?));
            }
            _ => {}
        }
    }
    Err(KeyRefusal::Options)
}

/// Up to the first space that stands in no quotes, and what follows.
pub(super) fn first_word(line: &str) -> Result<(&str, &str), KeyRefusal> {
    let mut bytes = line.bytes().enumerate().peekable();
    let mut in_quotes = false;
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b' ' if !in_quotes => return line.split_at_checked(at).ok_or(KeyRefusal::NoKey),
            b'\\' if bytes.peek().is_some_and(|(_, next)| *next == b'"') => {
                bytes.next();
            }
            b'"' => in_quotes = !in_quotes,
            _ => {}
        }
    }
    Err(if in_quotes { KeyRefusal::Options } else { KeyRefusal::NoKey })
}
