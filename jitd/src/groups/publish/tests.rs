use std::fs::File;
use std::os::unix::fs::MetadataExt;

use jit_proto::map::layout::{FIXED, MAGIC};
use jit_proto::map::read::{Clocks, Map};
use proptest::prelude::*;

use super::*;
use crate::groups::encode::{Content, Group, encode};

const CLOCKS: Clocks = Clocks { real: 0, boot_ms: 0 };

/// A map that can be told from others by the number of its one group.
fn map(gid: u32) -> Vec<u8> {
    let groups = [("g".to_owned(), Group { gid, members: Vec::new() })].into();
    encode(&Content { groups, valid_until: i64::MAX, ..Content::default() }).unwrap()
}

/// A reader that has a map open, as one that has it mapped.
struct Held {
    gid: u32,
    file: File,
}

fn whole(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

fn is_superseded(bytes: &[u8]) -> bool {
    bytes[SUPERSEDED..SUPERSEDED + 4] != [0; 4]
}

fn open(path: &Path) -> Option<Held> {
    let file = File::open(path).ok()?;
    let bytes = whole(&file);
    assert!(bytes.starts_with(&MAGIC), "{}: no map", path.display());
    let map = Map::open(&bytes[FIXED..]).expect("whole");
    map.at(CLOCKS).expect("valid");
    let gid = map.group(b"g").unwrap().unwrap().gid;
    Some(Held { gid, file })
}

/// What a reader without a map takes: the one at the path, the next one if that one is superseded.
fn in_force(publisher: &Publisher) -> Option<u32> {
    let candidates = [&publisher.map, &publisher.next].into_iter().filter_map(|path| open(path));
    let mut counting = candidates.filter(|held| !is_superseded(&whole(&held.file)));
    counting.next().map(|held| held.gid)
}

/// Stops before the step of this number.
fn killed_before(publisher: &Publisher, step: usize, bytes: &[u8]) -> bool {
    let mut steps = 0;
    let done = publisher.in_steps(bytes, &mut || {
        steps += 1;
        if steps > step {
            return publisher.failed(Path::new("-"), "killed", ErrorKind::Interrupted.into());
        }
        Ok(())
    });
    done.is_err()
}

fn directory() -> (tempfile::TempDir, Publisher) {
    let dir = tempfile::tempdir().unwrap();
    let publisher = Publisher::within(dir.path());
    (dir, publisher)
}

#[test]
fn one_takes_the_place_of_another() {
    let (dir, mut publisher) = directory();
    assert_eq!(in_force(&publisher), None);
    publisher.publish(&map(1)).unwrap();
    let first = open(&publisher.map).unwrap();
    assert!(!is_superseded(&whole(&first.file)));
    publisher.publish(&map(2)).unwrap();
    assert_eq!(in_force(&publisher), Some(2));
    let mut superseded = map(1);
    superseded[SUPERSEDED] = 1;
    assert_eq!(whole(&first.file), superseded, "but for the word it stays as it was");
    assert_eq!(first.file.metadata().unwrap().mode() & 0o7777, 0o644);
    let names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["groups.map"]);
}

proptest! {
    /// Killed again and again, each time before some step: a reader always finds one map, no older than the one before; and when one
    /// is published at last, everybody who ever had another sees that it is superseded.
    #[test]
    fn killed_anywhere_there_is_one_map_in_force(kills in proptest::collection::vec(0_usize..10, 1..8)) {
        let (dir, mut publisher) = directory();
        publisher.publish(&map(1)).unwrap();
        let mut held = vec![open(&publisher.map).unwrap()];
        let mut newest = 1;
        for (gid, step) in (2..).zip(kills) {
            // Another life: it knows nothing but what lies there.
            publisher = Publisher::within(dir.path());
            killed_before(&publisher, step, &map(gid));
            let now = in_force(&publisher);
            prop_assert!(now.is_some_and(|now| now >= newest && now <= gid), "{now:?} after {newest}");
            newest = now.unwrap();
            held.extend([&publisher.map, &publisher.next].into_iter().filter_map(|path| open(path)));
            // Of all that somebody may have, no more than one counts; a whole one that is not yet in force may be there as well.
            let counting = held.iter().filter(|held| !is_superseded(&whole(&held.file)) && held.gid < newest).count();
            prop_assert_eq!(counting, 0);
        }
        publisher = Publisher::within(dir.path());
        publisher.publish(&map(1000)).unwrap();
        prop_assert_eq!(in_force(&publisher), Some(1000));
        for held in &held {
            prop_assert!(is_superseded(&whole(&held.file)), "{} counts still", held.gid);
        }
        prop_assert!(!publisher.next.exists() && !publisher.new.exists());
    }
}

