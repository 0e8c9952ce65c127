//! The files of packaging/ldap as operations. They are ours, so that little of LDIF (RFC 2849) is understood here: plain values,
//! continued lines, comments, additions and changes.

use jit_directory::ldap::admin::{Attribute, Change, Operation};

use super::cast::with;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) dn: String,
    pub(super) operation: Operation,
}

/// Reads a file. What is not understood is left out, which a test of the files would notice.
pub(super) fn read(text: &str) -> Vec<Record> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix(' '), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ if line.starts_with('#') => {}
            _ => lines.push(line.to_owned()),
        }
    }
    lines.split(String::is_empty).filter_map(record).collect()
}

fn record(lines: &[String]) -> Option<Record> {
    let mut pairs = lines.iter().map(|line| line.split_once(": ").unwrap_or((line, ""))).peekable();
    let (_, dn) = pairs.next().filter(|(name, _)| *name == "dn")?;
    let changes = pairs.next_if(|(name, _)| *name == "changetype").is_some_and(|(_, kind)| kind == "modify");
    let rest: Vec<(&str, &str)> = pairs.collect();
    let operation = match changes {
        false => Operation::Add(grouped(&rest)),
        true => Operation::Modify(rest.split(|(name, _)| *name == "-").filter_map(change).collect()),
    };
    Some(Record { dn: dn.to_owned(), operation })
}

fn change(pairs: &[(&str, &str)]) -> Option<Change> {
    let ((kind, name), values) = pairs.split_first()?;
    let values = values.iter().map(|(_, value)| value.as_bytes().to_vec()).collect();
    let attribute = ((*name).to_owned(), values);
    match *kind {
        "add" => Some(Change::Add(attribute)),
        "replace" => Some(Change::Replace(attribute)),
        _ => None,
    }
}

fn grouped(pairs: &[(&str, &str)]) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    with(&mut attributes, pairs);
    attributes
}

#[cfg(test)]
mod tests {
    use super::super::files::pieces;
    use super::*;
    use crate::cli::DirectoryKind;

    #[test]
    fn every_line_of_the_shipped_files_is_understood() {
        for kind in [DirectoryKind::Openldap, DirectoryKind::Ds389] {
            for piece in pieces(kind, "dc=corp,dc=net", "x").unwrap() {
                let (mut records, mut values) = (0, 0);
                for line in piece.text.lines().filter(|line| !line.starts_with([' ', '#'])) {
                    match line.split_once(": ") {
                        Some(("dn", _)) => records += 1,
                        Some(("changetype" | "add" | "replace", _)) => {}
                        Some(_) => values += 1,
                        None => assert!(line.is_empty() || line == "-", "{}: {line}", piece.name),
                    }
                }
                let read = read(&piece.text);
                let count = |record: &Record| -> usize {
                    match &record.operation {
                        Operation::Add(attributes) => attributes.iter().map(|(_, values)| values.len()).sum(),
                        Operation::Modify(changes) => {
                            let values = changes.iter().map(|change| match change {
                                Change::Add((_, values))
                                | Change::Replace((_, values))
                                | Change::Delete((_, values)) => values.len(),
                            });
                            values.sum()
                        }
                        _ => 0,
                    }
                };
                assert_eq!(read.len(), records, "{}", piece.name);
                assert_eq!(read.iter().map(count).sum::<usize>(), values, "{}", piece.name);
            }
        }
    }

    #[test]
    fn a_line_goes_on_where_it_was_broken() {
        let text = "# a comment\ndn: cn=a,\n dc=x\nchangetype: modify\nadd: aci\naci: one\n  two\n# between\naci: three\n-\nreplace: b\nb: c\n";
        let aci = ("aci".to_owned(), vec![b"one two".to_vec(), b"three".to_vec()]);
        let changes = vec![Change::Add(aci), Change::Replace(("b".to_owned(), vec![b"c".to_vec()]))];
        assert_eq!(
            read(text),
            [Record { dn: "cn=a,dc=x".to_owned(), operation: Operation::Modify(changes) }]
        );
    }
}
