//! Loading a record where it is not there yet. What is there already is left and said; what is there in another form, too.

use jit_control::directory::Part;
use jit_directory::ldap::admin::{Admin, Attribute, Change, Operation, Reach, Shown};
use jit_directory::ldap::{Cause, Trouble};
use jit_model::dn::Dn;

use super::merge::merge;
use super::script::Record;
use crate::cli::DirectoryKind;

/// What the records are about; some of it is shown only when it is asked for.
const ATTRIBUTES: [&str; 5] = ["*", "+", "aci", "attributeTypes", "objectClasses"];

/// RFC 4511 appendix A: attributeOrValueExists, entryAlreadyExists.
const THERE: [u32; 2] = [20, 68];

/// The database that holds a base.
pub(super) struct Database {
    /// `{1}mdb`, or the name of a backend.
    pub(super) name: String,
    /// Whether it has access rules, of its own or the frontend's (OpenLDAP).
    pub(super) has_rules: bool,
}

/// Finds it; `None` when it is not to be seen.
pub(super) async fn database(
    admin: &mut Admin,
    kind: DirectoryKind,
    base: &Dn,
) -> Result<Option<Database>, Trouble> {
    let (place, suffix, name) = match kind {
        DirectoryKind::Openldap => ("cn=config", "olcSuffix", "olcDatabase"),
        DirectoryKind::Ds389 => ("cn=ldbm database,cn=plugins,cn=config", "nsslapd-suffix", "cn"),
    };
    let found =
        admin.search(place, Reach::Below, &format!("({suffix}=*)"), &[suffix, name, "olcAccess"]).await;
    let found = seen(found)?;
    let frontend = match kind {
        DirectoryKind::Openldap => {
            admin.search(place, Reach::Below, "(olcDatabase=*frontend)", &["olcAccess"]).await
        }
        DirectoryKind::Ds389 => Ok(Vec::new()),
    };
    let everywhere = seen(frontend)?.iter().any(|entry| entry.texts("olcAccess").any(decides));
    Ok(holding(&found, suffix, base).and_then(|entry| {
        let name = entry.texts(name).next()?.to_owned();
        let has_rules = entry.texts("olcAccess").next().is_some() || everywhere;
        Some(Database { name, has_rules })
    }))
}

/// What is to be seen: nothing where the server refuses.
fn seen<T: Default>(found: Result<T, Trouble>) -> Result<T, Trouble> {
    match found {
        Err(Trouble { cause: Cause::Refused { .. }, .. }) => Ok(T::default()),
        other => other,
    }
}

/// Of the databases that hold the base the one whose suffix is the longest: a database may hang below another.
fn holding<'a>(found: &'a [Shown], suffix: &str, base: &Dn) -> Option<&'a Shown> {
    let length = |entry: &Shown| {
        let suffixes = entry.texts(suffix).filter_map(|suffix| Dn::parse(suffix).ok());
        suffixes
            .filter(|suffix| base == suffix || base.is_below(suffix))
            .map(|suffix| suffix.as_str().len())
            .max()
    };
    found
        .iter()
        .filter_map(|entry| Some((length(entry)?, entry)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, entry)| entry)
}

/// Whether a rule of the frontend, which counts after those of each database, decides about entries there. Those that come with
/// a system only speak of the server itself, or leave it to the next rule.
fn decides(rule: &str) -> bool {
    let rule = rule.to_lowercase();
    let own = [
        "to dn.exact=\"\"",
        "to dn.base=\"\"",
        "to dn.base=\"cn=subschema\"",
        "to dn.exact=\"cn=subschema\"",
    ];
    !own.iter().any(|own| rule.contains(own)) && !rule.trim_end().ends_with("by * break")
}

/// Loads what of a record is missing, and notes what came of it.
pub(super) async fn record(
    admin: &mut Admin,
    file: &str,
    record: &Record,
    parts: &mut Vec<Part>,
) -> Result<(), Trouble> {
    let mut note = |outcome: &str, what: String, text: Option<String>| {
        parts.push(Part { file: file.to_owned(), what, outcome: outcome.to_owned(), text });
    };
    let shown = locate(admin, &record.dn).await?;
    let dn = shown.as_ref().map_or(record.dn.as_str(), |shown| shown.dn.as_str()).to_owned();
    let merged = merge(&record.operation, shown.as_ref());
    for there in merged.there {
        note("there", format!("{dn}: {there}"), None);
    }
    for differs in merged.differs {
        note("differs", dn.clone(), Some(differs));
    }
    let Some(todo) = merged.todo else { return Ok(()) };
    let todo = match (&todo, &shown) {
        (Operation::Modify(changes), None) => Operation::Add(begun(&dn, changes)),
        _ => todo,
    };
    let what = format!("{dn}{}", about(&todo));
    let mut place = dn;
    for (n, step) in steps(&record.dn, todo).iter().enumerate() {
        if n > 0 {
            // The server has put a number into its name.
            place = locate(admin, &place).await?.map_or(place, |entry| entry.dn);
        }
        match admin.perform(&place, step, None).await {
            Ok(()) => {}
            Err(Trouble { cause: Cause::Refused { code, .. }, .. }) if THERE.contains(&code) => {
                note("there", what, None);
                return Ok(());
            }
            Err(Trouble { cause: cause @ Cause::Refused { .. }, .. }) => {
                note("failed", what, Some(cause.to_string()));
                return Ok(());
            }
            Err(trouble) => return Err(trouble),
        }
    }
    note("added", what, None);
    Ok(())
}

