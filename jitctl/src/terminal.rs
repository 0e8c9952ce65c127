//! What reaches the terminal: plain aligned tables, colours only where they are wanted, and never a control character
//! that came from a directory, for an entry could otherwise rewrite the line above it (RFC 3629 text is not safe text).

use std::fmt::Write as _;
use std::io::IsTerminal;

use rustix::termios::tcgetwinsize;

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// A person's terminal.
    On,
    /// A file, a pipe, NO_COLOR, or a dumb terminal.
    Off,
}

impl Colour {
    /// For standard output as it is: a terminal that is not dumb, and no NO_COLOR (no-color.org).
    pub fn for_stdout() -> Colour {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|t| t == "dumb");
        if std::io::stdout().is_terminal() && !unwanted && !dumb { Colour::On } else { Colour::Off }
    }

    /// The text in a tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        match (self, tone.code()) {
            (Colour::On, Some(code)) if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Live, allowed, healthy.
    Good,
    /// Waiting, or worth a look.
    Fair,
    /// Denied, refused, degraded.
    Bad,
    /// Over; of little interest.
    Faint,
    /// A heading.
    Strong,
}

impl Tone {
    fn code(self) -> Option<&'static str> {
        match self {
            Tone::Plain => None,
            Tone::Good => Some("32"),
            Tone::Fair => Some("33"),
            Tone::Bad => Some("31"),
            Tone::Faint => Some("2"),
            Tone::Strong => Some("1"),
        }
    }
}

/// Whether a character may act on a terminal, or on the reader, instead of being seen: controls (C0, DEL, C1), line and
/// paragraph separators, direction overrides, what has no width, and what is as blank as a space but is none (Unicode's
/// Default_Ignorable_Code_Point, the Hangul fillers among them, and the blanks of U+2000).
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A word of a command line that people copy into a shell: as it is where no shell makes anything of it, else in single quotes. One that
/// would be taken for an option has `--` before it.
pub fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-,:@%+=/".contains(&b);
    let shown = match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    if word.starts_with('-') { format!("-- {shown}") } else { shown }
}

/// The columns of the terminal that standard error is; 80 where it does not say.
pub fn columns() -> usize {
    match tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => 80,
    }
}

/// A cleaned text cut into lines of at most so many columns, at blanks where there are some. What is not ASCII counts for two columns, so
/// that no terminal breaks a line where we do not: what it would put at the beginning of its next line could look like ours.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = Vec::new();
    let (mut line, mut width) = (String::new(), 0);
    for c in text.chars() {
        let wide = if c.is_ascii() { 1 } else { 2 };
        if width + wide > columns {
            let rest = match line.rfind(' ').filter(|at| at * 2 > line.len()) {
                Some(at) => line.split_off(at).trim_start_matches(' ').to_owned(),
                None => String::new(),
            };
            width = rest.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
            lines.push(std::mem::replace(&mut line, rest));
        }
        line.push(c);
        width += wide;
    }
    lines.push(line);
    lines
}

/// The beginning of a text that is longer than people write; the rest is counted.
pub fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => {
            let more = text.chars().count() - most;
            format!("{} … and {more} more characters", text.get(..end).unwrap_or_default())
        }
        None => text.to_owned(),
    }
}

/// The text with everything that could act on a terminal written out: `\x1b` becomes `\u{1b}`.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if acts(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// JSON that is as safe on a terminal: serde_json leaves DEL, C1 and direction overrides as they are. They can only stand
/// inside strings, where `\uXXXX` means the same.
pub fn clean_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if acts(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// A table: columns as wide as their widest cell, two spaces between, no lines.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Cells(Vec<(Tone, String)>),
    Note(Tone, String),
}

impl Table {
    /// With a heading.
    pub fn new(heading: &[&str]) -> Table {
        Table { rows: vec![Row::Cells(heading.iter().map(|h| (Tone::Strong, (*h).to_owned())).collect())] }
    }

    /// Without one.
    pub fn bare() -> Table {
        Table::default()
    }

    /// A row. Cells are cleaned here, so that none is forgotten; and all but the last are cut where they are longer than anything that
    /// people write, for every other row gets as wide.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = (Tone, S)>) {
        /// Of characters.
        const WIDEST: usize = 160;
        let mut cells: Vec<_> = cells.into_iter().map(|(tone, cell)| (tone, clean(cell.as_ref()))).collect();
        for (_, cell) in cells.iter_mut().rev().skip(1) {
            *cell = beginning(cell, WIDEST);
        }
        self.rows.push(Row::Cells(cells));
    }

    /// A remark below the last row, outside the columns.
    pub fn note(&mut self, tone: Tone, text: &str) {
        self.rows.push(Row::Note(tone, clean(text)));
    }

    /// The lines, each with its newline.
    pub fn render(&self, colour: Colour) -> String {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            let Row::Cells(cells) = row else { continue };
            for (i, (_, cell)) in cells.iter().enumerate() {
                let width = cell.chars().count();
                match widths.get_mut(i) {
                    Some(widest) => *widest = width.max(*widest),
                    None => widths.push(width),
                }
            }
        }
        let mut out = String::new();
        for row in &self.rows {
            match row {
                Row::Note(tone, text) => out.push_str(&format!("    {}", colour.paint(*tone, text))),
                Row::Cells(cells) => {
                    let last = cells.iter().rposition(|(_, cell)| !cell.is_empty()).unwrap_or(0);
                    for ((i, (tone, cell)), width) in cells.iter().enumerate().zip(&widths).take(last + 1) {
                        out.push_str(&colour.paint(*tone, cell));
                        if i < last {
                            out.push_str(&" ".repeat(width - cell.chars().count() + 2));
                        }
                    }
                }
            }
            out.push('\n');
        }
        out
    }
}

