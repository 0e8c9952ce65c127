//! One line of the list: `principals [options] type base64 [comment]`, taken apart as parse_principals_key_and_options of OpenSSH's
//! sshsig.c does it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::options::{self, Options};
use super::{Signer, fingerprint};
use crate::blob::key_data;
use crate::key::{Key, TYPES, Unfit};

/// A line that can be used.
#[derive(Debug)]
pub(super) struct Line {
    /// Its number is not known here.
    pub(super) signer: Signer,
    pub(super) remarks: Vec<String>,
}

/// No line is longer, in bytes: a key of 8192 bits has less than 1500.
const LONGEST: usize = 16 << 10;

/// Types of keys that OpenSSH knows, and that may not sign here.
const OTHERS: [&str; 2] = ["ecdsa-sha2-nistp521", "ssh-dss"];

/// Why a line cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("is longer than {LONGEST} bytes")]
    Long,
    #[error("is not UTF-8")]
    NotText,
    #[error("holds a control character")]
    Control,
    #[error(
        "has no key: write `principals [options] type key`, as in bob namespaces=\"jit-approval\" ssh-ed25519 AAAA…"
    )]
    NoKey,
    #[error("has a quote without its end")]
    OpenQuote,
    #[error("`{0}` needs a value in quotes, as in {0}=\"…\"")]
    Quotes(&'static str),
    #[error("`{0}` stands twice: keep one")]
    Twice(&'static str),
    #[error("`{0}` is no time: write it as in {0}=\"20261231Z\"")]
    Time(&'static str),
    #[error(
        "its valid-before is not after its valid-after, so it is never valid (times without Z count as the narrowest they can mean)"
    )]
    Never,
    #[error("its options end with a comma")]
    Comma,
    #[error("`{}` is neither a type of key nor an option that is known: namespaces, valid-after, valid-before", .0.escape_debug())]
    Unknown(String),
    #[error("certificates are not taken: name each key")]
    Authority,
    #[error("its key cannot be read")]
    Key,
    #[error("its key {0}")]
    Unfit(#[from] Unfit),
}

/// What a line says; nothing if it is empty or a comment.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Line>, Fault> {
    let bytes = bytes.trim_ascii();
    // Whatever else a comment holds.
    if bytes.is_empty() || bytes.starts_with(b"#") {
        return Ok(None);
    }
    if bytes.len() > LONGEST {
        return Err(Fault::Long);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText)?;
    // To OpenSSH, which is written in C, a line ends at a NUL.
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Fault::Control);
    }
    let (principals, rest) = principals(text)?;
    // sshsig.c tries to read a key first, and only then options.
    let (options, key) = if is_type(word(rest).0) {
        (Options::default(), rest)
    } else {
        let (options, key) = options::cut(rest).ok_or(Fault::OpenQuote)?;
        let key = key.trim_start_matches([' ', '\t']);
        if key.is_empty() && options.is_empty() {
            return Err(Fault::NoKey);
        }
        (options::parse(options)?, key)
    };
    let (kind, key) = word(key);
    let (base64, _comment) = word(key);
    if kind.is_empty() {
        return Err(Fault::NoKey);
    }
    if !TYPES.contains(&kind) {
        return Err(Fault::Unfit(Unfit::Type(kind.chars().take(60).collect())));
    }
    let data = STANDARD.decode(base64).ok().and_then(|bytes| key_data(&bytes)).ok_or(Fault::Key)?;
    // sshkey_read: the word before the key says what the key says.
    if data.algorithm().as_str() != kind {
        return Err(Fault::Key);
    }
    Key::of(&data)?;
    let mut remarks: Vec<String> = Vec::new();
    for name in &options.without_zone {
        remarks.push(format!(
            "{name} names no zone, so it counts as the narrowest that it can mean anywhere: end it with Z, as in {name}=\"20261231Z\""
        ));
    }
    if principals.chars().any(char::is_uppercase) {
        remarks.push(
            "approvers' names are compared in lower case: what has upper case here fits nobody".to_owned(),
        );
    }
    let Options { namespaces, valid_after, valid_before, without_zone: _ } = options;
    let key = fingerprint(&data);
    let signer = Signer { line: 0, principals, key, namespaces, valid_after, valid_before, data };
    Ok(Some(Line { signer, remarks }))
}

/// The principals, and the rest: strdelimw of misc.c, by which a word ends at white space, or, once a quote opens in it, where the quote
/// closes.
fn principals(text: &str) -> Result<(String, &str), Fault> {
    let Some(end) = text.find([' ', '\t', '"']) else { return Err(Fault::NoKey) };
    let (front, rest) = text.split_at_checked(end).ok_or(Fault::NoKey)?;
    let (principals, rest) = match rest.strip_prefix('"') {
        Some(quoted) => {
            let (inside, rest) = quoted.split_once('"').ok_or(Fault::OpenQuote)?;
            (format!("{front}{inside}"), rest)
        }
        None => (front.to_owned(), rest),
    };
    Ok((principals, rest.trim_start_matches([' ', '\t'])))
}

/// Whether a word is a type of key, be it one that may sign here or not.
fn is_type(word: &str) -> bool {
    TYPES.contains(&word) || OTHERS.contains(&word) || word.contains("-cert-v01@openssh.com")
}

/// A word and what follows it, without the space between.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) =
        text.split_at_checked(text.find([' ', '\t']).unwrap_or(text.len())).unwrap_or((text, ""));
    (word, rest.trim_start_matches([' ', '\t']))
}
