//! The conditional operators of authselect-profiles(5).

use crate::trouble::{Result, Trouble};

/// An operator, where it stands, and what is left of the text behind it.
struct Operator<'a> {
    before: &'a str,
    word: &'a str,
    expression: &'a str,
    /// What stands for `{if …:yes|no}`.
    values: (&'a str, &'a str),
    after: &'a str,
}

/// The first operator of a line.
fn operator(line: &str) -> Option<Operator<'_>> {
    let mut from = 0;
    while let Some(open) = line.get(from..)?.find('{').map(|at| at + from) {
        let inner = line.get(open + 1..)?;
        let close = inner.find(['{', '}'])?;
        from = open + 1;
        if !inner[close..].starts_with('}') {
            continue;
        }
        let (before, inside, after) = (&line[..open], &inner[..close], &inner[close + 1..]);
        for word in ["continue if ", "stop if ", "include if ", "exclude if "] {
            if let Some(expression) = inside.strip_prefix(word) {
                return Some(Operator { before, word: word.trim_end(), expression, values: ("", ""), after });
            }
        }
        if let Some((expression, values)) = inside.strip_prefix("if ").and_then(|rest| rest.split_once(':')) {
            let values = values.split_once('|').unwrap_or((values, ""));
            return Some(Operator { before, word: "if", expression, values, after });
        }
    }
    None
}

/// `{imply "with-this" if "with-that"}`, a line of its own.
fn implied(line: &str) -> Option<(&str, &str)> {
    let inside = line.trim().strip_prefix("{imply ")?.strip_suffix('}')?;
    let (implied, expression) = inside.split_once(" if ")?;
    Some((implied.trim_matches('"'), expression))
}

/// What a template says with these features.
///
/// # Errors
/// When an expression cannot be understood.
pub fn render(template: &str, features: &[&str]) -> Result<String> {
    let mut text = String::new();
    let mut features = features.to_vec();
    'lines: for line in template.lines() {
        if let Some((implied, expression)) = implied(line) {
            if evaluate(expression, &features)? {
                features.push(implied);
            }
            continue;
        }
        let features = features.as_slice();
        let (mut done, mut rest) = (String::new(), line);
        while let Some(found) = operator(rest) {
            let holds = evaluate(found.expression, features)?;
            match (found.word, holds) {
                ("continue if", true) | ("stop if", false) => continue 'lines,
                ("continue if" | "stop if", _) => return Ok(text),
                ("include if", false) | ("exclude if", true) => continue 'lines,
                ("if", _) => {
                    done.push_str(found.before);
                    done.push_str(if holds { found.values.0 } else { found.values.1 });
                }
                _ => done.push_str(found.before),
            }
            rest = found.after;
        }
        done.push_str(rest);
        text.push_str(done.trim_end());
        text.push('\n');
    }
    Ok(text)
}

/// The features that a template asks about.
pub fn features(template: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in template.lines() {
        let mut rest = line;
        while let Some(operator) = operator(rest) {
            found.extend(operator.expression.split('"').skip(1).step_by(2).map(str::to_owned));
            rest = operator.after;
        }
    }
    found
}

/// `"a" and (not "b" or "c")`
fn evaluate(expression: &str, features: &[&str]) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let value = either(&words, &mut at, features);
    match value {
        Some(value) if at == words.len() => Ok(value),
        _ => Err(Trouble::new(format!("not an expression of authselect's: {expression}"))),
    }
}

fn either(words: &[&str], at: &mut usize, features: &[&str]) -> Option<bool> {
    let mut value = both(words, at, features)?;
    while words.get(*at) == Some(&"or") {
        *at += 1;
        value |= both(words, at, features)?;
    }
    Some(value)
}

fn both(words: &[&str], at: &mut usize, features: &[&str]) -> Option<bool> {
    let mut value = one(words, at, features)?;
    while words.get(*at) == Some(&"and") {
        *at += 1;
        value &= one(words, at, features)?;
    }
    Some(value)
}

fn one(words: &[&str], at: &mut usize, features: &[&str]) -> Option<bool> {
    let word = *words.get(*at)?;
    *at += 1;
    match word {
        "not" => Some(!one(words, at, features)?),
        "(" => {
            let value = either(words, at, features)?;
            *at += 1;
            (words.get(*at - 1) == Some(&")")).then_some(value)
        }
        _ => {
            let feature = word.strip_prefix('"')?.strip_suffix('"')?;
            Some(features.contains(&feature))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{features, render};

    const TEMPLATE: &str = "\
{imply \"a\" if \"c\"}
{continue if \"a\" or \"b\"}
one   {include if \"a\"}
two {if \"a\":yes|no} {if not \"b\":alone}
three {exclude if \"a\" and not \"b\"}
{stop if \"a\" and \"b\"}
{literal} four
";

    #[test]
    fn operators_choose_lines_words_and_ends() {
        let rendered = |features: &[&str]| render(TEMPLATE, features).unwrap();
        assert_eq!(rendered(&[]), "");
        assert_eq!(rendered(&["a"]), "one\ntwo yes alone\n{literal} four\n");
        assert_eq!(rendered(&["b"]), "two no\nthree\n{literal} four\n");
        assert_eq!(rendered(&["a", "b"]), "one\ntwo yes\nthree\n");
        assert_eq!(rendered(&["c"]), rendered(&["a"]));
        assert!(render("x {include if a b}", &[]).is_err());
        assert_eq!(features(TEMPLATE).len(), 9);
    }
}
