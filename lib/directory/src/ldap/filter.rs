//! Search filters (RFC 4515) from values. Every value goes through [`value`], so that no name and no login can change what
//! is asked.

use std::fmt::Write;

use jit_model::dn::Dn;
use jit_model::host::HostNames;
use jit_model::time::Timestamp;

/// A value with everything escaped that is not plain.
pub(crate) fn value(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'@' | b',' | b'=' | b' ' => {
                escaped.push(char::from(byte));
            }
            other => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\{other:02x}");
            }
        }
    }
    escaped
}

/// Everything that concerns this host; for somebody who looks at all of them, everything that is for hosts, or what of it is of late.
pub(crate) fn concerning(host: &HostNames, since: Option<Timestamp>) -> String {
    let Some(since) = since else { return for_host(host) };
    let since = since.to_generalized();
    let later = ["createTimestamp", "jitNotBefore", "jitNotAfter"].map(|name| format!("({name}>={since})"));
    let roles = term("objectClass", "jitRole");
    format!("(&{}{})", for_host(host), any(later.into_iter().chain([roles])))
}

fn for_host(host: &HostNames) -> String {
    if host.are_everywhere() {
        return "(jitHost=*)".to_owned();
    }
    any(host.iter().map(|name| term("jitHost", name.as_str())))
}

/// Entries by their names.
pub(crate) fn named<'a>(names: impl IntoIterator<Item = &'a Dn>) -> String {
    any(names.into_iter().map(|dn| term("entryDN", &dn.to_string())))
}

/// One attribute has one value.
pub(crate) fn term(attribute: &str, text: &str) -> String {
    format!("({attribute}={})", value(text))
}

/// At least one of them.
pub(crate) fn any(terms: impl IntoIterator<Item = String>) -> String {
    let terms: String = terms.into_iter().collect();
    format!("(|{terms})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_value_is_taken_for_a_filter() {
        assert_eq!(value("a)(uid=*"), "a\\29\\28uid=\\2a");
        assert_eq!(value("Jürg\\0\0"), "J\\c3\\bcrg\\5c0\\00");
        for text in ["*", "(", ")", "\\", "\0", "ü", "a b", "x,y=z+w"] {
            assert!(ldap3::parse_filter(term("uid", text)).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn the_terms_are_the_hosts_names() {
        let host = HostNames::new("web1.example.com", ["web"]).unwrap();
        let filter = for_host(&host);
        assert_eq!(
            filter,
            "(|(jitHost=\\2a)(jitHost=\\2a.com)(jitHost=\\2a.example.com)(jitHost=@web)(jitHost=web1.example.com))"
        );
        assert!(ldap3::parse_filter(filter).is_ok());
    }

    #[test]
    fn whoever_looks_at_all_hosts_may_look_at_what_is_of_late() {
        let (all, since) = (HostNames::everywhere(), Timestamp(1_700_000_000));
        assert_eq!(concerning(&all, None), "(jitHost=*)");
        let filter = concerning(&all, Some(since));
        assert_eq!(
            filter,
            "(&(jitHost=*)(|(createTimestamp>=20231114221320Z)(jitNotBefore>=20231114221320Z)\
             (jitNotAfter>=20231114221320Z)(objectClass=jitRole)))"
        );
        assert!(ldap3::parse_filter(filter).is_ok());
    }
}
