//! The options of a line: sshsigopt_parse of OpenSSH's sshsig.c, with opt_flag, opt_match and opt_dequote of its misc.c. An option that
//! is not known, or comes twice, makes the line useless.

use jit_model::time::Timestamp;

use super::line::Fault;
use super::times::{self, Edge, Zone};

/// What the options of a line say.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) namespaces: Option<String>,
    pub(super) valid_after: Option<Timestamp>,
    pub(super) valid_before: Option<Timestamp>,
    /// The options whose time names no zone.
    pub(super) without_zone: Vec<&'static str>,
}

/// Everything before the first space or tab outside quotes, and the rest: sshkey_advance_past_options. `None` if a quote is left open.
pub(super) fn cut(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if bytes.peek().is_some_and(|(_, next)| *next == b'"') => {
                bytes.next();
            }
            b'"' => quoted = !quoted,
            b' ' | b'\t' if !quoted => return text.split_at_checked(at),
            _ => {}
        }
    }
    (!quoted).then_some((text, ""))
}

pub(super) fn parse(text: &str) -> Result<Options, Fault> {
    let mut options = Options::default();
    let mut authority = false;
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = strip(rest, "cert-authority") {
            authority = true;
            rest = after;
        } else if let Some(value) = strip(rest, "namespaces=") {
            let (value, after) = dequote(value).ok_or(Fault::Quotes("namespaces"))?;
            if options.namespaces.replace(value).is_some() {
                return Err(Fault::Twice("namespaces"));
            }
            rest = after;
        } else if let Some(value) = strip(rest, "valid-after=") {
            rest = options.time("valid-after", Edge::After, value)?;
        } else if let Some(value) = strip(rest, "valid-before=") {
            rest = options.time("valid-before", Edge::Before, value)?;
        }
        match rest.strip_prefix(',') {
            Some("") => return Err(Fault::Comma),
            Some(after) => rest = after,
            None if rest.is_empty() => {}
            None => {
                return Err(Fault::Unknown(
                    rest.chars().take_while(|c| !matches!(c, ',' | '=')).take(60).collect(),
                ));
            }
        }
    }
    // sshsig.c: they must be in order.
    if let (Some(after), Some(before)) = (options.valid_after, options.valid_before) {
        if before <= after {
            return Err(Fault::Never);
        }
    }
    if authority {
        return Err(Fault::Authority);
    }
    Ok(options)
}

impl Options {
    fn time<'a>(&mut self, name: &'static str, edge: Edge, value: &'a str) -> Result<&'a str, Fault> {
        let (text, rest) = dequote(value).ok_or(Fault::Quotes(name))?;
        let (time, zone) = times::parse(&text, edge).ok_or(Fault::Time(name))?;
        let place = match edge {
            Edge::After => &mut self.valid_after,
            Edge::Before => &mut self.valid_before,
        };
        if place.replace(time).is_some() {
            return Err(Fault::Twice(name));
        }
        if zone == Zone::Unsaid {
            self.without_zone.push(name);
        }
        Ok(rest)
    }
}

/// What follows a word, whatever its case.
fn strip<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (front, rest) = text.split_at_checked(word.len())?;
    front.eq_ignore_ascii_case(word).then_some(rest)
}

/// What stands between quotes, with `\"` for a quote, and what follows.
fn dequote(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.chars();
    let mut value = String::new();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' if chars.as_str().starts_with('"') => {
                value.push('"');
                chars.next();
            }
            c => value.push(c),
        }
    }
}
