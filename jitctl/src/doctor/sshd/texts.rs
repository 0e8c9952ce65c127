//! What the text of sshd's configuration says somewhere, whoever it is for: a `Match` that is for somebody else does not show in `sshd -T`. Only for settings
//! that may stand in one.

use std::fs;
use std::path::Path;

use super::fits;
use crate::doctor::host::Host;

/// sshd_config(5), Include: so deep.
const DEEPEST: usize = 16;
/// Where a relative path of an Include begins.
const ETC: &str = "/etc/ssh";

/// The first value that a keyword (in lower case) has in each of its lines in a file, or in what it includes.
///
/// # Errors
/// What could not be read.
pub(super) fn values(host: &Host, file: &str, keyword: &str) -> Result<Vec<String>, String> {
    let lines = lines(host, file, keyword)?;
    Ok(lines.into_iter().filter_map(|words| words.into_iter().next()).collect())
}

/// All words of each of those lines.
///
/// # Errors
/// What could not be read.
pub(super) fn lines(host: &Host, file: &str, keyword: &str) -> Result<Vec<Vec<String>>, String> {
    let mut lines = Vec::new();
    gather(host, file, keyword, 0, &mut lines)?;
    Ok(lines)
}

fn gather(
    host: &Host,
    file: &str,
    keyword: &str,
    depth: usize,
    lines: &mut Vec<Vec<String>>,
) -> Result<(), String> {
    let text = fs::read(host.path(file)).map_err(|error| format!("{file}: {error}"))?;
    for line in String::from_utf8_lossy(&text).lines() {
        let line = line.trim_start();
        let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
        let (word, rest) = line.split_at(end);
        let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
        let arguments = rest.split_whitespace().map(|word| word.trim_matches('"'));
        if word.eq_ignore_ascii_case(keyword) {
            lines.push(arguments.map(str::to_owned).collect());
        } else if word.eq_ignore_ascii_case("include") && depth < DEEPEST {
            for pattern in arguments {
                for included in expand(host, pattern)? {
                    gather(host, &included, keyword, depth.saturating_add(1), lines)?;
                }
            }
        }
    }
    Ok(())
}

/// glob(7), of the last part of a path.
fn expand(host: &Host, pattern: &str) -> Result<Vec<String>, String> {
    let pattern = Path::new(ETC).join(pattern);
    let (Some(directory), Some(last)) =
        (pattern.parent(), pattern.file_name().and_then(|last| last.to_str()))
    else {
        return Ok(Vec::new());
    };
    let odd = |text: &str| text.contains(['[', '{']);
    if directory.to_str().is_none_or(|text| text.contains(['*', '?']) || odd(text)) || odd(last) {
        return Err(format!("Include {}", pattern.display()));
    }
    let entries = fs::read_dir(host.path(directory)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let hidden = |name: &String| name.starts_with('.') && !last.starts_with('.');
    let mut all: Vec<String> = names
        .filter(|name| !hidden(name) && fits(last.as_bytes(), name.as_bytes()))
        .map(|name| directory.join(name).display().to_string())
        .collect();
    all.sort();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::tree;

    #[test]
    fn a_match_for_somebody_else_is_seen() {
        let (host, _root) = tree(&[
            (
                "/etc/ssh/sshd_config",
                "Include sshd_config.d/*.conf\n#PAMServiceName no\nPAMServiceName sshd\n",
            ),
            ("/etc/ssh/sshd_config.d/a.conf", "Match User alice\n\tpamservicename = \"chsh\"\n"),
            ("/etc/ssh/sshd_config.d/b.off", "PAMServiceName off\n"),
        ]);
        let of = |file| values(&host, file, "pamservicename");
        assert_eq!(of("/etc/ssh/sshd_config").unwrap(), ["chsh", "sshd"]);
        assert!(of("/etc/ssh/none").is_err());
        std::fs::write(host.path("/etc/ssh/sshd_config"), "Include /etc/*/x.conf\n").unwrap();
        assert!(of("/etc/ssh/sshd_config").is_err());
    }
}
