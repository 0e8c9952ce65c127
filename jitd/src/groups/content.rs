//! What the model says of groups and people, as the rows of a map. A function of values; nothing is decided here.

use jit_model::confer::{Conferred, ConferredGroup, Membership};
use jit_model::serve::{Served, ServedPerson};
use jit_model::time::Timestamp;

use super::due::Times;
use super::encode::{self, Content};

/// The rows of a map that says this, without its times.
pub fn rows(conferred: &Conferred, served: &Served) -> Content {
    let groups = conferred.groups.iter().map(|(name, of)| (name.to_string(), group(of))).collect();
    let people = served.people.iter().map(|(login, of)| (login.to_string(), person(of))).collect();
    Content { groups, people, ..Content::default() }
}

/// The same, at a time.
pub fn at(content: &mut Content, times: Times) {
    let Times { settled_ms, boot_ms, valid_until } = times;
    (content.settled_ms, content.boot_ms, content.valid_until) = (settled_ms, boot_ms, valid_until);
}

/// The earliest end of a row: what says less from then on.
pub fn first_end(conferred: &Conferred, served: &Served) -> Option<Timestamp> {
    let memberships = conferred.groups.values().flat_map(|group| &group.members).map(|member| member.until);
    memberships.chain(served.people.values().map(|person| person.until)).min()
}

fn group(group: &ConferredGroup) -> encode::Group {
    let membership = |Membership { login, from, until }: &Membership| encode::Membership {
        login: login.to_string(),
        from: from.0,
        until: until.0,
    };
    encode::Group { gid: group.gid, members: group.members.iter().map(membership).collect() }
}

fn person(person: &ServedPerson) -> encode::Person {
    encode::Person {
        uid: person.uid,
        gid: person.gid,
        gecos: person.gecos.clone(),
        home: person.home.clone(),
        shell: person.shell.clone(),
        until: person.until.0,
    }
}
