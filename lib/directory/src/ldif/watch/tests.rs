//! Following a real file through everything that editors and jitctl do to it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use tokio::sync::mpsc::{Receiver, channel};

use super::*;
use crate::ldif::bases;

const CONTAINER: &str = "dn: ou=grants,ou=jit,dc=local\nobjectClass: organizationalUnit\n";

fn with_people(count: usize) -> String {
    let mut text = CONTAINER.to_owned();
    for n in 0..count {
        text.push_str(&format!("\ndn: uid=u{n},ou=people,dc=local\nuid: u{n}\n"));
    }
    text
}

struct Followed {
    directory: tempfile::TempDir,
    path: PathBuf,
    updates: Receiver<Update>,
}

impl Followed {
    fn begin(text: Option<&str>, heartbeat: Duration) -> Followed {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap().join("grants.ldif");
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        let source = LdifSource {
            name: SourceName::new("ldif").unwrap(),
            path: path.clone(),
            bases: bases().unwrap(),
            owner: fs::metadata(directory.path()).unwrap().uid(),
            heartbeat,
        };
        let (sender, updates) = channel(16);
        source.spawn(sender).unwrap();
        Followed { directory, path, updates }
    }

    fn next(&mut self) -> Word {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match self.updates.try_recv() {
                Ok(update) => return update.word,
                Err(_) if Instant::now() > deadline => panic!("nothing heard within 30 s"),
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn whole(&mut self) -> usize {
        match self.next() {
            Word::Whole { entries, .. } => entries.people.len(),
            other => panic!("{other:?}"),
        }
    }

    fn trouble(&mut self) -> String {
        match self.next() {
            Word::Trouble { why } => why,
            other => panic!("{other:?}"),
        }
    }

    fn rename_into_place(&self, text: &str) {
        let beside = self.directory.path().join("new");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, &self.path).unwrap();
    }
}

/// A file in a directory of its own, looked at by hand.
fn by_hand(text: &str) -> (tempfile::TempDir, PathBuf, Watch) {
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().canonicalize().unwrap().join("jitd");
    fs::create_dir(&own).unwrap();
    let path = own.join("grants.ldif");
    fs::write(&path, text).unwrap();
    let source = LdifSource {
        name: SourceName::new("ldif").unwrap(),
        path: path.clone(),
        bases: bases().unwrap(),
        owner: fs::metadata(directory.path()).unwrap().uid(),
        heartbeat: LONG,
    };
    (directory, path, Watch::new(source))
}

fn people(look: &Look) -> usize {
    match look {
        Look::Say(Word::Whole { entries, .. }) => entries.people.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_change_is_read_when_its_writer_is_done_or_it_rests() {
    let (_directory, path, mut watch) = by_hand(&with_people(3));
    assert_eq!(people(&watch.look(true)), 3);
    assert!(matches!(watch.look(false), Look::Nothing));
    fs::write(&path, with_people(1)).unwrap();
    assert!(matches!(watch.look(false), Look::Unsettled));
    assert!(matches!(watch.look(false), Look::Unsettled), "seen twice is not at rest yet");
    fs::write(&path, with_people(2)).unwrap();
    assert_eq!(people(&watch.look(true)), 2);
    fs::write(&path, with_people(1)).unwrap();
    let since = Instant::now();
    let look = loop {
        match watch.look(false) {
            Look::Unsettled => std::thread::sleep(Duration::from_millis(20)),
            look => break look,
        }
    };
    assert_eq!(people(&look), 1);
    assert!(since.elapsed() >= Duration::from_millis(AT_REST.into()));
}

#[test]
fn the_same_file_is_read_again_after_trouble_on_the_way() {
    let (_directory, path, mut watch) = by_hand(&with_people(3));
    assert_eq!(people(&watch.look(true)), 3);
    let own = path.parent().unwrap();
    fs::set_permissions(own, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(watch.look(false), Look::Say(Word::Trouble { .. })));
    assert!(matches!(watch.look(false), Look::Nothing));
    fs::set_permissions(own, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(watch.look(false), Look::Unsettled));
    assert_eq!(people(&watch.look(true)), 3);
}

#[test]
fn the_bell_tells_who_is_done_and_follows_an_exchanged_directory() {
    let (directory, path, _) = by_hand(CONTAINER);
    let mut bell = Bell::new(&path);
    bell.hang();
    fs::write(&path, "x").unwrap();
    assert!(bell.wait(LOOK), "a writer closed it");
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"y").unwrap();
    assert!(!bell.wait(LOOK), "a writer is at it");
    fs::write(&path, "x").unwrap();
    file.write_all(b"y").unwrap();
    assert!(!bell.wait(LOOK), "one closed it, another one is still at it");
    drop(file);
    assert!(bell.wait(LOOK), "that one closed it too");
    fs::write(path.with_file_name("other"), "x").unwrap();
    assert!(!bell.wait(LOOK), "another file");
    fs::rename(path.with_file_name("other"), &path).unwrap();
    assert!(bell.wait(LOOK), "renamed into place");

    let new = directory.path().join("new");
    fs::create_dir(&new).unwrap();
    fs::rename(path.parent().unwrap(), directory.path().join("old")).unwrap();
    fs::rename(&new, path.parent().unwrap()).unwrap();
    bell.hang();
    while bell.wait(0) {}
    fs::write(&path, "x").unwrap();
    assert!(bell.wait(LOOK), "a writer closed it in the new directory");
}

const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn it_is_read_at_the_start_and_after_each_replacement() {
    let mut followed = Followed::begin(Some(&with_people(1)), LONG);
    assert_eq!(followed.whole(), 1);
    for count in 2..6 {
        followed.rename_into_place(&with_people(count));
        assert_eq!(followed.whole(), count);
    }
    // In place, and closed. What means the same is not handed over again.
    let append = |text: &str| {
        OpenOptions::new().append(true).open(&followed.path).unwrap().write_all(text.as_bytes()).unwrap();
    };
    append("\n# nothing\n");
    append("\ndn: uid=more,ou=people,dc=local\nuid: more\n");
    assert_eq!(followed.whole(), 6);
}

#[test]
fn trouble_is_told_once_and_the_next_good_file_is_whole() {
    let mut followed = Followed::begin(None, Duration::from_millis(1));
    assert!(followed.trouble().contains("does not exist"));
    followed.rename_into_place("dn: x\n");
    let why = followed.trouble();
    assert!(why.contains(&format!("{}, line 1", followed.path.display())), "{why}");
    // Touched, but with the same trouble: nothing new to tell; then well again.
    followed.rename_into_place("dn: x\n");
    followed.rename_into_place(&with_people(2));
    assert_eq!(followed.whole(), 2);
    fs::set_permissions(&followed.path, fs::Permissions::from_mode(0o666)).unwrap();
    let word = loop {
        match followed.next() {
            Word::Alive { .. } => {}
            word => break word,
        }
    };
    assert!(matches!(&word, Word::Trouble { why } if why.contains("chmod go-w")), "{word:?}");
    fs::set_permissions(&followed.path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(followed.whole(), 2);
    fs::remove_file(&followed.path).unwrap();
    let word = loop {
        match followed.next() {
            Word::Alive { .. } => {}
            word => break word,
        }
    };
    assert!(matches!(&word, Word::Trouble { why } if why.contains("does not exist")), "{word:?}");
}

/// Written in place in two steps: the first half is a good file by itself, but what is missing from it must not count as
/// deleted, so only the end of the writing is looked at.
#[test]
fn a_half_written_file_is_not_read() {
    let mut followed = Followed::begin(Some(&with_people(3)), LONG);
    assert_eq!(followed.whole(), 3);
    let whole = with_people(4);
    let (first, second) = whole.split_at(CONTAINER.len());
    let mut file = OpenOptions::new().write(true).truncate(true).open(&followed.path).unwrap();
    file.write_all(first.as_bytes()).unwrap();
    // Rings the bell while the file is half written.
    fs::write(followed.directory.path().join("something-else"), "x").unwrap();
    file.write_all(second.as_bytes()).unwrap();
    drop(file);
    assert_eq!(followed.whole(), 4);
    // A writer who stays away for long: what he has written so far is bad, and is told when it has been at rest.
    let mut file = OpenOptions::new().append(true).open(&followed.path).unwrap();
    file.write_all(b"dn: cn=half").unwrap();
    assert!(followed.trouble().contains("cut short"));
    file.write_all(b",dc=local\ncn: half\n").unwrap();
    assert!(followed.trouble().contains("second `dn:`"));
}

#[test]
fn it_says_that_it_is_alive() {
    let mut followed = Followed::begin(Some(CONTAINER), Duration::from_millis(1));
    assert_eq!(followed.whole(), 0);
    assert!(matches!(followed.next(), Word::Alive { directory_time: None }));
}

/// The directory itself is exchanged: the old watch sees nothing of it.
#[test]
fn an_exchanged_directory_is_noticed() {
    let outer = tempfile::tempdir().unwrap();
    let etc = outer.path().canonicalize().unwrap().join("jitd");
    fs::create_dir(&etc).unwrap();
    let path = etc.join("grants.ldif");
    fs::write(&path, with_people(1)).unwrap();
    let source = LdifSource {
        name: SourceName::new("ldif").unwrap(),
        path: path.clone(),
        bases: bases().unwrap(),
        owner: fs::metadata(outer.path()).unwrap().uid(),
        heartbeat: LONG,
    };
    let (sender, updates) = channel(16);
    source.spawn(sender).unwrap();
    let mut followed = Followed { directory: outer, path: path.clone(), updates };
    assert_eq!(followed.whole(), 1);
    let new = followed.directory.path().join("new");
    fs::create_dir(&new).unwrap();
    fs::write(new.join("grants.ldif"), with_people(2)).unwrap();
    fs::rename(&etc, followed.directory.path().join("old")).unwrap();
    fs::rename(&new, &etc).unwrap();
    let seen = loop {
        match followed.next() {
            Word::Whole { entries, .. } => break entries.people.len(),
            Word::Trouble { .. } | Word::Alive { .. } => {}
        }
    };
    assert_eq!(seen, 2);
    fs::write(&path, with_people(3)).unwrap();
    assert_eq!(followed.whole(), 3);
}

#[test]
fn it_ends_with_the_channel() {
    let directory = tempfile::tempdir().unwrap();
    let source = LdifSource {
        name: SourceName::new("ldif").unwrap(),
        path: directory.path().join("grants.ldif"),
        bases: bases().unwrap(),
        owner: 0,
        heartbeat: LONG,
    };
    let (sender, updates) = channel(1);
    let thread = source.spawn(sender).unwrap();
    drop(updates);
    thread.join().unwrap();
}
