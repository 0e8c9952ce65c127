//! Text from outside made fit for a frame, a log line or a terminal: a fixed buffer, bad characters replaced, too much cut.
//! What was cut or replaced can be asked, so that nobody takes a mangled name for the name. Never allocates.

/// Whether a character may stand in one line of text: no control character, no line separator, nothing that turns the
/// direction of writing or hides (Unicode Bidi_Control, U+200B–U+200F, U+2028–U+202E, U+2060–U+206F, U+FEFF).
pub fn printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// At most `N` bytes of text that fits.
#[derive(Clone)]
pub struct Cleaned<const N: usize> {
    bytes: [u8; N],
    len: usize,
    cut: bool,
    replaced: bool,
}

impl<const N: usize> Cleaned<N> {
    /// One line: what is not printable becomes `?`, newlines too.
    pub fn line(raw: &[u8]) -> Cleaned<N> {
        Self::with(raw, |_| false)
    }

    /// Several lines: the same, but newlines stay.
    pub fn lines(raw: &[u8]) -> Cleaned<N> {
        Self::with(raw, |c| c == '\n')
    }

    fn with(raw: &[u8], also: impl Fn(char) -> bool) -> Cleaned<N> {
        let mut cleaned = Cleaned { bytes: [0; N], len: 0, cut: false, replaced: false };
        'chunks: for chunk in raw.utf8_chunks() {
            for c in chunk.valid().chars() {
                let good = printable(c) || also(c);
                if !cleaned.push(if good { c } else { '?' }) {
                    break 'chunks;
                }
                cleaned.replaced |= !good;
            }
            if !chunk.invalid().is_empty() {
                if !cleaned.push('?') {
                    break 'chunks;
                }
                cleaned.replaced = true;
            }
        }
        cleaned
    }

    fn push(&mut self, c: char) -> bool {
        let end = self.len.saturating_add(c.len_utf8());
        match self.bytes.get_mut(self.len..end) {
            Some(room) => {
                c.encode_utf8(room);
                self.len = end;
                true
            }
            None => {
                self.cut = true;
                false
            }
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or("")
    }

    /// Whether the end is missing.
    pub fn was_cut(&self) -> bool {
        self.cut
    }

    /// Whether the text is exactly what came in.
    pub fn is_whole(&self) -> bool {
        !self.cut && !self.replaced
    }
}

impl<const N: usize> core::fmt::Debug for Cleaned<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Cleaned").field(&self.as_str()).finish()
    }
}
