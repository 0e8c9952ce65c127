//! What many sessions of a report have in common is kept once: hosts, logins, reasons, grants. As JSON it is what it would be by itself.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that others may share.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(Arc<str>);

impl From<&str> for Word {
    fn from(text: &str) -> Word {
        Word(text.into())
    }
}

impl From<String> for Word {
    fn from(text: String) -> Word {
        Word(text.into())
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Word {
    fn as_ref(&self) -> &str {
        self
    }
}

/// Equal words are equal texts with equal hashes, so a text finds its word.
impl Borrow<str> for Word {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq<str> for Word {
    fn eq(&self, text: &str) -> bool {
        **self == *text
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, text: &&str) -> bool {
        **self == **text
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
        String::deserialize(deserializer).map(Word::from)
    }
}

/// Lists of what others may share.
pub(super) mod shared {
    use super::{Arc, Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<T: Serialize, S: Serializer>(
        list: &[Arc<T>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(AsRef::as_ref))
    }

    pub(in super::super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Arc<T>>, D::Error> {
        Ok(Vec::<T>::deserialize(deserializer)?.into_iter().map(Arc::new).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Grant, Report, Session};
    use super::*;

    #[test]
    fn what_is_shared_reads_like_what_is_not() {
        let grant = Arc::new(Grant { id: "g1".to_owned(), ..Grant::default() });
        let session = Session {
            host: "web1".into(),
            from: Some("192.0.2.7".into()),
            grants: vec![Arc::clone(&grant), grant],
            ..Session::default()
        };
        let report = Report { sessions: vec![session], ..Report::default() };
        let json = serde_json::to_value(&report).unwrap();
        let session = &json["sessions"][0];
        assert_eq!(
            (&session["host"], &session["from"], &session["key"]),
            (&"web1".into(), &"192.0.2.7".into(), &().into())
        );
        assert_eq!((&session["grants"][0]["id"], &session["grants"][1]["id"]), (&"g1".into(), &"g1".into()));
        assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
    }
}
