//! What of a record is there already. Pure: the shipped record and what the server shows, in; what is still to be done, out. Nothing of
//! the administrator's is ever overwritten: what is there in another form is said and left.

use jit_directory::ldap::admin::{Attribute, Change, Operation, Shown};

/// What came of comparing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Merge {
    /// Still to be done; `None` when nothing is.
    pub(super) todo: Option<Operation>,
    /// What is there as it should be, in a few words each.
    pub(super) there: Vec<String>,
    /// What is there in another form, with what it should be.
    pub(super) differs: Vec<String>,
}

/// Compares a record with the entry that stands there.
pub(super) fn merge(operation: &Operation, shown: Option<&Shown>) -> Merge {
    match (operation, shown) {
        (Operation::Modify(changes), Some(shown)) => changed(changes, shown),
        (Operation::Add(wanted), Some(shown)) => present(wanted, shown),
        (operation, None) => Merge { todo: Some(operation.clone()), ..Merge::default() },
        (_, Some(_)) => Merge::default(),
    }
}

/// An entry that is there: what it lacks is said, and not added.
fn present(wanted: &[Attribute], shown: &Shown) -> Merge {
    let mut merge = Merge::default();
    for (name, values) in wanted {
        // A description is for people, a name may have been given a number, and a container is one under any class.
        if ["description", "cn", "ou", "o", "dc", "olcoverlay", "objectclass"]
            .contains(&name.to_ascii_lowercase().as_str())
        {
            continue;
        }
        let known: Vec<String> = shown.texts(name).map(canonical).collect();
        for value in values.iter().map(|value| canonical(&String::from_utf8_lossy(value))) {
            if !known.contains(&value) {
                merge.differs.push(format!("{name} is not `{}`", shortened(&value)));
            }
        }
    }
    if merge.differs.is_empty() {
        merge.there.push("the entry".to_owned());
    }
    merge
}

fn changed(changes: &[Change], shown: &Shown) -> Merge {
    let mut merge = Merge::default();
    let mut todo = Vec::new();
    for change in changes {
        match change {
            Change::Add((name, values)) => {
                let missing = missing(name, values, shown, &mut merge);
                if !missing.is_empty() {
                    todo.push(Change::Add((name.clone(), missing)));
                }
            }
            Change::Replace((name, values)) => {
                let wanted: Vec<String> =
                    values.iter().map(|value| canonical(&String::from_utf8_lossy(value))).collect();
                if shown.texts(name).map(canonical).eq(wanted) {
                    merge.there.push(name.clone());
                } else {
                    todo.push(change.clone());
                }
            }
            Change::Delete(_) => todo.push(change.clone()),
        }
    }
    merge.todo = (!todo.is_empty()).then_some(Operation::Modify(todo));
    merge
}

/// The values of an attribute that are not there, by what each of them is about.
fn missing(name: &str, values: &[Vec<u8>], shown: &Shown, merge: &mut Merge) -> Vec<Vec<u8>> {
    let known: Vec<(String, String)> = shown
        .texts(name)
        .flat_map(|value| keys(name, value).into_iter().map(|key| (key, canonical(value))))
        .collect();
    // The order of rules is their meaning: one by one they would come to stand in the wrong place, or before an older form of
    // themselves that still lets in what they do not. All of them go in, or none.
    let places = values.iter().flat_map(|value| places(&String::from_utf8_lossy(value)));
    let places: Vec<String> = if name == "olcAccess" { places.collect() } else { Vec::new() };
    let ruled = known.iter().any(|(key, _)| places.iter().any(|place| key.contains(place.as_str())));
    let mut missing = Vec::new();
    for bytes in values {
        let value = String::from_utf8_lossy(bytes);
        let key = keys(name, &value).pop().unwrap_or_default();
        let about: Vec<&String> =
            known.iter().filter(|(known, _)| *known == key).map(|(_, value)| value).collect();
        // Whatever else an index is for, equality is what is needed.
        let there = match name {
            "olcDbIndex" => about
                .iter()
                .any(|value| value.split(' ').skip(1).any(|kinds| kinds.split(',').any(|kind| kind == "eq"))),
            // From wherever it is loaded.
            "olcModuleLoad" => !about.is_empty(),
            _ => about.iter().any(|known| **known == canonical(&value)),
        };
        match (there, about.first()) {
            (true, _) => merge.there.push(shortened(&key)),
            (false, None) if ruled => merge.differs.push(format!("{name} is nowhere `{}`", shortened(&key))),
            (false, None) => missing.push(bytes.clone()),
            (false, Some(known)) => merge.differs.push(format!(
                "{name} is `{}`, not `{}`",
                shortened(known),
                shortened(&canonical(&value))
            )),
        }
    }
    missing
}

/// The entries that a rule of ours about ou=jit names: whoever has a rule about one of them has rules of ours, in some form.
fn places(rule: &str) -> Vec<String> {
    let about = rule.split(" by ").next().unwrap_or_default();
    about
        .split('"')
        .filter(|part| part.starts_with("ou=") && part.contains("ou=jit,"))
        .map(str::to_owned)
        .collect()
}

