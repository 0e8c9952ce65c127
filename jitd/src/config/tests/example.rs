//! The example that is installed says every key, and what it says is understood; the manual page names the same keys.

use std::collections::BTreeSet;

use super::super::parse;

const EXAMPLE: &str = include_str!("../../../../packaging/examples/jitd.toml");
const PAGE: &str = include_str!("../../../../packaging/man/jitd.toml.5");

/// Every line that shows a setting, set.
fn whole() -> String {
    let shown = |line: &str| {
        let bare = line
            .strip_prefix('#')
            .filter(|bare| bare.starts_with(|c: char| c.is_ascii_lowercase() || c == '['));
        bare.unwrap_or(line).to_owned()
    };
    EXAMPLE.lines().map(shown).collect::<Vec<_>>().join("\n")
}

fn keys(text: &str) -> BTreeSet<String> {
    let word = |line: &str| line.split_once(" = ").map(|(key, _)| key.trim().to_owned());
    let is_key = |key: &String| key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    text.lines().filter_map(word).filter(is_key).collect()
}

#[test]
fn it_would_do_as_it_is() {
    assert_eq!(parse(EXAMPLE).err(), None);
}

#[test]
fn it_would_do_with_everything_set() {
    let whole = whole();
    assert!(!whole.contains("\n#["), "a table is still commented out:\n{whole}");
    let config = parse(&whole).unwrap_or_else(|faults| panic!("{faults:?}\n{whole}"));
    assert_eq!(config.policy.exempt.len(), 2);
    assert_eq!(config.sources.len(), 2);
}

#[test]
fn the_manual_page_has_the_same_keys() {
    let mut inside = keys(&whole());
    // Those of `bind` stand within its table.
    inside.extend(["dn", "password_file", "cert", "key", "keytab", "principal", "method"].map(str::to_owned));
    let described: BTreeSet<String> = PAGE
        .lines()
        .filter(|line| line.starts_with(".It Cm") || line.starts_with(".Cm"))
        .flat_map(|line| line.split([' ', ',']).map(str::to_owned))
        .filter(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .filter(|word| !["required", "default", "and"].contains(&word.as_str()))
        .collect();
    assert_eq!(inside, described);
}
