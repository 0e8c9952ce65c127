//! A person's SSH keys as a directory has them, made into lines of authorized_keys (sshd(8)) that end with the grant.
//!
//! Every part of a line is understood before it is written again: people may often write their own entry, and a line that sshd reads
//! in another way than it was meant could bring an option, or a second line, that opens more. What is not understood is refused with a
//! reason, and never half taken. Opens no door by itself: the account phase asks again.

use std::collections::BTreeSet;
use std::fmt;

use jit_model::time::Timestamp;

mod blob;
mod options;
pub mod zone;

use options::Options;
use zone::Zone;

/// The longest comment that is written, in characters.
const MOST_COMMENT: usize = 128;

/// Why a key is not handed out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// Neither a key nor options and a key.
    #[error("it is no line of authorized_keys: write [options ]type base64 [comment]")]
    NoKey,
    /// A type that nobody should log in with any more, or that is unknown.
    #[error("sshd takes no key of the type `{0}`: use ssh-ed25519")]
    Type(String),
    /// A certificate is no key to be listed.
    #[error("a certificate is not listed: list its key, or name its authority in sshd's TrustedUserCAKeys")]
    Certificate,
    /// The key itself.
    #[error("its base64 is no key of the type {0}: paste the whole line of the .pub file")]
    Malformed(&'static str),
    /// Options that cannot be read.
    #[error("its options cannot be read: separate them by commas, with values in double quotes")]
    Options,
    /// An option that the host does not allow.
    #[error("it sets the option `{0}`, which [keys] options of this host's jitd.toml does not name")]
    Option(String),
    /// An option that no host allows.
    #[error("it sets the option `{0}`, which lets others in than the person: no directory may set it")]
    Never(String),
    /// A time that cannot be read.
    #[error("its expiry-time is no time: write YYYYMMDD or YYYYMMDDHHMM, with Z behind it for UTC")]
    Expiry,
}

/// A key that may be handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    options: Options,
    kind: &'static str,
    base64: String,
    /// Visible ASCII.
    comment: String,
}

impl Key {
    /// Reads a line. `allowed`: the options that a directory may set, by name, in lower case. `zone`: what an expiry-time without zone
    /// is written in.
    ///
    /// # Errors
    /// When it is not what sshd would take from its owner, or sets an option that is not allowed.
    pub fn read(line: &str, allowed: &BTreeSet<String>, zone: &Zone) -> Result<Key, KeyRefusal> {
        // Not even a tab, which sshd would take for a space: decoding has let none through, and nobody needs one.
        if line.chars().any(char::is_control) {
            return Err(KeyRefusal::NoKey);
        }
        let line = line.trim_matches(' ');
        let (first, rest) = options::first_word(line)?;
        let (options, kind, rest) = match kind_of(first) {
            Ok(kind) => (Options::default(), kind, rest),
            Err(known @ (KeyRefusal::Certificate | KeyRefusal::Type(_))) => return Err(known),
            Err(_) => {
                let (kind, rest) = word(rest).ok_or(KeyRefusal::NoKey)?;
                let kind = kind_of(kind)?;
                (Options::read(first, allowed, zone)?, kind, rest)
            }
        };
        let (base64, comment) = word(rest).ok_or(KeyRefusal::NoKey)?;
        if !blob::is_key(kind, base64) {
            return Err(KeyRefusal::Malformed(kind));
        }
        let visible = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
        let comment = comment.chars().take(MOST_COMMENT).map(visible).collect();
        Ok(Key { options, kind, base64: base64.to_owned(), comment })
    }

    /// Its line, good until `end` and no longer than it says itself; none if that is over at `now`.
    pub fn line(&self, end: Timestamp, now: Timestamp, zone: &Zone) -> Option<String> {
        let end = self.options.expiry.map_or(end, |own| end.min(own));
        if end <= now {
            return None;
        }
        let Key { options, kind, base64, comment } = self;
        let mut line = format!("{options}expiry-time=\"{}\" {kind} {base64}", zone.write(end));
        if !comment.is_empty() {
            line.push(' ');
            line.push_str(comment);
        }
        Some(line)
    }
}

impl fmt::Display for Options {
    /// With a comma behind each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.others.iter().try_for_each(|option| write!(f, "{option},"))
    }
}

/// How a line can be told from the person's others: by its comment, or else its beginning.
pub fn label(line: &str) -> String {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let at = words.iter().position(|word| kind_of(word).is_ok());
    let comment = at.and_then(|at| words.get(at + 2..)).filter(|comment| !comment.is_empty());
    let text = comment.map_or_else(|| line.to_owned(), |comment| comment.join(" "));
    let visible = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let mut short: String = text.chars().take(40).map(visible).collect();
    if text.chars().nth(40).is_some() {
        short.push_str("...");
    }
    short
}

/// The types that sshd takes by default, without certificates.
fn kind_of(word: &str) -> Result<&'static str, KeyRefusal> {
    const KINDS: [&str; 7] = [
        "ssh-ed25519",
        "sk-ssh-ed25519@openssh.com",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "ssh-rsa",
    ];
    if let Some(kind) = KINDS.into_iter().find(|kind| *kind == word) {
        return Ok(kind);
    }
    if word.ends_with("-cert-v01@openssh.com") {
        return Err(KeyRefusal::Certificate);
    }
    let looks_like_one = ["ssh-", "ecdsa-", "sk-", "rsa-"].iter().any(|begin| word.starts_with(begin));
    let plain = word.len() <= 40 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-@._".contains(&b));
    Err(if looks_like_one && plain { KeyRefusal::Type(word.to_owned()) } else { KeyRefusal::NoKey })
}

/// The next word, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(' ');
    let end = text.find(' ').unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    (!word.is_empty()).then(|| (word, rest.trim_matches(' ')))
}

#[cfg(test)]
mod tests;
