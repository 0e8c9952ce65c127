//! A service's four stacks, as libpam's `pam_handlers.c` builds them from the files of pam.d: its own, and those of `other`, which stand in for each
//! stack that its own file leaves empty. A line that libpam cannot use is not dropped: it fails when it is reached, as it does there.

use super::chain::{Chains, Doubt, File, Handler, Kind, Module, Phase, Place, Refused, Service};
use super::control::{self, Control, Word};
use super::libpam::{Libpam, Machine};
use super::text::{self, Words};
use super::tree::Tree;

/// PAM_SUBSTACK_MAX_LEVEL: the deepest substack; since 1.5.3 the deepest include, too.
const MOST_LEVELS: usize = 16;
/// Where files that include each other are given up.
const MOST_LINES: usize = 4096;

/// Reads services' stacks.
#[derive(Clone, Debug)]
pub struct Loader<'a> {
    tree: &'a Tree,
    libpam: &'a Libpam,
}

impl<'a> Loader<'a> {
    /// From this tree, as this libpam does.
    pub fn new(tree: &'a Tree, libpam: &'a Libpam) -> Loader<'a> {
        Loader { tree, libpam }
    }

    /// A service's stacks, as pam_start(3) makes them.
    pub fn service(&self, name: &str) -> Service {
        let mut refused = None;
        let mut load = |name: &str| {
            let mut reader = Reader { loader: self, chains: Chains::default(), full: false };
            if let Some((file, bytes)) = self.open(name, &mut reader.chains) {
                reader.chains.file = Some(file.clone());
                if let Err(why) = reader.file(&file, &bytes, Wanted { phase: None, level: 0, depth: 0 }) {
                    refused.get_or_insert(why);
                }
            }
            reader.chains
        };
        let own = if name == "other" { Chains::default() } else { load(name) };
        let other = load("other");
        if own.file.is_none() && other.file.is_none() {
            let place = Place { file: self.libpam.directories.first().cloned().unwrap_or_default(), line: 0 };
            refused.get_or_insert(Refused { place, why: "neither its file nor `other` is there" });
        }
        Service { name: name.to_owned(), own, other, refused }
    }

    /// The services that have files, each name once.
    ///
    /// # Errors
    /// When a directory cannot be read; its path and why.
    pub fn names(&self) -> Result<Vec<String>, String> {
        let mut all = Vec::new();
        for directory in &self.libpam.directories {
            all.extend(self.tree.names(directory).map_err(|error| format!("{directory}: {error}"))?);
        }
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// A service's file, in the first directory that has one.
    fn open(&self, name: &str, chains: &mut Chains) -> Option<(String, Vec<u8>)> {
        self.libpam.directories.iter().find_map(|directory| self.read(format!("{directory}/{name}"), chains))
    }

    /// An included file.
    fn open_included(&self, name: &str, chains: &mut Chains) -> Option<(String, Vec<u8>)> {
        let first = self.libpam.directories.first().map_or("/etc/pam.d", String::as_str);
        match name {
            _ if name.starts_with('/') => self.read(name.to_owned(), chains),
            _ if self.libpam.debian => self.read(format!("{first}/{name}"), chains),
            _ => self.open(name, chains),
        }
    }

    fn read(&self, path: String, chains: &mut Chains) -> Option<(String, Vec<u8>)> {
        match self.tree.read(&path) {
            Ok(bytes) => {
                chains.files.push(path.clone());
                Some((path, bytes))
            }
            Err(error) => {
                if self.tree.look(&path).is_some() {
                    // It is there; whether a program that runs as somebody else can read it, we cannot know.
                    chains.doubts.push(Doubt {
                        place: Place { file: path, line: 0 },
                        why: format!("cannot be read: {error}"),
                    });
                }
                None
            }
        }
    }

    fn module(&self, name: &str) -> File {
        let candidates: Vec<String> = match name {
            _ if name.starts_with('/') => vec![name.to_owned()],
            _ => self.libpam.modules.iter().map(|place| format!("{place}{name}")).collect(),
        };
        let mut foreign = None;
        for path in &candidates {
            let Ok(place) = self.tree.resolve(path) else { continue };
            let machine = Machine::at(&place);
            match machine {
                Some(machine) if self.libpam.machine.is_none_or(|own| own == machine) => {
                    return File::Found(path.clone());
                }
                _ => foreign = foreign.or(Some(path.clone())),
            }
        }
        match (foreign, &self.libpam.file) {
            (Some(path), _) => File::Foreign(path),
            (None, None) if !name.starts_with('/') => File::Unknown,
            (None, _) => File::Missing(candidates.into_iter().next().unwrap_or_default()),
        }
    }
}

/// Of an included file: which lines count, in how many substacks, by how many includes.
#[derive(Clone, Copy)]
struct Wanted {
    phase: Option<Phase>,
    level: usize,
    depth: usize,
}

struct Reader<'a> {
    loader: &'a Loader<'a>,
    chains: Chains,
    /// Too much was included: no more is read.
    full: bool,
}

