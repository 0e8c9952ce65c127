//! The host's own libpam: where it looks for files and modules, and which lines it knows. It is asked by what its library says in its strings, since that is
//! decided when it is built, and differs between distributions.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::tree::Tree;

/// Where a libpam is looked for.
const NAME: &str = "libpam.so.0";
const PLACES: [&str; 6] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib", "/usr/lib32"];
/// Where a distribution puts modules, if its libpam cannot be found.
const USUAL: [&str; 4] = ["/usr/lib64/security/", "/lib64/security/", "/usr/lib/security/", "/lib/security/"];

/// For which machine a library is: the ELF class and machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    class: u8,
    machine: [u8; 2],
}

impl Machine {
    /// Of a file that begins so; `None` if that is no ELF file.
    pub fn of(file: &[u8]) -> Option<Machine> {
        let class = *file.strip_prefix(b"\x7fELF")?.first()?;
        let machine = file.get(18..20)?.try_into().ok()?;
        Some(Machine { class, machine })
    }

    /// Of a file; `None` of one that was cut off, too: what a linker writes last, its section headers, has to be there.
    pub fn at(path: &Path) -> Option<Machine> {
        let mut head = [0; 64];
        let mut file = File::open(path).ok()?;
        file.read_exact(&mut head).ok()?;
        let end = sections_end(&head)?;
        (end <= file.metadata().ok()?.len()).then(|| Machine::of(&head))?
    }
}

/// Where an ELF file's section headers end (elf(5): e_shoff, e_shentsize, e_shnum), by its own byte order.
fn sections_end(head: &[u8; 64]) -> Option<u64> {
    let big = head.get(5) == Some(&2);
    let number = |at: usize, length: usize| {
        let bytes = head.get(at..at.checked_add(length)?)?;
        let mut bytes: Vec<u8> = bytes.to_vec();
        if !big {
            bytes.reverse();
        }
        Some(bytes.into_iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(byte)))
    };
    let (offset, size, count) = match head.get(4) {
        Some(1) => (number(32, 4)?, number(46, 2)?, number(48, 2)?),
        _ => (number(40, 8)?, number(58, 2)?, number(60, 2)?),
    };
    // None at all is no fault.
    if offset == 0 { Some(0) } else { offset.checked_add(size.checked_mul(count)?) }
}

/// A libpam.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Libpam {
    /// Where it lies; `None` when there is none to be found, and the rest is what its distribution usually does.
    pub file: Option<String>,
    /// Where services' files are looked for, in this order.
    pub directories: Vec<String>,
    /// Where modules without a path are looked for, in this order; each ends with `/`.
    pub modules: Vec<String>,
    /// Debian's: `@include` is known, and what is included must lie in the first directory.
    pub debian: bool,
    /// For which machine it is, and its modules must be.
    pub machine: Option<Machine>,
}

impl Libpam {
    /// The host's.
    pub fn find(tree: &Tree) -> Libpam {
        let mut places: Vec<String> = Vec::new();
        for place in PLACES {
            places.push(place.to_owned());
            let names = tree.names(place).unwrap_or_default();
            let multiarch = names.into_iter().filter(|name| name.contains("-linux-"));
            places.extend(multiarch.map(|name| format!("{place}/{name}")));
        }
        let found: Vec<Libpam> = places.iter().filter_map(|place| Libpam::read(tree, place)).collect();
        let own = Machine::at(Path::new("/proc/self/exe"));
        let ours = found.iter().find(|libpam| libpam.machine == own);
        ours.or(found.first()).cloned().unwrap_or_else(|| Libpam::assumed(tree, &places))
    }

    /// What a host without one would have.
    fn assumed(tree: &Tree, places: &[String]) -> Libpam {
        let debian =
            ["/etc/pam.d/common-account", "/etc/debian_version"].iter().any(|path| tree.look(path).is_some());
        let places =
            places.iter().filter(|place| place.contains("-linux-")).map(|place| format!("{place}/security/"));
        Libpam {
            file: None,
            directories: vec!["/etc/pam.d".to_owned(), "/usr/lib/pam.d".to_owned()],
            modules: places.chain(USUAL.map(str::to_owned)).collect(),
            debian,
            machine: None,
        }
    }

    fn read(tree: &Tree, place: &str) -> Option<Libpam> {
        let path = format!("{place}/{NAME}");
        let file = tree.read(&path).ok()?;
        let machine = Machine::of(&file)?;
        let strings = strings(&file);
        let mut directories: Vec<String> = strings
            .iter()
            .filter_map(|text| text.strip_suffix("/%s"))
            .filter(|text| text.ends_with("/pam.d"))
            .map(str::to_owned)
            .collect();
        // A vendor's own comes last, wherever the string lies.
        directories.sort_by_key(|path| match path.as_str() {
            "/etc/pam.d" => 0,
            "/usr/lib/pam.d" => 1,
            _ => 2,
        });
        let mut modules: Vec<String> = strings
            .iter()
            .filter(|text| text.starts_with('/') && text.ends_with("/security/"))
            .map(|text| (*text).to_owned())
            .collect();
        let debian = strings.contains(&"@include");
        if debian {
            // Debian's looks in the second, too, for paths of before there were several machines on one host.
            let second = strings.iter().filter(|text| text.starts_with('/') && text.ends_with("/security"));
            modules.extend(second.map(|text| format!("{text}/")));
        }
        let known = |directories: &[String]| directories.first().is_some_and(|first| first == "/etc/pam.d");
        if !known(&directories) || modules.is_empty() {
            return None;
        }
        Some(Libpam { file: Some(path), directories, modules, debian, machine: Some(machine) })
    }
}

/// The texts in a library that end with NUL, as strings(1) finds them.
fn strings(file: &[u8]) -> Vec<&str> {
    let texts = file.split(|byte| *byte == 0).filter_map(|piece| {
        let start =
            piece.iter().rposition(|byte| !(b' '..=b'~').contains(byte)).map_or(0, |at| at.saturating_add(1));
        std::str::from_utf8(piece.get(start..)?).ok()
    });
    texts.filter(|text| text.len() > 3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_was_cut_off_is_none() {
        let own = Path::new("/proc/self/exe");
        let whole = Machine::at(own).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("copy");
        std::fs::copy(own, &copy).unwrap();
        assert_eq!(Machine::at(&copy), Some(whole));
        let length = std::fs::metadata(&copy).unwrap().len();
        File::options().write(true).open(&copy).unwrap().set_len(length - 1).unwrap();
        assert_eq!(Machine::at(&copy), None);
    }
}
