//! Single values, each read in one way only, with an error that shows how it is written.

use std::path::PathBuf;

use jit_model::dn::Dn;
use jit_model::time::Span;

/// No setting lasts longer than this: ten years. It keeps every sum of times far from overflow.
const LONGEST: Span = Span(3_660 * 86_400);

/// A span above zero.
///
/// # Errors
/// What is wrong, and how it is written.
pub fn span(text: &str) -> Result<Span, String> {
    match text.parse::<Span>() {
        Ok(Span(0)) => Err(format!("`{text}` is no time at all: write at least 1s")),
        Ok(span) if span > LONGEST => Err(format!("`{text}` is too long: the most is {LONGEST}")),
        Ok(span) => Ok(span),
        Err(error) => Err(error.to_string()),
    }
}

/// An absolute path.
///
/// # Errors
/// What is wrong, and how it is written.
pub fn path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() && !text.contains('\0') {
        Ok(path)
    } else {
        Err(format!("`{}` is no absolute path: begin it with `/`", text.escape_debug()))
    }
}

/// The name of an LDAP attribute (RFC 4512 §2.5): a letter, then letters, digits and `-`; no options, no OIDs.
///
/// # Errors
/// What is wrong, and how it is written.
pub fn attribute(text: &str) -> Result<String, String> {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    if first && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!(
            "`{}` is no attribute name: write one such as uid or sAMAccountName",
            text.escape_debug()
        ))
    }
}

/// A distinguished name (RFC 4514).
///
/// # Errors
/// What is wrong, and how it is written.
pub fn dn(text: &str) -> Result<Dn, String> {
    Dn::parse(text).map_err(|error| error.to_string())
}