/// Whoever has it mapped must hear of the next one, whatever became of its name.
#[test]
fn one_that_somebody_removed_is_superseded_too() {
    let (_dir, mut publisher) = directory();
    assert!(!publisher.is_in_force());
    publisher.publish(&map(1)).unwrap();
    assert!(publisher.is_in_force());
    let held = open(&publisher.map).unwrap();
    fs::remove_file(&publisher.map).unwrap();
    assert!(!publisher.is_in_force());
    fs::write(&publisher.map, map(7)).unwrap();
    assert!(!publisher.is_in_force());
    publisher.publish(&map(2)).unwrap();
    assert!(publisher.is_in_force());
    assert!(is_superseded(&whole(&held.file)));
    fs::remove_file(&publisher.map).unwrap();
    publisher.withdraw().unwrap();
    assert!(is_superseded(&whole(&publisher.placed.as_ref().unwrap().file)));
}

#[test]
fn every_step_is_one_at_which_it_can_be_killed() {
    let (_dir, mut publisher) = directory();
    publisher.publish(&map(1)).unwrap();
    let steps = (0..).take_while(|step| killed_before(&publisher, *step, &map(2))).count();
    assert!(steps >= 6, "{steps}");
}

#[test]
fn what_is_withdrawn_counts_no_more_and_the_next_one_does() {
    let (_dir, mut publisher) = directory();
    publisher.withdraw().unwrap();
    publisher.publish(&map(1)).unwrap();
    // One was about to take the place when somebody killed it.
    assert!(killed_before(&publisher, 5, &map(2)));
    assert!(publisher.next.exists());
    let held = [open(&publisher.map).unwrap(), open(&publisher.next).unwrap()];
    publisher.withdraw().unwrap();
    assert!(held.iter().all(|held| is_superseded(&whole(&held.file))));
    assert_eq!(in_force(&publisher), None);
    publisher.publish(&map(3)).unwrap();
    assert_eq!(in_force(&publisher), Some(3));
}

#[test]
fn one_of_another_version_is_superseded_too() {
    assert!(MAGIC.starts_with(&FAMILY));
    let (_dir, mut publisher) = directory();
    let mut other = map(1);
    other[7] = 200;
    fs::write(&publisher.map, &other).unwrap();
    let held = File::open(&publisher.map).unwrap();
    publisher.publish(&map(2)).unwrap();
    assert!(is_superseded(&whole(&held)));
}

