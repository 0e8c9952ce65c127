//! An example of a ticket that fits a role's pattern, for people who do not read regular expressions. Understands the plain patterns that
//! tickets have (`OPS-[0-9]+`), and says nothing about any other.

use jit_model::role::TicketPattern;

/// The longest pattern that is looked at.
const LONGEST: usize = 200;

/// A text that matches the pattern, if one is easily found.
pub fn of(pattern: &str) -> Option<String> {
    let compiled = TicketPattern::new(pattern).ok().filter(|_| pattern.len() <= LONGEST)?;
    let bare = pattern.strip_prefix('^').unwrap_or(pattern);
    let bare = bare.strip_suffix('$').filter(|front| !front.ends_with('\\')).unwrap_or(bare);
    let mut rest = bare;
    let mut example = String::new();
    while !rest.is_empty() {
        let (atom, after) = atom(rest)?;
        let (count, after) = count(after, &atom)?;
        example.extend(atom.iter().copied().cycle().take(count));
        rest = after;
    }
    compiled.matches(&example).then_some(example)
}

/// The next thing to match, as the characters to show in turn.
fn atom(pattern: &str) -> Option<(Vec<char>, &str)> {
    let mut chars = pattern.chars();
    let first = chars.next()?;
    let rest = chars.as_str();
    match first {
        '[' => {
            let (class, rest) = rest.split_once(']')?;
            Some((class_of(class)?, rest))
        }
        '\\' => {
            let mut chars = rest.chars();
            let escaped = chars.next()?;
            let shown = match escaped {
                'd' => ('1'..='9').collect(),
                'w' => ('a'..='z').collect(),
                c if !c.is_alphanumeric() => vec![c],
                _ => return None,
            };
            Some((shown, chars.as_str()))
        }
        '(' | ')' | '|' | '.' | '*' | '+' | '?' | '{' | '}' | ']' | '^' | '$' => None,
        c => Some((vec![c], rest)),
    }
}

/// What a class allows, from its first range or character.
fn class_of(class: &str) -> Option<Vec<char>> {
    let mut chars = class.chars();
    let first = chars.next().filter(|c| !matches!(c, '^' | '[' | '\\' | '-'))?;
    match (chars.next(), chars.next()) {
        // Tickets do not begin with 0.
        (Some('-'), Some(last)) if first == '0' && last > '0' => Some(('1'..=last).collect()),
        (Some('-'), Some(last)) if first.is_ascii_alphanumeric() && last > first => {
            Some((first..=last).collect())
        }
        _ => Some(vec![first]),
    }
}

/// How often it is shown.
fn count<'p>(rest: &'p str, atom: &[char]) -> Option<(usize, &'p str)> {
    let several = if atom.len() > 1 { 4 } else { 1 };
    if let Some(rest) = rest.strip_prefix('+') {
        return Some((several, rest));
    }
    if let Some(rest) = rest.strip_prefix(['?', '*']) {
        return Some((0, rest));
    }
    let Some(bounds) = rest.strip_prefix('{') else { return Some((1, rest)) };
    let (bounds, rest) = bounds.split_once('}')?;
    let (least, most) = bounds.split_once(',').unwrap_or((bounds, bounds));
    let least: usize = least.parse().ok().filter(|least| *least <= 20)?;
    let most: usize = if most.is_empty() { usize::MAX } else { most.parse().ok()? };
    Some((least.max(several.min(most)), rest))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn plain_patterns_have_an_example() {
        for (pattern, example) in [
            ("OPS-[0-9]+", "OPS-1234"),
            (r"^INC\d{7}$", "INC1234567"),
            ("[A-Z]{2,5}-[0-9]{1,6}", "ABCD-1234"),
            ("CHG[0-9]{3}", "CHG123"),
            (r"JIRA\-\d+", "JIRA-1234"),
            ("x?y*z", "z"),
        ] {
            assert_eq!(of(pattern).as_deref(), Some(example), "{pattern}");
        }
    }

    #[test]
    fn others_have_none_rather_than_a_wrong_one() {
        for pattern in ["(OPS|DEV)-[0-9]+", "[^a]+", ".*", r"\bx", "[0-9]{1000}", "a{", "[a", "", r"\p{L}+"] {
            if let Some(example) = of(pattern) {
                assert!(
                    jit_model::role::TicketPattern::new(pattern).unwrap().matches(&example),
                    "{pattern}: {example}"
                );
            }
        }
        assert_eq!(of("(OPS|DEV)-[0-9]+"), None);
    }
}
