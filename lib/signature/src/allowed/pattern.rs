//! Pattern lists as OpenSSH matches them (match.c: match_pattern_list, without folding case; ssh_config(5), PATTERNS).

/// match.c keeps a pattern in a buffer of 1024 bytes: one that does not fit makes the whole list match nothing.
const LONGEST: usize = 1_022;

/// Whether a text matches one of the patterns, and none of those with a `!` before them. `*` is any number of bytes, `?` is one.
pub(super) fn matches(list: &str, text: &str) -> bool {
    let mut positive = false;
    if list.is_empty() {
        return false;
    }
    // match.c stops at the end of the list, so that an empty pattern counts between commas and not behind the last.
    let list = list.strip_suffix(',').unwrap_or(list);
    for pattern in list.split(',') {
        let (pattern, negated) = match pattern.strip_prefix('!') {
            Some(pattern) => (pattern, true),
            None => (pattern, false),
        };
        if pattern.len() > LONGEST {
            return false;
        }
        if glob(pattern.as_bytes(), text.as_bytes()) {
            if negated {
                return false;
            }
            positive = true;
        }
    }
    positive
}

/// match_pattern, without its recursion: only the last `*` is ever tried again, which is enough and never slow.
fn glob(mut pattern: &[u8], mut text: &[u8]) -> bool {
    // What stands behind the last `*`, and how far it has eaten.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, text) {
            ([b'*', rest @ ..], _) => {
                star = Some((rest, text));
                pattern = rest;
            }
            ([b'?', after @ ..], [_, rest @ ..]) => (pattern, text) = (after, rest),
            ([p, after @ ..], [t, rest @ ..]) if p == t => (pattern, text) = (after, rest),
            ([], []) => return true,
            _ => match star {
                Some((behind, [_, later @ ..])) => {
                    star = Some((behind, later));
                    (pattern, text) = (behind, later);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_match_pattern_list_does() {
        for (list, text, is) in [
            ("bob", "bob", true),
            ("bob", "Bob", false),
            ("bob", "bobby", false),
            ("alice,bob", "bob", true),
            ("b*", "bob", true),
            ("b?b", "bob", true),
            ("b?b", "boob", false),
            ("*", "bob", true),
            ("**", "bob", true),
            ("*b*b*", "bob", true),
            ("*a*", "bob", false),
            ("!bob", "bob", false),
            ("!bob", "alice", false),
            ("*,!bob", "bob", false),
            ("!bob,*", "bob", false),
            ("!bob,*", "alice", true),
            ("!!bob", "!bob", false),
            ("!!bob,*", "bob", true),
            ("", "bob", false),
            (",bob", "bob", true),
            ("bob,", "bob", true),
            ("a,,b", "", true),
            ("", "", false),
            ("a*a*a*a*a*a*a*a*a*a*a*b", &"a".repeat(4_000), false),
            // Bytes, and not characters.
            ("?", "é", false),
            ("??", "é", true),
        ] {
            assert_eq!(matches(list, text), is, "{list:?} {text:?}");
        }
        let long = "x".repeat(1_023);
        assert!(!matches(&format!("bob,{long}"), "bob"), "the list is void");
        assert!(!matches(&format!("{long},bob"), "bob"), "the list is void");
    }
}
