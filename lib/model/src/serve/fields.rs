//! The fields of a line of passwd(5) that are text: what a directory says becomes something that is fit for one, or something of the
//! host's own.

use super::plain;
use crate::name::Login;

/// A field, and what is to be said about it.
pub(super) struct Field {
    pub(super) value: String,
    pub(super) remark: Option<String>,
}

/// The longest gecos, in bytes. glibc's first buffer holds 1024 for all of a line.
const LONGEST: usize = 256;

/// Shells that let nobody in. They stay, whatever `[people] shells` says: a directory's no must not become a yes.
const NOBODY_IN: [&str; 4] = ["/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false"];

/// Without colons and characters that could break or turn a line, and not longer than [`LONGEST`] bytes.
pub(super) fn gecos(text: &str) -> String {
    let mut clean = String::new();
    for c in text.chars() {
        let c = if c == ':' || invisible(c) { ' ' } else { c };
        if clean.len().saturating_add(c.len_utf8()) > LONGEST {
            break;
        }
        clean.push(c);
    }
    clean.trim().to_owned()
}

/// Control characters, line ends of Unicode, and what changes the direction of what follows.
fn invisible(c: char) -> bool {
    let turns = '\u{200e}'..='\u{200f}';
    let (embeds, isolates) = ('\u{2028}'..='\u{202e}', '\u{2066}'..='\u{2069}');
    c.is_control()
        || turns.contains(&c)
        || embeds.contains(&c)
        || isolates.contains(&c)
        || c == '\u{61c}'
        || c == '\u{feff}'
}

/// The directory's, if it is the login's own right below one of `homes`.
pub(super) fn home(login: &Login, said: Option<&str>, homes: &[String]) -> Field {
    if let Some(said) = said.filter(|said| homes.iter().any(|parent| is_own(login, said, parent))) {
        return Field { value: said.to_owned(), remark: None };
    }
    let parent = homes.first().map_or("/home", String::as_str).trim_end_matches('/');
    let value = format!("{parent}/{login}");
    let remark = said.map(|said| {
        format!(
            "homeDirectory {} is not the directory {login} in one of [people] homes ({}), so it is {value} here: change the one or the other",
            plain(said),
            homes.join(", ")
        )
    });
    Field { value, remark }
}

/// Whether `path` is the directory of this name in `parent`. pam_mkhomedir makes what is missing of a path as root, follows symbolic links
/// on its way, and gives the last part away: below a directory that somebody owns it would be made wherever he points, and as
/// another's it would hold what that other runs at his first login.
fn is_own(login: &Login, path: &str, parent: &str) -> bool {
    path.strip_prefix(parent.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'))
        == Some(login.as_str())
}

/// The directory's, if it is one of `shells`.
pub(super) fn shell(said: Option<&str>, shells: &[String]) -> Field {
    let stays = |said: &&str| NOBODY_IN.contains(said) || shells.iter().any(|shell| shell == said);
    if let Some(said) = said.filter(stays) {
        return Field { value: said.to_owned(), remark: None };
    }
    // Never empty, by the configuration; an empty field would mean /bin/sh anyway (passwd(5)).
    let value = shells.first().map_or("/bin/sh", String::as_str).to_owned();
    let remark = said.map(|said| {
        format!(
            "loginShell {} is not in [people] shells, so it is {value} here: add it to this host's jitd.toml",
            plain(said)
        )
    });
    Field { value, remark }
}
