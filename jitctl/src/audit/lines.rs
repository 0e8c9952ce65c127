//! Lines as they stand in a file: bytes, their hash, where they stand. A line longer than any of jitd's is hashed like the others, so that
//! the chain is judged rightly, but not kept.

use std::io::{self, BufRead, Read};
use std::path::Path;
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::input::{self, Series};

/// How often, and how soon, the end of a file is looked at again that ends within a line.
const LOOKS: u32 = 5;
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Longer than any line of jitd's.
pub const LONGEST: usize = 1 << 20;

/// SHA-256 of a line, without its newline.
pub type Hash = [u8; 32];

/// A line.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// In which file.
    pub file: &'a Path,
    /// Which one, from 1.
    pub number: u64,
    /// Without its newline; of one that is too long, the beginning.
    pub bytes: &'a [u8],
    /// How it ends.
    pub end: End,
    /// Of all of it.
    pub hash: Hash,
}

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a newline.
    Whole,
    /// With the file.
    Torn,
    /// After more than [`LONGEST`] bytes.
    Endless,
}

/// Calls `see` with each line of a series. What cannot be read is handed to `fail`, and the next file goes on.
pub fn each(
    series: &Series,
    mut see: impl FnMut(&Raw<'_>),
    mut fail: impl FnMut(&Path, Option<u64>, String),
) {
    for found in &series.files {
        let path = found.path.as_path();
        let mut reader = match input::open(found) {
            Ok(reader) => reader,
            Err(why) => {
                fail(path, None, why);
                continue;
            }
        };
        let (mut number, mut bytes) = (0, Vec::with_capacity(4096));
        loop {
            match next(&mut reader, &mut bytes) {
                Ok(None) => break,
                Ok(Some((end, hash))) => {
                    number += 1;
                    see(&Raw { file: path, number, bytes: &bytes, end, hash });
                }
                Err(error) => {
                    fail(path, Some(number + 1), format!("it cannot be read from here on: {error}"));
                    break;
                }
            }
        }
    }
}

/// Where the file ends within a line: jitd may just be writing it, so it is looked at again a few times.
fn torn(reader: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<End> {
    for _ in 0..LOOKS {
        thread::sleep(LOOK_AGAIN);
        let room = LONGEST.saturating_sub(bytes.len());
        reader.by_ref().take(u64::try_from(room).unwrap_or(u64::MAX)).read_until(b'\n', bytes)?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            return Ok(End::Whole);
        }
    }
    Ok(End::Torn)
}

/// The next line, if there is one, into `bytes`.
fn next(reader: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<Option<(End, Hash)>> {
    bytes.clear();
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    if reader.by_ref().take(most).read_until(b'\n', bytes)? == 0 {
        return Ok(None);
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        return Ok(Some((End::Whole, Sha256::digest(&bytes).into())));
    }
    if bytes.len() < LONGEST {
        return Ok(Some((torn(reader, bytes)?, Sha256::digest(&bytes).into())));
    }
    let mut hash = Sha256::new_with_prefix(&bytes);
    let mut more = Vec::new();
    loop {
        more.clear();
        let read = reader.by_ref().take(most).read_until(b'\n', &mut more)?;
        let text = more.strip_suffix(b"\n");
        hash.update(text.unwrap_or(&more));
        if read == 0 || text.is_some() {
            return Ok(Some((End::Endless, hash.finalize().into())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<(usize, End, Hash)> {
        let (mut reader, mut bytes, mut found) = (text, Vec::new(), Vec::new());
        while let Some((end, hash)) = next(&mut reader, &mut bytes).unwrap() {
            found.push((bytes.len(), end, hash));
        }
        found
    }

    /// A file that is longer each time its end has been seen.
    struct Growing(Vec<&'static [u8]>, bool);

    impl Read for Growing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 || self.0.is_empty() {
                return Ok(0);
            }
            self.0.remove(0).read(into)
        }
    }

    #[test]
    fn a_line_that_is_just_being_written_is_not_torn() {
        let mut reader = io::BufReader::new(Growing(vec![b"one\nt", b"w", b"o\nthr"], true));
        let (mut bytes, mut found) = (Vec::new(), Vec::new());
        while let Some((end, hash)) = next(&mut reader, &mut bytes).unwrap() {
            assert_eq!(hash, Hash::from(Sha256::digest(&bytes)));
            found.push((String::from_utf8(bytes.clone()).unwrap(), end));
        }
        let line = |text: &str, end| (text.to_owned(), end);
        assert_eq!(found, [line("one", End::Whole), line("two", End::Whole), line("thr", End::Torn)]);
    }

    #[test]
    fn every_byte_is_in_a_hash() {
        let long = [vec![b'x'; 3 * LONGEST], b"\nend".to_vec()].concat();
        let hash = |bytes: &[u8]| Hash::from(Sha256::digest(bytes));
        assert_eq!(
            all(&long),
            [(LONGEST, End::Endless, hash(&vec![b'x'; 3 * LONGEST])), (3, End::Torn, hash(b"end"))]
        );
        assert_eq!(
            all(b"a\n\nb\n"),
            [(1, End::Whole, hash(b"a")), (0, End::Whole, hash(b"")), (1, End::Whole, hash(b"b"))]
        );
        let edge = [vec![b'x'; LONGEST], b"\na\n".to_vec()].concat();
        assert_eq!(all(&edge)[1], (1, End::Whole, hash(b"a")));
        assert_eq!(all(b""), []);
    }
}