/// What a value is about: two values of the same key are two forms of one thing.
fn keys(name: &str, value: &str) -> Vec<String> {
    let value = canonical(value);
    let first = |value: &str| value.split(' ').next().unwrap_or_default().to_owned();
    match name {
        "olcDbIndex" => first(&value).split(',').map(str::to_lowercase).collect(),
        "olcLimits" => vec![first(&value)],
        "olcAccess" => vec![value.split(" by ").next().unwrap_or_default().to_owned()],
        "olcModuleLoad" => {
            let file = value.rsplit('/').next().unwrap_or_default();
            vec![file.split('.').next().unwrap_or_default().to_owned()]
        }
        "aci" => vec![
            value.split("acl \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or(&value).to_owned(),
        ],
        "attributeTypes" | "objectClasses" => vec![value.split(' ').nth(1).unwrap_or_default().to_owned()],
        _ => vec![value],
    }
}

/// A value without the number that the server puts before it, and with one space where there may be several.
fn canonical(value: &str) -> String {
    let value = match value.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((number, rest)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => value,
    };
    // Where a definition comes from is noted by 389 Directory Server in its own way.
    let value = value.split(" X-ORIGIN ").next().unwrap_or_default();
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(100) {
        Some((at, _)) => format!("{}…", value.get(..at).unwrap_or_default()),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn shown(name: &str, values: &[&str]) -> Shown {
        let values = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        Shown { dn: "cn=x".to_owned(), attributes: BTreeMap::from([(name.to_lowercase(), values)]) }
    }

    fn add(name: &str, values: &[&str]) -> Operation {
        let values = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        Operation::Modify(vec![Change::Add((name.to_owned(), values))])
    }

    #[test]
    fn what_is_there_is_left_and_what_differs_is_said() {
        let rules = ["{0}to dn.exact=\"a\" by users add by * none", "{1}to dn.exact=\"b\" by * none"];
        let there = shown(
            "olcAccess",
            &["{0}to dn.exact=\"a\" by users add  by * none", "{1}to dn.exact=\"b\" by users read"],
        );
        let merged = merge(&add("olcAccess", &rules), Some(&there));
        assert_eq!(merged.todo, None);
        assert_eq!((merged.there.len(), merged.differs.len()), (1, 1), "{merged:?}");
        let none = merge(&add("olcAccess", &rules), Some(&shown("olcAccess", &["{0}to * by * read"])));
        assert_eq!(none.todo, Some(add("olcAccess", &rules)));
    }

    #[test]
    fn rules_go_in_together_or_not_at_all() {
        let jit = "ou=jit,dc=x";
        let rules = [
            format!("{{0}}to dn.children=\"ou=grants,{jit}\" filter=\"(new)\" by * none"),
            format!("{{1}}to dn.subtree=\"{jit}\" by users read by * none"),
        ];
        let rules = rules.each_ref().map(String::as_str);
        // The first is there in an older form, the second as it is: the new one would stand before the old one, which lets in more.
        let older = format!("{{0}}to dn.children=\"ou=grants,{jit}\" by users add by * none");
        let second = format!("{{1}}to dn.subtree=\"{jit}\" by users read by * none");
        let merged = merge(&add("olcAccess", &rules), Some(&shown("olcAccess", &[&older, &second])));
        assert_eq!((merged.todo, merged.there.len(), merged.differs.len()), (None, 1, 1));
        // One of ours was taken away.
        let merged = merge(&add("olcAccess", &rules), Some(&shown("olcAccess", &[&second])));
        assert_eq!((merged.todo, merged.differs.len()), (None, 1));
        // The administrator's own are about something else.
        let own = ["{0}to attrs=userPassword by * auth", "{1}to dn.subtree=\"dc=x\" by users read"];
        let merged = merge(&add("olcAccess", &rules), Some(&shown("olcAccess", &own)));
        assert_eq!((merged.todo, merged.differs.len()), (Some(add("olcAccess", &rules)), 0));
    }

    #[test]
    fn an_index_among_others_is_one() {
        for there in ["jitHost eq", "objectClass,JITHOST pres,eq", "uid,jitHost eq,sub"] {
            assert_eq!(
                merge(&add("olcDbIndex", &["jitHost eq"]), Some(&shown("olcDbIndex", &[there]))).todo,
                None,
                "{there}"
            );
        }
        let other = merge(&add("olcDbIndex", &["jitHost eq"]), Some(&shown("olcDbIndex", &["jitHost pres"])));
        assert_eq!((other.todo, other.differs.len()), (None, 1));
        let module = shown("olcModuleLoad", &["{1}/usr/lib/ldap/syncprov.la"]);
        assert!(merge(&add("olcModuleLoad", &["syncprov"]), Some(&module)).todo.is_none());
    }
}
