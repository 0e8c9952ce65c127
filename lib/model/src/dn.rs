//! Distinguished names (RFC 4514) in one normal form, so that equal names are equal bytes.
//!
//! Who approved, who is eligible and where an entry stands are all decided by comparing names, so two different entries
//! must never share a normal form, and an escaped comma must never pass for the border between two RDNs. In the normal
//! form a raw `,` or `+` is always a border: inside values both are written `\2c` and `\2b`.
//!
//! The normal form: types and values in lower case; the well-known types by their short names, whatever alias or OID was
//! written; no space around `,` `+` `=`; spaces at the ends of a value dropped and runs of them squeezed to one (RFC 4518
//! §2.6.1); every special or control character as `\` and two lower-case hexadecimal digits; the parts of a multi-valued
//! RDN sorted. A `#hex` value that is the BER encoding of a text is written as that text; any other stays `#hex`. Unicode
//! normalisation is not done: names that differ in it are different names, which denies.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

/// The longest name that is read, in bytes: names come from entries of at most 16 KiB.
const LONGEST: usize = 8_192;

/// Attribute types that people write in more than one way: the short name, then aliases and the OID (RFC 4514 §3,
/// RFC 4519, RFC 4524).
const TYPES: [(&str, &[&str]); 11] = [
    ("cn", &["commonname", "2.5.4.3"]),
    ("sn", &["surname", "2.5.4.4"]),
    ("c", &["countryname", "2.5.4.6"]),
    ("l", &["localityname", "2.5.4.7"]),
    ("st", &["stateorprovincename", "2.5.4.8"]),
    ("street", &["streetaddress", "2.5.4.9"]),
    ("o", &["organizationname", "2.5.4.10"]),
    ("ou", &["organizationalunitname", "2.5.4.11"]),
    ("uid", &["userid", "0.9.2342.19200300.100.1.1"]),
    ("mail", &["rfc822mailbox", "0.9.2342.19200300.100.1.3"]),
    ("dc", &["domaincomponent", "0.9.2342.19200300.100.1.25"]),
];

/// A distinguished name in normal form: see the module. Never the empty name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dn(String);

/// Why a text is no distinguished name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no distinguished name (RFC 4514), such as uid=alice,ou=people,dc=example,dc=com")]
pub struct DnError(pub String);

impl TryFrom<String> for Dn {
    type Error = DnError;
    fn try_from(text: String) -> Result<Self, DnError> {
        Self::parse(&text)
    }
}

