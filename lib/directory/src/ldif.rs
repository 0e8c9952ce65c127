//! The embedded directory: one LDIF file (RFC 2849) that root owns and nobody else may write. See docs/ldif.md.
//!
//! [`parse`] reads the text, [`gather`] makes one set of it, [`file`] opens it only if nobody but its owner can have written
//! it, [`watch`] hands it to the daemon whenever it changes, [`write`](mod@write) adds grants and revocations to the text,
//! and [`replace`] puts the new text in the old one's place. A file with one error is rejected whole: half a file would be
//! a directory in which grants and revocations are missing.

use jit_model::dn::{Dn, DnError};
use jit_model::source::Source;

use crate::decode::{Bases, Reading, decode};

pub mod file;
pub mod gather;
pub mod parse;
pub mod record;
pub mod replace;
pub mod watch;
pub mod write;

/// Where a file is looked for unless told otherwise.
pub const PATH: &str = "/etc/jitd/grants.ldif";

/// The suffix of the embedded directory unless told otherwise.
pub const SUFFIX: &str = "dc=local";

/// The attribute that holds a login in the embedded directory.
pub const LOGIN_ATTRIBUTE: &str = "uid";

/// The largest file that is read.
pub const MOST_BYTES: usize = 16 << 20;

/// The bases of the embedded directory: the usual ones under [`SUFFIX`].
///
/// # Errors
/// Never for this suffix; the type says so because names are made from text.
pub fn bases() -> Result<Bases, DnError> {
    Bases::under(&Dn::parse(SUFFIX)?)
}

/// All the way from bytes to the model's words, without a file: what a fuzzer feeds, and what a check of a text needs.
///
/// # Errors
/// The first fault of the text.
pub fn read(text: &[u8], bases: &Bases, reading: &Reading) -> Result<Source, parse::Fault> {
    let entries = gather::gather(parse::parse(text)?, bases)?;
    Ok(decode(&entries, bases, reading))
}