/// What is changed, by name.
fn about(operation: &Operation) -> String {
    match operation {
        Operation::Modify(changes) => {
            let named = changes.iter().map(|change| match change {
                Change::Add((name, values))
                | Change::Replace((name, values))
                | Change::Delete((name, values)) => match values.as_slice() {
                    [one] => format!(
                        "{name} {}",
                        String::from_utf8_lossy(one).chars().take(80).collect::<String>()
                    ),
                    many => format!("{} values of {name}", many.len()),
                },
            });
            format!(": {}", named.collect::<Vec<_>>().join(", "))
        }
        _ => String::new(),
    }
}

/// What is sent for a record, one after the other. Definitions of a schema build on those before them, but the values of a new entry travel
/// without an order; those of a change do not.
fn steps(dn: &str, todo: Operation) -> Vec<Operation> {
    match todo {
        Operation::Add(attributes) if dn.ends_with(",cn=schema,cn=config") => {
            let begins = |(name, _): &Attribute| ["objectClass", "cn"].contains(&name.as_str());
            let (first, rest): (Vec<_>, Vec<_>) = attributes.into_iter().partition(begins);
            vec![Operation::Add(first), Operation::Modify(rest.into_iter().map(Change::Add).collect())]
        }
        other => vec![other],
    }
}

/// The list of modules is the one entry that a change speaks of and that may be missing.
fn begun(dn: &str, changes: &[Change]) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    if dn.starts_with("cn=module") {
        attributes.push(("objectClass".to_owned(), vec![b"olcModuleList".to_vec()]));
        attributes.push(("cn".to_owned(), vec![b"module{0}".to_vec()]));
    }
    for change in changes {
        if let Change::Add(attribute) | Change::Replace(attribute) = change {
            attributes.push(attribute.clone());
        }
    }
    attributes
}

/// The entry, also where the server has put a number into its name.
async fn locate(admin: &mut Admin, dn: &str) -> Result<Option<Shown>, Trouble> {
    let found = seen(admin.entry(dn, &ATTRIBUTES).await)?;
    if found.is_some() || !dn.ends_with("cn=config") {
        return Ok(found);
    }
    let Some((rdn, above)) = dn.split_once(',') else { return Ok(None) };
    let siblings = seen(admin.search(above, Reach::Below, "(objectClass=*)", &ATTRIBUTES).await)?;
    let same =
        |entry: &Shown| entry.dn.split(',').next().is_some_and(|other| unnumbered(other) == unnumbered(rdn));
    Ok(siblings.into_iter().find(same))
}

/// `cn={4}jit` and `cn=module{0}` without their numbers, in lower case.
fn unnumbered(rdn: &str) -> String {
    let mut plain = rdn.to_lowercase();
    if let (Some(from), Some(to)) = (plain.find('{'), plain.find('}')) {
        if from < to {
            plain.replace_range(from..=to, "");
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_database_holds_it() {
        let database = |name: &str, suffix: &str| Shown {
            dn: format!("olcDatabase={name},cn=config"),
            attributes: [("olcsuffix".to_owned(), vec![suffix.as_bytes().to_vec()])].into(),
        };
        let found = [
            database("{1}mdb", "dc=net"),
            database("{2}mdb", "DC=Corp, DC=net"),
            database("{3}mdb", "dc=org"),
        ];
        for (base, holds) in [
            ("dc=corp,dc=net", Some("olcDatabase={2}mdb,cn=config")),
            ("ou=x,dc=corp,dc=net", Some("olcDatabase={2}mdb,cn=config")),
            ("dc=xcorp,dc=net", Some("olcDatabase={1}mdb,cn=config")),
            ("dc=com", None),
        ] {
            let held = holding(&found, "olcSuffix", &Dn::parse(base).unwrap()).map(|entry| entry.dn.as_str());
            assert_eq!(held, holds, "{base}");
        }
    }

    #[test]
    fn rules_of_the_frontend_are_rules() {
        for leaves in [
            "{0}to * by dn.exact=gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth manage by * break",
            "{1}to dn.exact=\"\" by * read",
            "{2}to dn.base=\"cn=Subschema\" by * read",
        ] {
            assert!(!decides(leaves), "{leaves}");
        }
        for rule in
            ["{0}to * by self write by users read", "{1}to dn.subtree=\"dc=corp,dc=net\" by users read"]
        {
            assert!(decides(rule), "{rule}");
        }
    }

    #[test]
    fn numbers_in_names_do_not_count() {
        for (shown, ours) in [
            ("cn={4}jit", "cn=jit"),
            ("olcOverlay={0}syncprov", "olcOverlay=syncprov"),
            ("cn=module{1}", "cn=module{0}"),
        ] {
            assert_eq!(unnumbered(shown), unnumbered(ours));
        }
        assert_ne!(unnumbered("cn={4}jitter"), unnumbered("cn=jit"));
    }
}
