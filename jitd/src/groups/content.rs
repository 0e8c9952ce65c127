//! What the model says of groups and people, as the rows of a map. A function of values; nothing is decided here.

use jit_model::confer::{Conferred, ConferredGroup, Membership};
use jit_model::serve::{Served, ServedPerson};
use jit_model::time::Timestamp;

use super::due::Times;
use super::encode::{self, Content};

mod hold;

pub use hold::still_holds;

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

/// The times of a map that was written from this.
pub fn times(content: &Content) -> Times {
    let &Content { settled_ms, boot_ms, valid_until, .. } = content;
    Times { settled_ms, boot_ms, valid_until }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jit_model::confer::{IdRange, Local};
    use jit_model::name::Login;
    use jit_model::people::Account;
    use jit_model::serve::{KnownPerson, PeopleRules, serve};
    use proptest::prelude::*;

    use super::*;
    use crate::groups::encode::encode;

    fn text() -> impl Strategy<Value = Option<String>> {
        let long = (0_usize..70_000).prop_map(|length| "é".repeat(length));
        proptest::option::of(prop_oneof![any::<String>(), "/[a-z:/\n\u{0}\u{7f}]{0,20}", long])
    }

    fn person() -> impl Strategy<Value = KnownPerson> {
        let number =
            || proptest::option::of(prop_oneof![any::<u32>(), 9_999_u32..10_003, Just(0), Just(u32::MAX)]);
        let account = (number(), text(), text(), text()).prop_map(|(gid_number, gecos, home, shell)| {
            Account { gid_number, gecos, home, shell, ssh_keys: Vec::new() }
        });
        (number(), account, any::<bool>()).prop_map(|(uid_number, account, shown)| KnownPerson {
            uid_number,
            account,
            last: Timestamp(0),
            shown,
        })
    }

    proptest! {
        /// One person of a directory must not cost everybody's groups.
        #[test]
        fn whatever_a_directory_says_of_people_can_be_written(
            people in proptest::collection::btree_map("[a-zA-Z0-9._@+$][a-zA-Z0-9._@+$-]{0,9}", person(), 0..6),
            last in prop_oneof![Just(2_000_000_000), Just(u32::MAX)],
        ) {
            let known: BTreeMap<Login, KnownPerson> =
                people.into_iter().map(|(login, person)| (Login::new(&login).unwrap(), person)).collect();
            let rules = PeopleRules { ids: IdRange { first: 1, last }, ..PeopleRules::default() };
            let served = serve(&known, &rules, &Local::default(), &BTreeMap::new());
            prop_assert!(encode(&rows(&Conferred::default(), &served)).is_ok());
        }
    }
}
