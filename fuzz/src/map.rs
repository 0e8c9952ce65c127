//! A group map, as it lies in memory in any process: every question to it, whatever the bytes are.

use jit_proto::map::layout::{COVERED, FIXED, HEADER, checksum, is_field, is_name, is_number};
use jit_proto::map::read::{Clocks, Damaged, Map, Now, is_map};

/// So many rows of each table are asked for by number.
const ROWS: u32 = 32;

/// So many members of a group, and groups of a user.
const RUN: usize = 200;

/// The file as it is, and the same with its length and checksum mended: else hardly any change would get beyond them. What is answered
/// fits a line of passwd(5) or group(5) and a C string, is nobody's number that must not be given away, and is what was asked for.
pub fn map(data: &[u8]) {
    if let Some(first) = data.first_chunk() {
        let _ = is_map(first);
    }
    ask(data);
    ask(&sealed(data.to_vec()));
}

/// With the length that it has, and the checksum of what it is.
pub fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let length = file.len() as u64;
    if let Some(place) = file.get_mut(FIXED..FIXED + 8) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    let sum = file.get(COVERED..).map(checksum);
    if let Some((place, sum)) = file.get_mut(FIXED + 8..COVERED).zip(sum) {
        place.copy_from_slice(&sum.to_le_bytes());
    }
    file
}

fn ask(file: &[u8]) {
    let rest = file.get(FIXED..).unwrap_or_default();
    let Ok(map) = Map::open(rest) else { return };
    assert!(file.len() >= HEADER && Map::again(rest).is_ok());
    let clocks = [0, 1, 1_795_348_800, map.valid_until().saturating_sub(1), i64::MAX]
        .into_iter()
        .flat_map(|real| [i64::MIN, 0, 60_000, i64::MAX].map(|boot_ms| Clocks { real, boot_ms }));
    let mut moments: Vec<Now> = clocks.filter_map(|clocks| map.at(clocks)).collect();
    moments.sort();
    moments.dedup();
    let mut names: Vec<Vec<u8>> =
        [&b""[..], b"alice", b"dba", b"nobody", b"\xff"].map(<[u8]>::to_vec).to_vec();
    let mut numbers = vec![0, 1, 1000, 1001, u32::MAX];
    for group in (0..ROWS).map_while(|n| map.group_at(n).transpose()).flatten() {
        names.push(group.name.to_vec());
        numbers.push(group.gid);
    }
    for now in &moments {
        for person in (0..ROWS).map_while(|n| map.person_at(n, *now).transpose()).flatten().flatten() {
            names.push(person.name.to_vec());
            numbers.push(person.uid);
        }
    }
    for name in &names {
        by_name(file, &map, name, &moments);
    }
    for number in numbers {
        if let Ok(Some(group)) = map.group_of_gid(number) {
            assert_eq!(group.gid, number);
            group_is_good(file, group.name, group.gid);
        }
        for person in moments.iter().filter_map(|now| map.person_of_uid(number, *now).ok().flatten()) {
            assert!(person.uid == number && is_number(person.uid) && is_number(person.gid));
            assert!(is_name(closed(file, person.name)));
            assert!(
                [person.gecos, person.home, person.shell].iter().all(|text| is_field(closed(file, text)))
            );
        }
    }
}

fn by_name(file: &[u8], map: &Map<'_>, name: &[u8], moments: &[Now]) {
    let group = map.group(name);
    for now in moments {
        if let Ok(Some(group)) = group {
            assert_eq!(group.name, name);
            group_is_good(file, group.name, group.gid);
            let members = map.members(&group, *now).into_iter().flatten().take(RUN);
            assert!(members.flatten().all(|member| is_name(closed(file, member))));
        }
        let mut gids = map.groups_of(name, *now).into_iter().flatten().take(RUN);
        assert!(gids.all(|gid: Result<u32, Damaged>| gid.is_ok_and(is_number) || gid.is_err()));
        if let Ok(Some(person)) = map.person(name, *now) {
            assert_eq!(person.name, name);
        }
    }
}

fn group_is_good(file: &[u8], name: &[u8], gid: u32) {
    assert!(is_name(closed(file, name)) && is_number(gid));
}

/// A text with a zero behind it, and none in it.
fn closed<'a>(file: &[u8], text: &'a [u8]) -> &'a [u8] {
    let end = (text.as_ptr() as usize).wrapping_sub(file.as_ptr() as usize).wrapping_add(text.len());
    assert_eq!(file.get(end), Some(&0), "{text:?}");
    assert!(!text.contains(&0) && !text.contains(&b':') && !text.contains(&b'\n'), "{text:?}");
    text
}
