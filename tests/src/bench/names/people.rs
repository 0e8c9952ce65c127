//! Ten thousand people and their groups, once as LDIF for those who ask a directory and once as a group map for us. Everybody is in three
//! groups: a team of 20, a department and a site.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use jitd::groups::encode::{Content, Group, Membership, Person, encode};
use rustix::time::{ClockId, clock_gettime};

use crate::ldif::BASE;
use crate::trouble::{Result, Trouble};

/// People in the directory.
pub const PEOPLE: u32 = 10_000;
/// In how many groups each of them is.
pub const GROUPS_EACH: i64 = 3;
/// Whom everybody is asked about.
pub const PERSON: u32 = 4_321;
/// People in a team.
pub const TEAM: u32 = 20;
/// Departments; at [`PEOPLE`] people, 200 are in each.
const DEPARTMENTS: u32 = 50;
/// People in a department.
pub const DEPARTMENT: u32 = PEOPLE / DEPARTMENTS;
const SITES: u32 = 5;

/// The login of a person.
pub fn login(person: u32) -> String {
    format!("u{person}")
}

/// The number of a person, and of a primary group that nobody names.
pub fn uid(person: u32) -> u32 {
    100_000 + person
}

/// The team of a person.
pub fn team(person: u32) -> (String, u32) {
    let team = person / TEAM;
    (format!("team{team}"), 1_000_000 + team)
}

/// The department of a person.
pub fn department(person: u32) -> (String, u32) {
    let department = person % DEPARTMENTS;
    (format!("department{department}"), 1_100_000 + department)
}

fn site(person: u32) -> (String, u32) {
    let site = person % SITES;
    (format!("site{site}"), 1_200_000 + site)
}

/// The groups of so many people, with who is in them.
fn groups(people: u32) -> BTreeMap<(String, u32), Vec<String>> {
    let mut groups: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for person in 0..people {
        for group in [team(person), department(person), site(person)] {
            groups.entry(group).or_default().push(login(person));
        }
    }
    groups
}

/// The directory.
pub fn ldif() -> String {
    let mut text = format!("dn: {BASE}\nobjectClass: domain\ndc: example\n\n");
    for unit in ["people", "groups"] {
        // Writing to a String cannot fail.
        let _ = write!(text, "dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}\n\n");
    }
    for person in 0..PEOPLE {
        let (login, uid) = (login(person), uid(person));
        let _ = write!(
            text,
            "dn: uid={login},ou=people,{BASE}\nobjectClass: account\nobjectClass: posixAccount\nuid: {login}\n\
             cn: Person {person}\ngecos: Person {person}\nuidNumber: {uid}\ngidNumber: {uid}\n\
             homeDirectory: /home/{login}\nloginShell: /bin/bash\n\n"
        );
    }
    for ((name, gid), members) in groups(PEOPLE) {
        let _ = write!(
            text,
            "dn: cn={name},ou=groups,{BASE}\nobjectClass: posixGroup\ncn: {name}\ngidNumber: {gid}\n"
        );
        for member in members {
            let _ = writeln!(text, "memberUid: {member}");
        }
        text.push('\n');
    }
    text
}

/// The map of the first so many people, whose grants all end tomorrow.
///
/// # Errors
/// When it is larger than a map may be.
pub fn map(people: u32) -> Result<Vec<u8>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let until = now + 24 * 3600;
    let boot = clock_gettime(ClockId::Boottime);
    let conferred = |((name, gid), members): ((String, u32), Vec<String>)| {
        let members =
            members.into_iter().map(|login| Membership { login, from: now - 3600, until }).collect();
        (name, Group { gid, members })
    };
    let described = |person| {
        let (login, uid) = (login(person), uid(person));
        let (gecos, home) = (format!("Person {person}"), format!("/home/{login}"));
        (login, Person { uid, gid: uid, gecos, home, shell: "/bin/bash".to_owned(), until })
    };
    let content = Content {
        groups: groups(people).into_iter().map(conferred).collect(),
        people: (0..people).map(described).collect(),
        settled_ms: now * 1000,
        boot_ms: boot.tv_sec * 1000 + boot.tv_nsec / 1_000_000,
        valid_until: until,
    };
    encode(&content).map_err(|e| Trouble::new(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_in_as_many_groups_as_we_say() {
        let groups = groups(PEOPLE);
        let of =
            |login: &str| groups.values().filter(|members| members.iter().any(|one| one == login)).count();
        assert_eq!(of(&login(PERSON)), 3);
        assert_eq!(groups[&team(PERSON)].len(), TEAM as usize);
        assert_eq!(groups[&department(PERSON)].len(), DEPARTMENT as usize);
    }
}
