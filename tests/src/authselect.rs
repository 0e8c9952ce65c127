//! authselect(8) as far as jit has to do with it, written from its manual pages: profiles with conditional lines are rendered into
//! /etc/authselect, pam.d and nsswitch.conf are links to that, and whatever was changed by hand is not overwritten. Debian has no authselect;
//! on RHEL the real one does this. Its own profiles are not here: tests bring miniatures.

pub mod template;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::trouble::{Result, Trouble};

/// What a profile may consist of, beside its README, and where that goes.
const FILES: [(&str, &str); 6] = [
    ("system-auth", "/etc/pam.d/system-auth"),
    ("password-auth", "/etc/pam.d/password-auth"),
    ("smartcard-auth", "/etc/pam.d/smartcard-auth"),
    ("fingerprint-auth", "/etc/pam.d/fingerprint-auth"),
    ("postlogin", "/etc/pam.d/postlogin"),
    ("nsswitch.conf", "/etc/nsswitch.conf"),
];
const GENERATED: &str = "/etc/authselect";
/// What was generated last, to find out what somebody changed by hand.
const COPIES: &str = "/var/lib/authselect";
const SELECTED: &str = "/etc/authselect/authselect.conf";

/// Runs a command line: `current --raw`, `select PROFILE FEATURES… [--force] [--quiet]`, `apply-changes`, `test PROFILE FEATURES…`.
///
/// # Errors
/// With what authselect would say.
pub fn run(arguments: &[String]) -> Result<String> {
    let words: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    match words.as_slice() {
        ["current"] => Ok(format!("{}\n", selected()?.join(" "))),
        ["select", profile, features @ ..] => {
            let force = arguments.iter().any(|word| word == "--force" || word == "-f");
            if !force && !valid() {
                return Err(Trouble::new("Some unexpected changes to the configuration were detected."));
            }
            activate(profile, features)?;
            Ok(String::new())
        }
        ["apply-changes"] => {
            let selected = selected()?;
            let mut words = selected.iter().map(String::as_str);
            let profile = words.next().unwrap_or_default();
            if !valid() {
                return Err(Trouble::new("Some unexpected changes to the configuration were detected."));
            }
            activate(profile, &words.collect::<Vec<_>>())?;
            Ok(String::new())
        }
        ["test", profile, features @ ..] => {
            let profile = place(profile)?;
            let mut text = String::new();
            for (name, _) in FILES {
                text.push_str(&format!("File {name}\n{}\n", rendered(&profile, name, features)?));
            }
            Ok(text)
        }
        _ => Err(Trouble::new(format!("not known here: {arguments:?}"))),
    }
}

/// The profile's name and its features.
fn selected() -> Result<Vec<String>> {
    let text = read(Path::new(SELECTED))?;
    let words: Vec<String> = text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect();
    if words.is_empty() { Err(Trouble::new("No existing configuration detected.")) } else { Ok(words) }
}

fn place(profile: &str) -> Result<PathBuf> {
    let places: Vec<PathBuf> = match profile.strip_prefix("custom/") {
        Some(name) => vec![Path::new("/etc/authselect/custom").join(name)],
        None => ["vendor", "default"]
            .map(|kind| Path::new("/usr/share/authselect").join(kind).join(profile))
            .into(),
    };
    let found = places.into_iter().find(|path| path.join("README").is_file());
    found.ok_or_else(|| Trouble::new(format!("Profile [{profile}] was not found")))
}

fn read(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(Trouble::io(path, e)),
    }
}

fn rendered(profile: &Path, name: &str, features: &[&str]) -> Result<String> {
    template::render(&read(&profile.join(name))?, features)
}

/// Whether nobody but authselect has changed what it wrote, and the profile that it wrote it from is still there.
fn valid() -> bool {
    let Ok(selected) = selected() else {
        // Nothing selected: then nothing of it may be there either.
        return FILES.iter().all(|(_, to)| fs::symlink_metadata(to).is_err());
    };
    place(selected.first().map_or("", String::as_str)).is_ok()
        && FILES.iter().all(|(name, to)| {
            let generated = Path::new(GENERATED).join(name);
            let same = fs::read(&generated).ok() == fs::read(Path::new(COPIES).join(name)).ok();
            same && fs::read_link(to).is_ok_and(|link| link == generated)
        })
}

fn activate(profile: &str, features: &[&str]) -> Result<()> {
    let from = place(profile)?;
    let mut known = BTreeSet::new();
    for (name, _) in FILES {
        known.extend(template::features(&read(&from.join(name))?));
    }
    if let Some(feature) = features.iter().find(|feature| !known.contains(**feature)) {
        return Err(Trouble::new(format!("Unknown profile feature [{feature}]")));
    }
    for dir in [GENERATED, COPIES] {
        fs::create_dir_all(dir).map_err(|e| Trouble::io(Path::new(dir), e))?;
    }
    for (name, to) in FILES {
        let text = format!("# Generated by authselect\n\n{}", rendered(&from, name, features)?);
        let generated = Path::new(GENERATED).join(name);
        for path in [&generated, &Path::new(COPIES).join(name)] {
            fs::write(path, &text).map_err(|e| Trouble::io(path, e))?;
        }
        let _ = fs::remove_file(to);
        symlink(&generated, to).map_err(|e| Trouble::io(Path::new(to), e))?;
    }
    let words: Vec<&str> = std::iter::once(profile).chain(features.iter().copied()).collect();
    fs::write(SELECTED, format!("{}\n", words.join("\n"))).map_err(|e| Trouble::io(Path::new(SELECTED), e))
}