impl Reader<'_> {
    fn doubt(&mut self, place: &Place, why: impl Into<String>) {
        self.chains.doubts.push(Doubt { place: place.clone(), why: why.into() });
    }

    /// A whole file.
    ///
    /// # Errors
    /// When libpam gives up on it.
    fn file(&mut self, file: &str, bytes: &[u8], wanted: Wanted) -> Result<(), Refused> {
        let text = text::lines(bytes);
        for (line, why) in &text.doubts {
            self.doubt(&Place { file: file.to_owned(), line: *line }, *why);
        }
        for line in &text.lines {
            if self.chains.len() >= MOST_LINES {
                self.full = true;
            }
            if self.full {
                self.doubt(
                    &Place { file: file.to_owned(), line: line.number },
                    "includes more than can be looked through",
                );
                return Ok(());
            }
            self.line(Place { file: file.to_owned(), line: line.number }, &line.text, wanted)?;
        }
        match text.cut {
            None => Ok(()),
            Some(line) => Err(Refused {
                place: Place { file: file.to_owned(), line },
                why: "the file ends in the middle of it",
            }),
        }
    }

    fn line(&mut self, place: Place, text: &[u8], wanted: Wanted) -> Result<(), Refused> {
        let mut words = Words::of(text);
        let (mut fails, mut everything) = (false, false);
        let first = words.next();
        let word = first.as_deref().map(|word| word.strip_prefix(b"-").unwrap_or(word)).unwrap_or(&[]);
        let phase = match Phase::parse(word) {
            Some(phase) => phase,
            None if self.loader.libpam.debian && word.eq_ignore_ascii_case(b"@include") => {
                everything = true;
                wanted.phase.unwrap_or(Phase::Auth)
            }
            None => {
                fails = true;
                wanted.phase.unwrap_or(Phase::Auth)
            }
        };
        if wanted.phase.is_some_and(|wanted| wanted != phase) {
            return Ok(());
        }
        if everything {
            let inner = Wanted { depth: wanted.depth.saturating_add(1), ..wanted };
            return self.include_everything(&place, words.next().as_deref(), inner);
        }
        let control = words.next();
        let word = control.as_deref().map_or_else(|| Word::Control(Box::new(Control::bad())), control::parse);
        fails |= control.is_none();
        let target = words.next().map(|word| String::from_utf8_lossy(&word).into_owned());
        let level = wanted.level;
        let control = match word {
            Word::Control(control) => *control,
            Word::Overflow => {
                self.doubt(&place, "jumps further than libpam can count");
                Control::bad()
            }
            word @ (Word::Include | Word::Substack) => {
                let deeper = usize::from(word == Word::Substack);
                if deeper == 1 {
                    if target.as_deref().is_some_and(|target| !is_name(target)) {
                        return Err(Refused { place, why: "libpam gives up on the name of the substack" });
                    }
                    let substack = Handler {
                        kind: Kind::Substack,
                        level,
                        control: Control::bad(),
                        place: place.clone(),
                    };
                    self.chains.of_mut(phase).push(substack);
                }
                let inner = Wanted {
                    phase: Some(phase),
                    level: level.saturating_add(deeper),
                    depth: wanted.depth.saturating_add(1),
                };
                if self.include(&place, target.as_deref(), inner)? {
                    return Ok(());
                }
                // What cannot be included fails as a line.
                let failing = Handler { kind: Kind::MustFail, level, control: Control::bad(), place };
                self.chains.of_mut(phase).push(failing);
                return Ok(());
            }
        };
        let kind = match target {
            Some(target) if !is_name(&target) => {
                return Err(Refused { place, why: "libpam gives up on the name of the module" });
            }
            Some(name) if !fails => {
                let arguments = words.map(|word| String::from_utf8_lossy(&word).into_owned()).collect();
                if name.contains("$ISA") {
                    self.doubt(
                        &place,
                        "names a module by $ISA, which each distribution understands in its own way",
                    );
                }
                let file = self.loader.module(&name);
                Kind::Module(Module { name, arguments, file })
            }
            Some(_) | None => Kind::MustFail,
        };
        self.chains.of_mut(phase).push(Handler { kind, level, control, place });
        Ok(())
    }

    /// Debian's `@include`, which libpam 1.5.2 does not survive when there is nothing to include.
    fn include_everything(
        &mut self,
        place: &Place,
        file: Option<&[u8]>,
        inner: Wanted,
    ) -> Result<(), Refused> {
        let file = file.map(|word| String::from_utf8_lossy(word).into_owned());
        let why = "what it includes cannot be read";
        match self.include(place, file.as_deref(), inner) {
            Ok(true) => Ok(()),
            Ok(false) if inner.phase.is_none() => Err(Refused { place: place.clone(), why }),
            Ok(false) => {
                // It goes on with whatever memory held.
                self.doubt(place, why);
                Ok(())
            }
            Err(refused) => Err(refused),
        }
    }

    /// Whether it could be.
    fn include(&mut self, place: &Place, file: Option<&str>, inner: Wanted) -> Result<bool, Refused> {
        let Some(file) = file else {
            if self.loader.libpam.debian {
                // However deep it stands.
                let why = "names no file to include, which ends the program";
                self.doubt(place, why);
                return Err(Refused { place: place.clone(), why });
            }
            return Ok(false);
        };
        if inner.level >= MOST_LEVELS {
            if inner.depth != inner.level {
                self.doubt(place, "includes too deeply");
            }
            return Ok(false);
        }
        if inner.depth >= MOST_LEVELS {
            self.doubt(place, "includes too deeply, or itself");
            self.full = true;
            return Ok(false);
        }
        let Some((path, bytes)) = self.loader.open_included(file, &mut self.chains) else { return Ok(false) };
        // Where an included file is given up, what it said so far stands, and the line that includes it fails.
        Ok(self.file(&path, &bytes, inner).is_ok())
    }
}

/// libpam keeps a module's name for the audit, and gives up on the whole file where there is none.
fn is_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    !stem.is_empty() && stem != "?"
}