/// A list in one cell: all of it while it is short, else its beginning and how many more.
pub fn some_of(items: &[String], most: usize) -> String {
    let shown = items.get(..most.min(items.len())).unwrap_or_default().join(", ");
    match items.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_the_terminal() {
        let hostile = "a\x1b]0;owned\x07\r\nb\u{9b}2J\u{202e}c\u{7f}\u{200b}\u{2066}\u{2028}\0é漢";
        let shown = clean(hostile);
        assert!(!shown.chars().any(acts), "{shown:?}");
        assert!(shown.starts_with("a\\u{1b}]0;owned\\u{7}\\u{d}\\nb"), "{shown}");
        assert!(shown.ends_with("é漢"));
    }

    #[test]
    fn nothing_blank_hides() {
        for hidden in
            ['\u{3164}', '\u{2800}', '\u{115f}', '\u{ffa0}', '\u{34f}', '\u{2003}', '\u{fe0f}', '\u{e0100}']
        {
            assert!(clean(&format!("a{hidden}b")).contains("\\u{"), "{hidden:?}");
        }
    }

    #[test]
    fn what_people_copy_is_one_word() {
        for (word, shown) in [
            ("0f3a9c", "0f3a9c"),
            ("x; rm -rf ~", "'x; rm -rf ~'"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
            ("--config=/tmp/x", "-- --config=/tmp/x"),
            ("-x y", "-- '-x y'"),
            ("~root", "'~root'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }

    #[test]
    fn no_line_is_left_for_the_terminal_to_break() {
        assert_eq!(wrapped("a reason that goes on", 10), ["a reason", "that goes", "on"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("漢漢漢", 4), ["漢漢", "漢"]);
        assert_eq!(wrapped("", 10), [""]);
        let padded = format!("deploy{}approved  by carol", " ".repeat(80));
        assert!(wrapped(&padded, 40).iter().all(|line| line.chars().count() <= 40));
        for text in ["deploy the new thing", "x  y   z", &padded] {
            let squeezed = |text: &str| text.replace(' ', "");
            assert_eq!(squeezed(&wrapped(text, 7).concat()), squeezed(text));
        }
        assert_eq!(beginning("abc", 3), "abc");
        assert_eq!(beginning("abcde", 3), "abc … and 2 more characters");
    }

    #[test]
    fn cleaned_json_means_the_same() {
        let hostile = "a\x1b\u{9b}\u{7f}\u{202e}\u{e0041}\"\\é";
        let json = serde_json::to_string(hostile).unwrap();
        let safe = clean_json(&json);
        assert!(!safe.chars().any(acts), "{safe:?}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), hostile);
    }

    #[test]
    fn columns_line_up_with_and_without_colour() {
        let mut table = Table::new(&["ID", "STATE", "WHY"]);
        table.row([(Tone::Plain, "a"), (Tone::Good, "live"), (Tone::Plain, "")]);
        table.row([(Tone::Plain, "bé\n"), (Tone::Bad, "refused"), (Tone::Plain, "too long")]);
        table.note(Tone::Faint, "so it\x1b is");
        let plain = table.render(Colour::Off);
        assert_eq!(plain, "ID    STATE    WHY\na     live\nbé\\n  refused  too long\n    so it\\u{1b} is\n");
        let coloured = table.render(Colour::On);
        let stripped = ["\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[0m"]
            .iter()
            .fold(coloured, |s, c| s.replace(c, ""));
        assert_eq!(stripped, plain);
    }

    #[test]
    fn nobody_makes_a_column_as_wide_as_he_likes() {
        let mut table = Table::bare();
        table.row([(Tone::Plain, "a".repeat(5000)), (Tone::Plain, "b".to_owned())]);
        table.row([(Tone::Plain, "c".to_owned()), (Tone::Plain, "d".repeat(5000))]);
        let lines: Vec<String> = table.render(Colour::Off).lines().map(str::to_owned).collect();
        assert!(lines[0].len() < 250 && lines[0].ends_with("and 4840 more characters  b"), "{}", lines[0]);
        assert!(lines[1].ends_with(&"d".repeat(5000)));
    }

    #[test]
    fn long_lists_are_cut() {
        let items: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        assert_eq!(some_of(&items, 3), "a, b, c");
        assert_eq!(some_of(&items, 1), "a and 2 more");
        assert_eq!(some_of(&[], 1), "");
    }
}
