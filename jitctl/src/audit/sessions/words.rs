//! Texts that stand in many lines, each kept once: an audit of a million lines has some thousand of them.

use std::collections::HashMap;
use std::num::NonZeroU32;

use jit_control::audit::Word;

/// Which text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(NonZeroU32);

/// The texts.
#[derive(Debug, Default)]
pub(super) struct Words {
    known: HashMap<Word, Id>,
    all: Vec<Word>,
}

impl Words {
    /// The text's number.
    pub(super) fn id(&mut self, text: &str) -> Id {
        if let Some(id) = self.known.get(text) {
            return *id;
        }
        let word = Word::from(text);
        self.all.push(word.clone());
        // So many texts do not fit into memory.
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let id = Id(NonZeroU32::new(number).unwrap_or(NonZeroU32::MAX));
        self.known.insert(word, id);
        id
    }

    /// The same, of what is there and not empty.
    pub(super) fn some(&mut self, text: Option<&str>) -> Option<Id> {
        text.filter(|text| !text.is_empty()).map(|text| self.id(text))
    }

    /// The text.
    pub(super) fn text(&self, id: Id) -> &str {
        self.get(id).map(AsRef::as_ref).unwrap_or_default()
    }

    /// The same, to be kept.
    pub(super) fn word(&self, id: Id) -> Word {
        self.get(id).cloned().unwrap_or_default()
    }

    /// A text of ours, which is kept once, too, if it was given a number.
    pub(super) fn ours(&self, text: &str) -> Word {
        self.known.get_key_value(text).map_or_else(|| Word::from(text), |(word, _)| word.clone())
    }

    fn get(&self, id: Id) -> Option<&Word> {
        let Id(number) = id;
        self.all.get(usize::try_from(number.get()).ok()?.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_number() {
        let mut words = Words::default();
        let (one, two) = (words.id("one"), words.id("two"));
        assert_ne!(one, two);
        assert_eq!((words.id("one"), words.some(Some("two"))), (one, Some(two)));
        assert_eq!(
            (words.text(one), words.word(two), words.ours("three")),
            ("one", "two".into(), "three".into())
        );
        assert_eq!((words.some(None), words.some(Some(""))), (None, None));
    }
}