impl From<Dn> for String {
    fn from(dn: Dn) -> String {
        dn.0
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Dn {
    /// Parses and normalises.
    ///
    /// # Errors
    /// When the text is not an RFC 4514 name, is empty, holds an empty value or a value that is no UTF-8, or is longer
    /// than 8 KiB.
    pub fn parse(text: &str) -> Result<Dn, DnError> {
        let bad = || DnError(text.chars().take(200).collect());
        if text.len() > LONGEST {
            return Err(bad());
        }
        let normal = Reader { rest: text }.name().ok_or_else(bad)?;
        Ok(Dn(normal))
    }

    /// The name of an entry directly under this one: `attribute=value,<this>`. The value is taken as it is and escaped.
    ///
    /// # Errors
    /// When the attribute is no attribute type, or the value is empty.
    pub fn child(&self, attribute: &str, value: &str) -> Result<Dn, DnError> {
        let bad = || DnError(format!("{attribute}={}", value.chars().take(200).collect::<String>()));
        let attribute = attribute_type(attribute).ok_or_else(bad)?;
        let value = normal_value(value).ok_or_else(bad)?;
        let name = format!("{attribute}={value},{}", self.0);
        if name.len() > LONGEST { Err(bad()) } else { Ok(Dn(name)) }
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name above this one; `None` if this one has a single RDN.
    pub fn parent(&self) -> Option<Dn> {
        self.0.split_once(',').map(|(_, above)| Dn(above.to_owned()))
    }

    /// Whether this name is exactly one RDN below `base`.
    pub fn is_directly_under(&self, base: &Dn) -> bool {
        self.0.split_once(',').is_some_and(|(_, above)| above == base.0)
    }

    /// Whether this name stands somewhere below `base`, at any depth, and is not `base` itself.
    pub fn is_below(&self, base: &Dn) -> bool {
        // A raw comma is always a border between RDNs, so the end of the text is enough to look at.
        self.0.strip_suffix(base.0.as_str()).is_some_and(|front| front.ends_with(','))
    }

    /// The value of the first RDN in its normal form but without escapes: `alice` for `uid=alice,ou=people`. Of a
    /// multi-valued RDN the first. What people call the entry.
    pub fn rdn_value(&self) -> String {
        let rdn = self.0.split([',', '+']).next().unwrap_or_default();
        let value = rdn.split_once('=').map_or(rdn, |(_, value)| value);
        if value.starts_with('#') {
            return value.to_owned();
        }
        let mut bytes = Vec::with_capacity(value.len());
        let mut rest = value.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'\\' => match (rest.next().and_then(nibble), rest.next().and_then(nibble)) {
                    (Some(high), Some(low)) => bytes.push(high << 4 | low),
                    _ => break,
                },
                _ => bytes.push(byte),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Reads a name from left to right; each method takes what it understood off the front.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn name(mut self) -> Option<String> {
        let mut normal = String::with_capacity(self.rest.len());
        loop {
            let mut parts = vec![self.part()?];
            while self.take('+') {
                parts.push(self.part()?);
            }
            parts.sort_unstable();
            // An RDN has no type twice (X.501 §9.3).
            if parts.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
                return None;
            }
            for (i, (kind, value)) in parts.iter().enumerate() {
                let border = if i == 0 { "" } else { "+" };
                write!(normal, "{border}{kind}={value}").ok()?;
            }
            if self.rest.is_empty() {
                return Some(normal);
            }
            if !self.take(',') {
                return None;
            }
            normal.push(',');
        }
    }

    /// `type=value`, up to a border or the end.
    fn part(&mut self) -> Option<(String, String)> {
        let (kind, rest) = self.rest.split_once('=')?;
        let kind = attribute_type(kind.trim_matches(' '))?;
        self.rest = rest.trim_start_matches(' ');
        let value = if self.take('#') { self.hex_value()? } else { self.text_value()? };
        Some((kind, value))
    }

    fn take(&mut self, border: char) -> bool {
        match self.rest.strip_prefix(border) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The digits after `#`: the BER encoding of a value (RFC 4514 §2.4).
    fn hex_value(&mut self) -> Option<String> {
        let end = self.rest.find([',', '+']).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        let digits = digits.trim_end_matches(' ').as_bytes();
        if digits.is_empty() || digits.len() % 2 != 0 {
            return None;
        }
        let bytes = digits
            .chunks_exact(2)
            .map(|pair| match pair {
                [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
                _ => None,
            })
            .collect::<Option<Vec<u8>>>()?;
        if let Some(value) = ber_text(&bytes).and_then(normal_value) {
            return Some(value);
        }
        let mut normal = String::from("#");
        for byte in bytes {
            write!(normal, "{byte:02x}").ok()?;
        }
        Some(normal)
    }

    fn text_value(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        let mut chars = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                ',' | '+' => {
                    end = at;
                    break;
                }
                '"' | ';' | '<' | '>' | '\0' => return None,
                '\\' => {
                    let (_, escaped) = chars.next()?;
                    if matches!(escaped, ' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\') {
                        bytes.push(u8::try_from(escaped).ok()?);
                    } else {
                        let high = nibble(u8::try_from(escaped).ok()?)?;
                        let low = nibble(u8::try_from(chars.next()?.1).ok()?)?;
                        bytes.push(high << 4 | low);
                    }
                }
                _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        self.rest = self.rest.get(end..)?;
        normal_value(&String::from_utf8(bytes).ok()?)
    }
}

/// An attribute type (RFC 4512 §1.4: a descriptor or a numeric OID) under its short name.
fn attribute_type(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    // RFC 1779 and some tools write `OID.2.5.4.3`.
    let name = lower.strip_prefix("oid.").unwrap_or(&lower);
    if let Some((short, _)) = TYPES.iter().find(|(short, others)| *short == name || others.contains(&name)) {
        return Some((*short).to_owned());
    }
    let numeric = name.starts_with(|c: char| c.is_ascii_digit());
    let good = if numeric {
        let arc = |arc: &str| {
            !arc.is_empty()
                && arc.bytes().all(|b| b.is_ascii_digit())
                && (arc == "0" || !arc.starts_with('0'))
        };
        name.contains('.') && name.split('.').all(arc)
    } else {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && lower.len() == name.len()
    };
    good.then(|| name.to_owned())
}

/// A value in lower case, squeezed and escaped; `None` if nothing is left of it.
fn normal_value(text: &str) -> Option<String> {
    let mut normal = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars().flat_map(char::to_lowercase) {
        if c == ' ' {
            gap = !normal.is_empty();
            continue;
        }
        if std::mem::take(&mut gap) {
            normal.push(' ');
        }
        if must_escape(c) || (c == '#' && normal.is_empty()) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                write!(normal, "\\{byte:02x}").ok()?;
            }
        } else {
            normal.push(c);
        }
    }
    (!normal.is_empty()).then_some(normal)
}

/// What RFC 4514 §2.4 wants escaped, and what a terminal could misread: controls, and characters that are invisible or
/// turn the direction of the text around.
fn must_escape(c: char) -> bool {
    matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\')
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The text in a BER value: UTF8String, PrintableString, TeletexString in ASCII, IA5String or OCTET STRING with a definite
/// length that is all there is.
fn ber_text(bytes: &[u8]) -> Option<&str> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    if !matches!(tag, 0x04 | 0x0c | 0x13 | 0x14 | 0x16) {
        return None;
    }
    let (length, content) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (length, content) = rest.split_at_checked(usize::from(*first & 0x7f))?;
        if length.is_empty() || length.len() > 2 {
            return None;
        }
        (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), content)
    };
    if *tag == 0x14 && !content.is_ascii() {
        return None;
    }
    (content.len() == length).then_some(content).and_then(|content| std::str::from_utf8(content).ok())
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
