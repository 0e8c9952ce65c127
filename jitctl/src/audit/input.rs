//! Which files are read, and in which order: what logrotate made of one file belongs together, oldest first. Must never leave a file out
//! without saying so.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use jit_control::audit::Unread;

/// Where jitd writes.
pub const DIRECTORY: &str = "/var/log/jitd";
/// What it writes.
pub const NAME: &str = "audit.jsonl";
/// What names standard input.
pub const STDIN: &str = "-";

/// How deep directories are searched.
const DEPTH: usize = 8;
/// How files of lines are called, in a directory; whatever is named by itself is read.
const KINDS: [&str; 4] = [".jsonl", ".ndjson", ".json", ".log"];
/// What we do not unpack.
const PACKED: [&str; 5] = [".xz", ".zst", ".bz2", ".lz4", ".Z"];
/// How much is read at a time.
const BUFFER: usize = 1 << 18;

/// Files that were one file once, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The files. [`STDIN`] stands alone.
    pub files: Vec<Found>,
}

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// Which one it was, by device and number; none for standard input.
    pub inode: Option<(u64, u64)>,
}

/// What was asked for.
#[derive(Debug, Default)]
pub struct Input {
    /// What to read.
    pub series: Vec<Series>,
    /// What cannot be found, or is not read.
    pub unread: Vec<Unread>,
}

/// Where a file stands among those that were one file once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    /// `audit.jsonl-20261122`: by its date. (dateext)
    Dated(String),
    /// `audit.jsonl.2`: the greater, the older.
    Numbered(std::cmp::Reverse<u64>),
    /// The one that is written to.
    Present,
}

/// Finds the files; without any given, those of this host's jitd.
pub fn gather(asked: &[PathBuf]) -> Input {
    let mut input = Input::default();
    let mut found: Vec<(PathBuf, Option<Metadata>)> = Vec::new();
    if asked.is_empty() {
        own(Path::new(DIRECTORY), &mut found, &mut input.unread);
    }
    for path in asked {
        if path.as_os_str() == STDIN {
            found.push((path.clone(), None));
            continue;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => search(path, DEPTH, &mut found, &mut input.unread),
            Ok(metadata) => found.push((path.clone(), Some(metadata))),
            Err(error) => input.unread.push(whole(path, refused(path, &error))),
        }
    }
    // The same file by two names, or named twice, is read once.
    let mut seen = BTreeSet::new();
    let mut known: BTreeMap<(PathBuf, String), Vec<(Age, Found)>> = BTreeMap::new();
    let mut order: Vec<(PathBuf, String)> = Vec::new();
    for (path, metadata) in found {
        let inode = metadata.map(|metadata| (metadata.dev(), metadata.ino()));
        if !seen.insert(inode) {
            continue;
        }
        let (base, age) = age(&name_of(&path));
        let key = (path.parent().unwrap_or(Path::new("")).to_owned(), base);
        if !known.contains_key(&key) {
            order.push(key.clone());
        }
        known.entry(key).or_default().push((age, Found { path, inode }));
    }
    for key in order {
        let mut files = known.remove(&key).unwrap_or_default();
        files.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| plain_first(&one.path, &other.path)));
        input.series.push(Series { files: files.into_iter().map(|(_, found)| found).collect() });
    }
    input
}

/// Of `audit.jsonl.1.gz` and `audit.jsonl.1` any order will do, but always the same.
fn plain_first(one: &Path, other: &Path) -> Ordering {
    one.as_os_str().len().cmp(&other.as_os_str().len()).then_with(|| one.cmp(other))
}

/// This host's own. The directory is jitd's and whoever looks is root: what is no plain file there is never opened, since a FIFO would hold
/// him up, and a link lead him to a device.
fn own(directory: &Path, found: &mut Vec<(PathBuf, Option<Metadata>)>, unread: &mut Vec<Unread>) {
    let path = directory.join(NAME);
    let listed = match fs::read_dir(directory) {
        Ok(listed) => listed,
        Err(error) => return unread.push(whole(&path, refused(&path, &error))),
    };
    for entry in listed.flatten() {
        if age(&name_of(&entry.path())).0 == NAME {
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => found.push((entry.path(), Some(metadata))),
                Ok(_) => unread.push(whole(&entry.path(), "not read: it is not a plain file".to_owned())),
                Err(error) => unread.push(whole(&entry.path(), refused(&entry.path(), &error))),
            }
        }
    }
    if found.is_empty() && unread.is_empty() {
        let text = "there is no audit here: has jitd ever run on this host? Of other hosts, name the files: --input FILE…";
        unread.push(whole(&path, text.to_owned()));
    }
}

