//! A terminal that is drawn on as a whole, and given back as it was: when whoever looks has seen enough, and when this program fails.

use std::io::{self, Write};
use std::panic;
use std::sync::{Mutex, PoisonError};

use rustix::termios::tcgetwinsize;

/// The alternate screen (xterm's private mode 1049), no cursor, and no line broken where a character is wider than we think.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// All of that back, and the screen that was there before.
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// What a panic said while a screen was up: printed when it is gone, for on it nobody could read it.
static FAULTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// How much fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: usize,
    /// Characters in a line.
    pub columns: usize,
}

/// A terminal that was taken over. Dropping it gives it back.
#[derive(Debug)]
pub struct Screen(());

impl Screen {
    /// Takes over the terminal of standard output.
    pub fn enter() -> Screen {
        panic::set_hook(Box::new(|info| {
            FAULTS.lock().unwrap_or_else(PoisonError::into_inner).push(info.to_string());
        }));
        // A terminal that cannot be written to is noticed at the first drawing.
        let _ = write(ENTER);
        Screen(())
    }

    /// How large it is now; 24 by 80 where it does not say.
    pub fn size(&self) -> Size {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_row > 0 && size.ws_col > 0 => {
                Size { rows: usize::from(size.ws_row), columns: usize::from(size.ws_col) }
            }
            _ => Size { rows: 24, columns: 80 },
        }
    }

    /// Draws these lines, cut to the width, and nothing else; and rings the bell, if told to.
    ///
    /// # Errors
    /// When nobody is there any more.
    pub fn draw(&mut self, lines: &[String], rings: bool) -> io::Result<()> {
        write(&frame(lines, self.size(), rings))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = write(LEAVE);
        let _ = panic::take_hook();
        let faults = std::mem::take(&mut *FAULTS.lock().unwrap_or_else(PoisonError::into_inner));
        for fault in faults {
            let _ = writeln!(io::stderr(), "jitctl: {}", crate::terminal::clean(&fault));
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// What is sent: from the upper left corner line by line, each cleared behind its end, and what is below too; in one piece, so that nothing
/// flickers.
fn frame(lines: &[String], size: Size, rings: bool) -> String {
    let mut out = String::from("\x1b[H");
    let shown = lines.get(..size.rows.min(lines.len())).unwrap_or_default();
    for (i, line) in shown.iter().enumerate() {
        if i > 0 {
            out.push_str("\r\n");
        }
        out.push_str(&cut(line, size.columns));
        out.push_str("\x1b[K");
    }
    out.push_str("\x1b[J");
    if rings {
        out.push('\x07');
    }
    out
}

/// A line cut to so many characters. Colours (the only escapes that can be in it: everything else was cleaned) take no room, and end.
fn cut(line: &str, columns: usize) -> String {
    let mut out = String::with_capacity(line.len());
    let (mut width, mut coloured) = (0, false);
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        if c == '\x1b' {
            let escape: String = characters.by_ref().take_while(|c| *c != 'm').collect();
            coloured = escape != "[0";
            out.push_str(&format!("\x1b{escape}m"));
            continue;
        }
        if width == columns {
            break;
        }
        width += 1;
        out.push(c);
    }
    if coloured {
        out.push_str("\x1b[0m");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_without_cutting_colours() {
        assert_eq!(cut("abcdef", 3), "abc");
        assert_eq!(cut("\x1b[31mabcdef\x1b[0m", 3), "\x1b[31mabc\x1b[0m");
        assert_eq!(cut("\x1b[31mab\x1b[0mcdef", 3), "\x1b[31mab\x1b[0mc");
        assert_eq!(cut("é漢x", 2), "é漢");
        assert_eq!(cut("", 0), "");
    }

    #[test]
    fn a_frame_has_as_many_lines_as_the_terminal() {
        let lines: Vec<String> = ["one", "two", "three"].map(String::from).to_vec();
        let size = Size { rows: 2, columns: 10 };
        assert_eq!(frame(&lines, size, false), "\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J");
        assert!(frame(&lines, size, true).ends_with("\x1b[J\x07"));
    }
}