#[test]
fn what_is_no_map_is_replaced_and_not_written_to() {
    let (dir, mut publisher) = directory();
    let bystander = dir.path().join("bystander");
    fs::write(&bystander, [7; 64]).unwrap();
    for path in [&publisher.map, &publisher.next, &publisher.new] {
        std::os::unix::fs::symlink(&bystander, path).unwrap();
    }
    publisher.publish(&map(1)).unwrap();
    assert_eq!(in_force(&publisher), Some(1));
    assert_eq!(fs::read(&bystander).unwrap(), [7; 64]);

    nix::unistd::mkfifo(&publisher.next, nix::sys::stat::Mode::S_IRWXU).unwrap();
    publisher.publish(&map(2)).unwrap();
    fs::write(&publisher.map, b"jitmap").unwrap();
    publisher.publish(&map(3)).unwrap();
    // By another name somebody else's file, which is none of ours to write to.
    fs::remove_file(&publisher.map).unwrap();
    fs::hard_link(&bystander, &publisher.map).unwrap();
    publisher.publish(&map(3)).unwrap();
    assert_eq!(fs::read(&bystander).unwrap(), [7; 64]);
    assert_eq!(in_force(&publisher), Some(3));

    fs::remove_file(&publisher.map).unwrap();
    fs::create_dir(&publisher.map).unwrap();
    let error = publisher.publish(&map(4)).unwrap_err();
    assert!(error.to_string().contains("groups.map cannot be put in its place"), "{error}");
    publisher.withdraw().unwrap();
    assert_eq!(in_force_below(&publisher), None);
    fs::remove_dir(&publisher.map).unwrap();
    publisher.publish(&map(5)).unwrap();
    assert_eq!(in_force(&publisher), Some(5));
}

/// With a directory in the place of the map.
fn in_force_below(publisher: &Publisher) -> Option<u32> {
    open(&publisher.next).filter(|held| !is_superseded(&whole(&held.file))).map(|held| held.gid)
}

#[test]
fn one_that_cannot_be_written_leaves_the_old_to_be_withdrawn() {
    let (_dir, mut publisher) = directory();
    publisher.publish(&map(1)).unwrap();
    let held = open(&publisher.map).unwrap();
    fs::create_dir(&publisher.new).unwrap();
    let error = publisher.publish(&map(2)).unwrap_err();
    assert!(error.to_string().contains("groups.map.new cannot be removed"), "{error}");
    assert_eq!(in_force(&publisher), Some(1), "nobody has withdrawn it yet");
    publisher.withdraw().unwrap();
    assert!(is_superseded(&whole(&held.file)));
    fs::remove_dir(&publisher.new).unwrap();
    publisher.publish(&map(2)).unwrap();
    assert_eq!(in_force(&publisher), Some(2));
}

/// A restore writes over it, in place and with another's content, or somebody makes it unreadable to readers: it is written anew.
#[test]
fn one_that_somebody_changed_is_not_in_force() {
    let (_dir, mut publisher) = directory();
    let changes: [fn(&Path); 4] = [
        |path| fs::write(path, map(7)).unwrap(),
        |path| File::options().write(true).open(path).unwrap().set_len(40).unwrap(),
        |path| fs::set_permissions(path, Permissions::from_mode(0o664)).unwrap(),
        |path| File::options().write(true).open(path).unwrap().write_all_at(&[1], SUPERSEDED as u64).unwrap(),
    ];
    for change in changes {
        publisher.publish(&map(1)).unwrap();
        assert!(publisher.is_in_force());
        // The clock of a file system moves by some milliseconds at once.
        let before = std::time::SystemTime::now() - std::time::Duration::from_secs(5);
        let placed = publisher.placed.as_mut().unwrap();
        placed.file.set_modified(before).unwrap();
        placed.mark = Mark::from(&placed.file.metadata().unwrap());
        assert!(publisher.is_in_force());
        change(&publisher.map);
        assert!(!publisher.is_in_force());
    }
    // Within one tick of that clock the word alone tells.
    publisher.publish(&map(1)).unwrap();
    let placed = publisher.placed.as_mut().unwrap();
    placed.file.write_all_at(&[1], SUPERSEDED as u64).unwrap();
    placed.mark = Mark::from(&placed.file.metadata().unwrap());
    assert!(!publisher.is_in_force());
    publisher.publish(&map(1)).unwrap();
    fs::write(&publisher.next, "begun").unwrap();
    assert!(!publisher.is_in_force());
    publisher.publish(&map(2)).unwrap();
    publisher.withdraw().unwrap();
    assert!(!publisher.is_in_force());
}
