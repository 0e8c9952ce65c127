//! The drawing in docs/groups-map.md is of the layout that the code has.

use jit_proto::map::layout::{
    ALIGN, COVERED, ConferredRow, Extent, FIELD, FIXED, GROUPS, GroupRow, HEADER, Header, MAGIC, MemberRow,
    NAME, ORDER, PersonRow, SUPERSEDED, Text, UserRow,
};
use jit_proto::map::{MAX, NEXT, PATH, steps};

const TEXT: &str = include_str!("../../../../docs/groups-map.md");

/// The rows of the tables under this heading: from, length, name.
fn table(heading: &str) -> Vec<(usize, usize, String)> {
    let (_, rest) = TEXT.split_once(&format!("\n### {heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let section = rest.split("\n#").next().unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (at, length) = (cells.get(1)?.parse().ok()?, cells.get(2)?.parse().ok()?);
        Some((at, length, cells.get(3)?.split('`').nth(1).unwrap_or("zero").to_owned()))
    };
    section.lines().filter_map(row).collect()
}

/// Where a field's bytes stand: those that differ from `without`.
fn place(with: &[u8], without: &[u8]) -> (usize, usize) {
    assert_eq!(with.len(), without.len());
    let differ = |at: &usize| with[*at] != without[*at];
    let first = (0..with.len()).find(differ).unwrap();
    let last = (0..with.len()).rfind(differ).unwrap();
    assert!((first..=last).all(|at| differ(&at)), "in one piece");
    (first, last - first + 1)
}

/// Compares the documented fields with those of the code, each written alone, all of its bytes set.
fn same(heading: &str, size: usize, empty: &[u8], fields: &[(&str, Vec<u8>)]) {
    let documented = table(heading);
    for (name, bytes) in fields {
        let (at, length) = place(bytes, empty);
        assert!(
            documented.contains(&(at, length, (*name).to_owned())),
            "{heading}: {name} is at {at}, {length} long"
        );
    }
    // Whole, without gaps, and nothing else but what is free.
    let mut end = 0;
    for (at, length, name) in &documented {
        assert_eq!(*at, end, "{heading}: {name}");
        end += length;
        assert!(name == "zero" || fields.iter().any(|(known, _)| known == name), "{heading}: {name}");
    }
    assert_eq!((end, empty.len()), (size, size), "{heading}");
}

#[test]
fn the_header() {
    let all = -1_i64;
    let empty = Header::default();
    let mut fields: Vec<(&str, Vec<u8>)> = [
        ("length", Header { length: u64::MAX, ..empty }),
        ("checksum", Header { checksum: u64::MAX, ..empty }),
        ("settled_ms", Header { settled_ms: all, ..empty }),
        ("boot_ms", Header { boot_ms: all, ..empty }),
        ("valid_until", Header { valid_until: all, ..empty }),
    ]
    .map(|(name, header)| (name, header.to_bytes().to_vec()))
    .to_vec();
    let names: Vec<String> = ORDER.iter().map(|table| format!("{table:?}")).collect();
    for (n, name) in names.iter().enumerate() {
        let mut header = empty;
        header.tables[n] = Extent { offset: u32::MAX, count: u32::MAX };
        fields.push((name, header.to_bytes().to_vec()));
    }
    let mut bytes = empty.to_bytes().to_vec();
    let magic = bytes[..MAGIC.len()].to_vec();
    assert_eq!(magic, MAGIC);
    bytes[..MAGIC.len()].iter_mut().for_each(|byte| *byte = !*byte);
    fields.push(("magic", bytes));
    let mut bytes = empty.to_bytes().to_vec();
    bytes[SUPERSEDED..SUPERSEDED + 4].fill(255);
    fields.push(("superseded", bytes));
    same("The header", HEADER, &empty.to_bytes(), &fields);
    assert_eq!((FIXED, COVERED, ALIGN), (16, 32, 8));
}

const NONE: Text = Text { offset: 0, length: 0 };
const ALL: Text = Text { offset: u32::MAX, length: u32::MAX };

#[test]
fn rows_of_groups_and_members() {
    let empty = GroupRow { name: NONE, gid: 0, first: 0, count: 0 };
    let fields = [
        ("name", GroupRow { name: ALL, ..empty }),
        ("gid", GroupRow { gid: u32::MAX, ..empty }),
        ("first", GroupRow { first: u32::MAX, ..empty }),
        ("count", GroupRow { count: u32::MAX, ..empty }),
    ]
    .map(|(name, row)| (name, row.to_bytes().to_vec()));
    same("Groups", 24, &empty.to_bytes(), &fields);
    let empty = MemberRow { name: NONE, from: 0, until: 0 };
    let fields = [
        ("name", MemberRow { name: ALL, ..empty }),
        ("from", MemberRow { from: -1, ..empty }),
        ("until", MemberRow { until: -1, ..empty }),
    ]
    .map(|(name, row)| (name, row.to_bytes().to_vec()));
    same("Members", 24, &empty.to_bytes(), &fields);
}

#[test]
fn rows_of_users_and_what_is_conferred() {
    let empty = UserRow { name: NONE, first: 0, count: 0 };
    let fields = [
        ("name", UserRow { name: ALL, ..empty }),
        ("first", UserRow { first: u32::MAX, ..empty }),
        ("count", UserRow { count: u32::MAX, ..empty }),
    ]
    .map(|(name, row)| (name, row.to_bytes().to_vec()));
    same("Users", 16, &empty.to_bytes(), &fields);
    let empty = ConferredRow { gid: 0, from: 0, until: 0 };
    let fields = [
        ("gid", ConferredRow { gid: u32::MAX, ..empty }),
        ("from", ConferredRow { from: -1, ..empty }),
        ("until", ConferredRow { until: -1, ..empty }),
    ]
    .map(|(name, row)| (name, row.to_bytes().to_vec()));
    same("Conferred", 24, &empty.to_bytes(), &fields);
}

#[test]
fn rows_of_people() {
    let empty = PersonRow { name: NONE, gecos: NONE, home: NONE, shell: NONE, uid: 0, gid: 0, until: 0 };
    let fields = [
        ("name", PersonRow { name: ALL, ..empty }),
        ("gecos", PersonRow { gecos: ALL, ..empty }),
        ("home", PersonRow { home: ALL, ..empty }),
        ("shell", PersonRow { shell: ALL, ..empty }),
        ("uid", PersonRow { uid: u32::MAX, ..empty }),
        ("gid", PersonRow { gid: u32::MAX, ..empty }),
        ("until", PersonRow { until: -1, ..empty }),
    ]
    .map(|(name, row)| (name, row.to_bytes().to_vec()));
    same("People", 48, &empty.to_bytes(), &fields);
}

#[test]
fn names_and_limits() {
    for (path, last) in [(PATH, steps::MAP), (NEXT, steps::NEXT)] {
        let path = path.to_str().unwrap();
        assert!(TEXT.contains(&format!("`{path}`")), "{path}");
        let steps = [steps::ROOTS, steps::DAEMONS, last].map(|step| step.to_str().unwrap());
        assert_eq!(steps.join("/"), path);
    }
    assert_eq!(MAX, 64 << 20);
    assert!(TEXT.contains("64 MiB"));
    let spaced = |n: usize| if n < 1000 { n.to_string() } else { format!("{},{:03}", n / 1000, n % 1000) };
    for limit in [
        format!("{} bytes", spaced(NAME)),
        format!("{} bytes", spaced(FIELD)),
        format!("{} rows", spaced(GROUPS as usize)),
    ] {
        assert!(TEXT.contains(&limit), "{limit}");
    }
}
