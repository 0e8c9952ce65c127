//! A file of pam.d as lines and words: comments, lines that go on after a backslash, brackets.

/// A line that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it begins, counted from 1.
    pub number: usize,
    /// Its text, joined if it went on, without its comment.
    pub text: Vec<u8>,
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Its lines.
    pub lines: Vec<Line>,
    /// It ends in the middle of a line: libpam refuses the file after its lines.
    pub cut: Option<usize>,
    /// Lines that Linux-PAM's versions read differently, and why.
    pub doubts: Vec<(usize, &'static str)>,
}

/// Linux-PAM before 1.5.3 reads pieces of 1023 bytes, and takes each for a line.
const LONGEST: usize = 1000;

/// Splits a file into its lines.
pub fn lines(file: &[u8]) -> Text {
    let mut text = Text::default();
    let mut open: Option<Line> = None;
    for (index, piece) in file.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let number = index.saturating_add(1);
        if piece.len() > LONGEST {
            text.doubts.push((number, "is longer than some versions of libpam read at once"));
        }
        if piece.contains(&0) {
            text.doubts.push((number, "has a NUL byte"));
        }
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
        let start = piece.iter().position(|byte| !blank(byte));
        let says = start.and_then(|start| piece.get(start..)).filter(|rest| rest.first() != Some(&b'#'));
        let Some(says) = says else {
            if open.is_some() {
                text.doubts
                    .push((number, "says nothing, where the line before goes on; versions of libpam differ"));
            }
            continue;
        };
        let comment = says.iter().position(|byte| *byte == b'#');
        // What stands before the line's first word belongs to it only where it goes on; it parts words.
        let mut line = open.take().unwrap_or(Line { number, text: Vec::new() });
        line.text.push(b' ');
        let goes_on = match comment {
            Some(at) => {
                line.text.extend(says.get(..at).unwrap_or(says));
                false
            }
            None => {
                let end = says.iter().rposition(|byte| !blank(byte)).map_or(0, |at| at.saturating_add(1));
                let trimmed = says.get(..end).unwrap_or(says);
                line.text.extend(trimmed.strip_suffix(b"\\").unwrap_or(trimmed));
                line.text.push(b' ');
                trimmed.ends_with(b"\\")
            }
        };
        if line.text.len() > LONGEST {
            text.doubts.push((line.number, "is longer than some versions of libpam read"));
        }
        if goes_on {
            open = Some(line);
        } else {
            text.lines.push(line);
        }
    }
    text.cut = open.map(|line| line.number);
    text
}

/// The words of a line: parted by blanks, or in brackets, in which `\]` is a bracket.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    /// Those of this text.
    pub fn of(text: &'a [u8]) -> Words<'a> {
        Words { rest: text }
    }
}

impl Iterator for Words<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
        let start = self.rest.iter().position(|byte| !blank(byte))?;
        let rest = self.rest.get(start..)?;
        let Some(inside) = rest.strip_prefix(b"[") else {
            let end = rest.iter().position(blank).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            self.rest = after;
            return Some(word.to_vec());
        };
        let mut word = Vec::new();
        let mut bytes = inside.iter().copied().enumerate().peekable();
        self.rest = &[];
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b']' => {
                    self.rest = inside.get(at.saturating_add(1)..).unwrap_or(&[]);
                    break;
                }
                b'\\' if bytes.peek().is_some_and(|(_, next)| *next == b']') => {
                    word.push(b']');
                    bytes.next();
                }
                _ => word.push(byte),
            }
        }
        Some(word)
    }
}
