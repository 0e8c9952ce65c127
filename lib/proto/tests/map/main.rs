//! The group map as its readers see it: whole files against a naive model, damaged ones, and hostile ones whose checksum is right.
//!
//! Nothing here opens a file or calls into C, so that all of it runs under Miri too.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod damaged;
mod documented;
mod draft;
mod hostile;
mod model;
mod texts;

use jit_proto::map::layout::FIXED;
use jit_proto::map::read::{Clocks, Damaged, Map, Now};
use proptest::prelude::*;

/// Miri has no files, so failures are not kept in one.
fn config() -> ProptestConfig {
    let usual = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if cfg!(miri) { ProptestConfig { cases: 4, ..usual } } else { usual }
}

fn open(file: &[u8]) -> Result<Map<'_>, Damaged> {
    Map::open(file.get(FIXED..).unwrap_or_default())
}

fn at(map: &Map<'_>, real: i64) -> Now {
    map.at(Clocks { real, boot_ms: 0 }).unwrap()
}

/// Asks everything that can be asked of a file. What must hold of each answer, whatever the file is.
fn ask(file: &[u8]) -> Result<usize, Damaged> {
    let map = open(file)?;
    assert_eq!(format!("{:?}", Map::again(&file[FIXED..])), format!("{:?}", Ok::<_, Damaged>(map)));
    let mut answers = 0;
    let mut plain = |text: &[u8], name: bool| {
        let start = text.as_ptr() as usize - file.as_ptr() as usize;
        assert_eq!(file[start + text.len()], 0, "{text:?} is closed");
        assert!(!text.iter().any(|byte| matches!(byte, 0..32 | 127 | b':')), "{text:?} breaks a line");
        assert!(!name || !text.is_empty() && !text.contains(&b','), "{text:?} is no name");
        answers += 1;
    };
    let good = |number: u32| assert!(number != 0 && number != u32::MAX, "{number}");
    let some = [0, 1, 2, 7, 1000, i64::MAX - 1].into_iter();
    let moments: Vec<Now> = some.filter_map(|real| map.at(Clocks { real, boot_ms: 0 })).collect();
    let mut names: Vec<Vec<u8>> = vec![vec![], b"alice".to_vec(), b"dba".to_vec(), vec![255; 300]];
    let mut numbers = vec![0, 1, 7, u32::MAX];
    let rows = 64;
    for group in (0..rows).map_while(|n| map.group_at(n).transpose()).flatten() {
        names.push(group.name.to_vec());
        numbers.push(group.gid);
    }
    for now in &moments {
        let people = (0..rows).map_while(|n| map.person_at(n, *now).transpose());
        names.extend(people.flatten().flatten().map(|person| person.name.to_vec()));
    }
    for name in &names {
        if let Ok(Some(group)) = map.group(name) {
            assert_eq!(group.name, name);
            plain(group.name, true);
            good(group.gid);
            for now in &moments {
                let members = map.members(&group, *now).into_iter().flatten();
                members.take(1000).flatten().for_each(|member| plain(member, true));
            }
        }
        for now in &moments {
            let gids = map.groups_of(name, *now).into_iter().flatten();
            gids.take(1000).flatten().for_each(good);
            if let Ok(Some(person)) = map.person(name, *now) {
                assert_eq!(person.name, name);
                numbers.push(person.uid);
            }
        }
    }
    for number in numbers {
        if let Ok(Some(group)) = map.group_of_gid(number) {
            assert_eq!(group.gid, number);
            good(number);
            plain(group.name, true);
        }
        for now in &moments {
            if let Ok(Some(person)) = map.person_of_uid(number, *now) {
                assert_eq!(person.uid, number);
                good(person.uid);
                good(person.gid);
                plain(person.name, true);
                [person.gecos, person.home, person.shell].into_iter().for_each(|field| plain(field, false));
            }
        }
    }
    Ok(answers)
}
