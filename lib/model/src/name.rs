//! Short names with a narrow alphabet: PAM services, logins, sources. Never accepts a byte that a log line, a path
//! or a terminal could misread.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there, or more than 255 bytes.
    #[error("a {0} must have 1 to 255 characters")]
    Length(&'static str),
    /// A character outside the alphabet of this kind of name.
    #[error("`{1}` is no {0}: use letters, digits and {2}")]
    Alphabet(&'static str, String, &'static str),
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $extra:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the alphabet and the length.
            ///
            /// # Errors
            /// When the text is empty, too long, begins with `-` or holds another character.
            pub fn new(text: &str) -> Result<Self, NameError> {
                if text.is_empty() || text.len() > 255 {
                    return Err(NameError::Length($what));
                }
                let good = |c: char| c.is_ascii_alphanumeric() || $extra.contains(c);
                if text.starts_with('-') || !text.chars().all(good) {
                    return Err(NameError::Alphabet($what, text.escape_default().to_string(), $extra));
                }
                Ok(Self(text.to_owned()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A PAM service, as in the name of its file under /etc/pam.d: `sshd`, `sudo`, `su-l`. Case matters.
    Service, "service name", "._-"
);
name!(
    /// A Unix login, byte for byte as `getpwnam` returns it. Case matters.
    Login, "login", "._-@+$"
);
name!(
    /// A Unix group name.
    UnixGroup, "group name", "._-@+$"
);
name!(
    /// The name of a source in the configuration: the X in `[source.X]`.
    SourceName, "source name", "._-"
);
