//! The example in docs/ldif.md is what it says it is: every entry of it is understood.

use std::collections::BTreeSet;

use jit_directory::decode::Reading;
use jit_directory::ldif::{bases, gather, read};
use jit_model::dn::Dn;
use jit_model::name::SourceName;
use jit_model::source::Proof;

#[test]
fn the_example_is_understood() {
    let text = include_str!("../../../docs/ldif.md");
    let example = text.split("```ldif\n").nth(1).unwrap().split("```").next().unwrap();
    let reading = Reading {
        name: SourceName::new("ldif").unwrap(),
        proof: Proof::Source,
        writers: BTreeSet::new(),
        default_role: None,
        login_attribute: "uid".to_owned(),
    };
    let source = read(example.as_bytes(), &bases().unwrap(), &reading).unwrap();
    assert_eq!(source.set_aside, vec![]);
    assert_eq!((source.grants.len(), source.roles.len()), (2, 1));
    assert_eq!((source.people.persons().count(), source.people.groups().count()), (2, 1));
    let name = Dn::parse("cn=maintenance,ou=grants,ou=jit,dc=local").unwrap();
    assert!(text.contains(name.as_str()));
    assert_eq!(source.grants[&gather::derived(&name)].revocations.len(), 1);
}
