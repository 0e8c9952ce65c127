//! The schema that is shipped for OpenLDAP is the one that decoding expects: same names, same OIDs, and whatever decoding
//! takes one value of is single-valued there too. It is LDIF, so our own parser reads it.

use std::collections::BTreeMap;

use jit_directory::ldif::parse::{Record, parse};
use jit_directory::schema;

fn shipped(name: &str) -> Vec<Record> {
    let path = format!("{}/../../packaging/ldap/openldap/{name}", env!("CARGO_MANIFEST_DIR"));
    parse(&std::fs::read(&path).unwrap()).unwrap_or_else(|fault| panic!("{path}, {fault}"))
}

fn values(name: &str) -> Vec<String> {
    let records = shipped("jit.ldif");
    records[0].attributes[name].iter().map(|value| String::from_utf8(value.clone()).unwrap()).collect()
}

/// The names of definitions by their number: `( jitAttr:3 NAME 'jitHost' …`.
fn definitions(attribute: &str, prefix: &str) -> BTreeMap<usize, (String, String)> {
    let definition = |text: String| {
        let number =
            text.strip_prefix(&format!("( {prefix}:")).unwrap().split(' ').next().unwrap().parse().unwrap();
        let name = text.split('\'').nth(1).unwrap().to_owned();
        (number, (name, text))
    };
    values(attribute).into_iter().map(definition).collect()
}

#[test]
fn every_attribute_is_there_and_no_other() {
    assert!(values("olcobjectidentifier").contains(&format!("{{0}}jitOID {}", schema::BASE_OID)));
    let defined = definitions("olcattributetypes", "jitAttr");
    let mut names: Vec<String> = defined.values().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let mut known = schema::ATTRIBUTES.to_vec();
    names.sort();
    known.sort_unstable();
    assert_eq!(names, known);
    assert_eq!(defined.keys().copied().collect::<Vec<_>>(), (1..=known.len()).collect::<Vec<_>>());
}

#[test]
fn many_values_only_where_decoding_takes_many() {
    let many = [schema::HOST, schema::SERVICE, schema::ELIGIBLE, schema::APPROVER_GROUP, schema::LOCAL_GROUP];
    for (name, text) in definitions("olcattributetypes", "jitAttr").values() {
        let single = text.contains(" SINGLE-VALUE ");
        assert_eq!(single, !many.contains(&name.to_ascii_lowercase().as_str()), "{text}");
    }
}

#[test]
fn classes_have_the_oids_that_decoding_knows() {
    let defined = definitions("olcobjectclasses", "jitClass");
    let names: Vec<String> = defined.values().map(|(name, _)| name.to_ascii_lowercase()).collect();
    assert_eq!(
        names,
        [schema::CLASS_GRANT, schema::CLASS_APPROVAL, schema::CLASS_REVOCATION, schema::CLASS_ROLE]
    );
    for (_, text) in defined.values() {
        assert!(text.contains(" SUP top STRUCTURAL MUST ( cn $ jit"), "{text}");
    }
}

#[test]
fn the_example_and_the_tree_are_content() {
    assert_eq!(shipped("tree.ldif").len(), 4);
    assert_eq!(shipped("example.ldif").len(), 9);
}
