//! The files of packaging/ldap, in the order in which they are loaded, with base and database put in. They are part of the program:
//! an administrator's machine needs nothing else.

use jit_model::dn::Dn;

use crate::cli::{DirectoryKind, DirectoryPart};
use crate::report::Failure;

/// What the files are written for.
const BASE: &str = "dc=example,dc=com";
const DATABASE: &str = "{1}mdb";

/// When a file is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Always.
    Always,
    /// Where nothing of the kind is there yet.
    Fresh,
}

/// A file.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) name: &'static str,
    pub(super) part: DirectoryPart,
    pub(super) when: When,
    pub(super) text: String,
}

macro_rules! shipped {
    ($kind:literal, $name:literal) => {
        include_str!(concat!("../../../../packaging/ldap/", $kind, "/", $name))
    };
}

use DirectoryPart::{Configuration, Content};
use When::{Always, Fresh};

const OPENLDAP: [(&str, DirectoryPart, When, &str); 6] = [
    ("jit.ldif", Configuration, Always, shipped!("openldap", "jit.ldif")),
    ("index.ldif", Configuration, Always, shipped!("openldap", "index.ldif")),
    ("syncprov.ldif", Configuration, Always, shipped!("openldap", "syncprov.ldif")),
    // Before the next one, which puts its rules first.
    ("acl-people.ldif", Configuration, Fresh, shipped!("openldap", "acl-people.ldif")),
    ("acl.ldif", Configuration, Always, shipped!("openldap", "acl.ldif")),
    ("tree.ldif", Content, Always, shipped!("openldap", "tree.ldif")),
];

const DS389: [(&str, DirectoryPart, When, &str); 7] = [
    ("schema.ldif", Configuration, Always, shipped!("389ds", "schema.ldif")),
    ("plugins.ldif", Configuration, Always, shipped!("389ds", "plugins.ldif")),
    ("index.ldif", Configuration, Always, shipped!("389ds", "index.ldif")),
    ("tree.ldif", Content, Always, shipped!("389ds", "tree.ldif")),
    ("limits.ldif", Content, Always, shipped!("389ds", "limits.ldif")),
    ("acl.ldif", Content, Always, shipped!("389ds", "acl.ldif")),
    ("acl-people.ldif", Content, Fresh, shipped!("389ds", "acl-people.ldif")),
];

/// The name of a kind, as it is typed.
pub(super) fn name_of(kind: DirectoryKind) -> &'static str {
    match kind {
        DirectoryKind::Openldap => "openldap",
        DirectoryKind::Ds389 => "389ds",
    }
}

/// A base that can stand in a filter, in an access rule and in a regular expression: in lower case, as rules compare names.
///
/// # Errors
/// When it is no name, or has characters that mean something there.
pub(super) fn base(text: &str) -> Result<String, Failure> {
    let refuse = |why: &str| Failure::usage(format!("`{text}` cannot be a base here: {why}"));
    let dn = Dn::parse(text).map_err(|error| refuse(&error.to_string()))?;
    let text = dn.to_string().to_lowercase();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.=,".contains(c);
    if !text.chars().all(plain) {
        return Err(refuse(
            "access rules take letters, digits, dots and hyphens only; put the files of packaging/ldap in place by hand",
        ));
    }
    Ok(text)
}

/// All files of a kind, in order.
///
/// # Errors
/// When the name of the database is none.
pub(super) fn pieces(kind: DirectoryKind, base: &str, database: &str) -> Result<Vec<Piece>, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "{}-_".contains(c);
    if database.is_empty() || !database.chars().all(plain) {
        return Err(Failure::usage(format!("`{database}` is no name of a database, such as {DATABASE}")));
    }
    let files: &[_] = match kind {
        DirectoryKind::Openldap => &OPENLDAP,
        DirectoryKind::Ds389 => &DS389,
    };
    let put_in = |text: &str| {
        let text = text.replace(BASE, base);
        match kind {
            DirectoryKind::Openldap => {
                text.replace(&format!("olcDatabase={DATABASE}"), &format!("olcDatabase={database}"))
            }
            DirectoryKind::Ds389 => text.replace("cn=userroot,", &format!("cn={database},")),
        }
    };
    let mut pieces: Vec<Piece> = Vec::new();
    for (name, part, when, text) in files {
        if *name == "tree.ldif" {
            pieces.push(Piece { name: "base", part: Content, when: Fresh, text: beginning(base) });
        }
        pieces.push(Piece { name, part: *part, when: *when, text: put_in(text) });
    }
    Ok(pieces)
}

/// What a database is called unless it is said or found out.
pub(super) fn usual_database(kind: DirectoryKind) -> &'static str {
    match kind {
        DirectoryKind::Openldap => DATABASE,
        DirectoryKind::Ds389 => "userroot",
    }
}

/// The base itself, and the places of people and groups.
fn beginning(base: &str) -> String {
    let (rdn, value) = base.split(',').next().and_then(|rdn| rdn.split_once('=')).unwrap_or(("dc", base));
    let own = match rdn {
        "o" => format!("objectClass: organization\no: {value}\n"),
        "ou" => format!("objectClass: organizationalUnit\nou: {value}\n"),
        _ => format!("objectClass: organization\nobjectClass: dcObject\ndc: {value}\no: {value}\n"),
    };
    let unit = |name: &str| format!("\ndn: ou={name},{base}\nobjectClass: organizationalUnit\nou: {name}\n");
    format!(
        "# The base, and the places of people and groups; what is there already is reported, and that does no harm.\ndn: {base}\n{own}{}{}",
        unit("people"),
        unit("groups")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_and_database_are_put_in_everywhere() {
        for kind in [DirectoryKind::Openldap, DirectoryKind::Ds389] {
            for piece in pieces(kind, "dc=corp,dc=net", "{7}mdb").unwrap() {
                assert!(!piece.text.contains("dc=example"), "{}", piece.name);
                assert!(
                    !piece.text.contains("{1}mdb") && !piece.text.contains("userroot,"),
                    "{}",
                    piece.name
                );
            }
        }
    }

    #[test]
    fn a_base_must_be_plain() {
        assert_eq!(base("DC=Corp, DC=net").unwrap(), "dc=corp,dc=net");
        for bad in ["", "corp.net", "o=Acme (Ltd),c=de", "dc=a*,dc=b", "o=A B,c=de", "dc=ü"] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }
}
