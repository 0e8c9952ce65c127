//! What a person's entry says of a Unix account and SSH keys (RFC 2307 and what directories made of it). Nothing of it decides about
//! access, so nothing of it can void a person: a value that cannot be used is left out and reported. Whoever hands a part on looks at
//! it again; here it is only made sure that it is text, and not endless.

use jit_model::people::Account;

use super::fields::{Fault, Fields};
use super::syntax;
use crate::entry::Entry;
use crate::schema::{
    CN, GECOS, GID_NUMBER, HOME_DIRECTORY, LOGIN_SHELL, SSH_PUBLIC_KEY, UNIX_HOME_DIRECTORY,
};

/// The longest name, path or shell, in bytes.
const MOST_TEXT: usize = 512;

/// How many keys of one person count. People may often write their own; nobody uses more.
const MOST_KEYS: usize = 32;

/// The longest key line, in bytes: an RSA key of 16,384 bits takes 2,800.
const MOST_KEY: usize = 8 << 10;

/// What is asked of a directory for [`account`], beside what makes a person.
pub(crate) const ATTRIBUTES: [&str; 7] =
    [GID_NUMBER, GECOS, CN, UNIX_HOME_DIRECTORY, HOME_DIRECTORY, LOGIN_SHELL, SSH_PUBLIC_KEY];

/// The account, and what of it cannot be used: one fault for each attribute.
pub(super) fn account(entry: &Entry) -> (Account, Vec<Fault>) {
    let fields = Fields(entry);
    let mut faults = Vec::new();
    let gid_number = number(&fields, GID_NUMBER).unwrap_or_else(|fault| {
        faults.push(fault);
        None
    });
    let mut text = |name| {
        short_text(&fields, name).unwrap_or_else(|fault| {
            faults.push(fault);
            None
        })
    };
    let gecos = text(GECOS).or_else(|| shortest_name(entry));
    // Active Directory has both: homeDirectory is a share of Windows there.
    let home = text(UNIX_HOME_DIRECTORY).or_else(|| match is_share(entry) {
        true => None,
        false => text(HOME_DIRECTORY),
    });
    let shell = text(LOGIN_SHELL);
    let ssh_keys = keys(entry, &mut faults);
    (Account { gid_number, gecos, home, shell, ssh_keys }, faults)
}

/// A number of a user or a group.
pub(super) fn number(fields: &Fields<'_>, name: &str) -> Result<Option<u32>, Fault> {
    let number = |value| syntax::integer(value, u64::from(u32::MAX)).map_err(|why| Fault::at(name, why));
    Ok(fields.optional(name)?.map(number).transpose()?.and_then(|n| u32::try_from(n).ok()))
}

fn short_text(fields: &Fields<'_>, name: &str) -> Result<Option<String>, Fault> {
    match fields.optional(name)? {
        Some(value) if value.len() > MOST_TEXT => {
            Err(Fault::at(name, format!("has more than {MOST_TEXT} bytes; shorten it")))
        }
        _ => fields.optional_text(name),
    }
}

/// A cn stands in for a gecos that is not there. Of several the first in the order of bytes, so that no server's order matters; one
/// that is no text is no fault, for nobody meant it for a gecos.
fn shortest_name(entry: &Entry) -> Option<String> {
    let values = entry.attributes.get(CN).into_iter().flatten().filter(|value| value.len() <= MOST_TEXT);
    values.filter_map(|value| syntax::text(value).ok()).min().map(str::to_owned)
}

fn is_share(entry: &Entry) -> bool {
    entry.attributes.get(HOME_DIRECTORY).into_iter().flatten().any(|value| value.starts_with(b"\\\\"))
}

/// The key lines, each once and in the order of their bytes, whatever order a server has. White space at the ends, as pasting a
/// file leaves it, is cut off.
fn keys(entry: &Entry, faults: &mut Vec<Fault>) -> Vec<String> {
    let values = entry.attributes.get(SSH_PUBLIC_KEY).map_or(&[][..], Vec::as_slice);
    let mut keys = Vec::new();
    let (mut left_out, mut first) = (0_usize, None);
    for value in values.iter().take(MOST_KEYS) {
        match key(value) {
            Ok(key) => keys.push(key),
            Err(why) => {
                left_out += 1;
                first.get_or_insert(why);
            }
        }
    }
    if let Some(why) = first {
        let which = if left_out == 1 { "a value" } else { "values, the first of which" };
        faults.push(Fault::at(SSH_PUBLIC_KEY, format!("is without {which} {why}")));
    }
    if values.len() > MOST_KEYS {
        faults.push(Fault::at(
            SSH_PUBLIC_KEY,
            format!("has more than {MOST_KEYS} values; the others are left out, remove some"),
        ));
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn key(value: &[u8]) -> Result<String, String> {
    let value = value.trim_ascii();
    if value.len() > MOST_KEY {
        return Err(format!("that has more than {MOST_KEY} bytes"));
    }
    match syntax::text(value) {
        Ok(text) => Ok(text.to_owned()),
        Err(why) => Err(format!("that {why}")),
    }
}

/// So much of a person's entry that what is too much can still be seen to be. The rest would only fill memory and disk, and whoever
/// may write his own keys could fill them on every host where he has a grant. The attribute of logins stays as it is: whoever lays
/// claim to a login must be seen to.
pub(crate) fn bounded(mut entry: Entry, login_attribute: &str) -> Entry {
    for (name, values) in &mut entry.attributes {
        let longest = match name.as_str() {
            name if name.eq_ignore_ascii_case(login_attribute) => continue,
            SSH_PUBLIC_KEY => MOST_KEY,
            name if ATTRIBUTES.contains(&name) => MOST_TEXT,
            _ => continue,
        };
        values.truncate(MOST_KEYS + 1);
        for value in values {
            // White space at the ends is not counted, and there may be some.
            value.truncate(longest * 2);
            value.shrink_to_fit();
        }
    }
    entry
}

#[cfg(test)]
mod tests;