/// Files of lines below a directory.
fn search(
    directory: &Path,
    depth: usize,
    found: &mut Vec<(PathBuf, Option<Metadata>)>,
    unread: &mut Vec<Unread>,
) {
    let listed = match fs::read_dir(directory) {
        Ok(listed) => listed,
        Err(error) => return unread.push(whole(directory, refused(directory, &error))),
    };
    let mut paths: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        // A link to a directory may lead in circles.
        let kind = fs::symlink_metadata(&path).map(|metadata| metadata.file_type());
        match kind.and_then(|kind| Ok((kind, fs::metadata(&path)?))) {
            Err(error) => unread.push(whole(&path, refused(&path, &error))),
            Ok((kind, _)) if kind.is_dir() && depth > 0 => search(&path, depth - 1, found, unread),
            Ok((_, metadata)) if metadata.is_file() => {
                let (base, _) = age(&name_of(&path));
                match KINDS.iter().any(|kind| base.ends_with(kind)) {
                    true => found.push((path, Some(metadata))),
                    false => {
                        let text = format!(
                            "not read: it is not called {}; name it to have it read",
                            KINDS.join(", ")
                        );
                        unread.push(whole(&path, text));
                    }
                }
            }
            Ok(_) => unread.push(whole(&path, "not read: it is not a plain file".to_owned())),
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The name that a file had before it was rotated and packed, and how old that makes it.
fn age(name: &str) -> (String, Age) {
    let packed = PACKED.iter().find_map(|kind| name.strip_suffix(kind));
    let name = packed.or_else(|| name.strip_suffix(".gz")).unwrap_or(name);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((base, number)) = name.rsplit_once('.') {
        if digits(number) && !base.is_empty() {
            if let (1..=5, Ok(number)) = (number.len(), number.parse()) {
                return (base.to_owned(), Age::Numbered(std::cmp::Reverse(number)));
            }
            return (base.to_owned(), Age::Dated(number.to_owned()));
        }
    }
    // -20261122, -2026112215, -20261122-1795348805
    if let Some((base, date)) = name.match_indices('-').map(|(at, _)| name.split_at(at)).find(|(_, tail)| {
        let mut parts = tail.split('-').skip(1);
        parts.next().is_some_and(|date| digits(date) && date.len() >= 8) && parts.all(digits)
    }) {
        if !base.is_empty() {
            return (base.to_owned(), Age::Dated(date.trim_start_matches('-').to_owned()));
        }
    }
    (name.to_owned(), Age::Present)
}

/// A whole file that is not read.
pub fn whole(path: &Path, text: String) -> Unread {
    Unread { file: path.display().to_string(), line: None, text }
}

/// Opens a file, or standard input, and unpacks what gzip packed, by its first two bytes.
///
/// # Errors
/// A sentence that says what would do; also when another file has that name by now: logrotate has been there, and what was found under it
/// is not read twice, or not at all, without a word.
pub fn open(found: &Found) -> Result<Box<dyn BufRead>, String> {
    let path = found.path.as_path();
    let mut file: Box<dyn Read> = match found.inode {
        None => Box::new(io::stdin()),
        Some(inode) => {
            let file = File::open(path).map_err(|error| refused(path, &error))?;
            let now = file.metadata().map_err(|error| refused(path, &error))?;
            if (now.dev(), now.ino()) != inode {
                return Err("another file has this name since (rotated just now?): run this again".to_owned());
            }
            Box::new(file)
        }
    };
    let mut begin = Vec::new();
    let read = file.by_ref().take(2).read_to_end(&mut begin);
    read.map_err(|error| refused(path, &error))?;
    let packed = begin == [0x1f, 0x8b];
    if let Some(kind) = PACKED.iter().find(|kind| !packed && name_of(path).ends_with(**kind)) {
        return Err(format!("packed ({kind}): unpack it, or pipe it in with --input {STDIN}"));
    }
    let whole: Chain<Cursor<Vec<u8>>, Box<dyn Read>> = Cursor::new(begin).chain(file);
    let buffered = BufReader::with_capacity(BUFFER, whole);
    Ok(match packed {
        true => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(buffered))),
        false => Box::new(buffered),
    })
}

/// Why a file is not read, and who may.
fn refused(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let who = fs::metadata(path).map_or_else(
                |_| "root, and members of the group jitd".to_owned(),
                |found| {
                    format!(
                        "root, and whoever its mode {:04o} lets (uid {}, gid {})",
                        found.mode() & 0o7777,
                        found.uid(),
                        found.gid()
                    )
                },
            );
            format!("permission denied: {who} may read it; put sudo in front, or read a copy with --input")
        }
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
