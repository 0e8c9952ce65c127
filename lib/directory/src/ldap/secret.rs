//! A password that somebody typed. It is held in memory for as long as it is needed, shown nowhere, and overwritten when it is dropped;
//! what the LDAP crate copies of it into its messages is not.

use std::fmt;

use zeroize::Zeroizing;

/// A password. Its text is for the server alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a password over.
    pub fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// To be sent, and nothing else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_to_nobody() {
        let bind = crate::ldap::Bind::Password {
            dn: jit_model::dn::Dn::parse("uid=alice,dc=example").unwrap(),
            password: Secret::new("correct horse".to_owned()),
        };
        assert!(!format!("{bind:?} {bind:#?}").contains("horse"));
    }
}
