//! nsswitch.conf(5): whether glibc asks libnss_jit at the right place, where roles confer groups or people are shown, and whether the module is there.

use std::fs;
use std::io::Read;

use crate::doctor::host::Host;
use crate::doctor::settings::Settings;
use crate::doctor::{Findings, Level};

const FILE: &str = "/etc/nsswitch.conf";
const MODULE: &str = "libnss_jit.so.2";

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("nsswitch");
    let settings = match Settings::of(host) {
        Ok(settings) => settings,
        Err(why) => {
            found.unexamined(format!("whether nsswitch.conf has what jitd.toml needs: {why}"));
            return found;
        }
    };
    let text = match fs::read_to_string(host.path(FILE)) {
        Ok(text) => text,
        Err(error) => {
            found.unexamined(format!("{FILE}: {error}"));
            return found;
        }
    };
    let confers = !settings.groups.is_empty();
    judge(&text, confers, settings.people, &mut found);
    let named = ["group", "passwd", "initgroups"]
        .iter()
        .any(|database| words(&text, database).iter().any(|word| word == "jit"));
    if named {
        module(host, &mut found);
    }
    if confers || settings.people {
        cache(host, settings.people, &mut found);
    }
    found
}

/// The services that a database asks, in their order, without what stands in brackets.
pub(super) fn services(host: &Host, database: &str) -> Vec<String> {
    let text = fs::read_to_string(host.path(FILE)).unwrap_or_default();
    words(&text, database).into_iter().filter(|word| !word.starts_with('[')).collect()
}

/// What stands behind `database:`; an action in brackets is one word. The first line of a database counts.
fn words(text: &str, database: &str) -> Vec<String> {
    let rest = text.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let (name, rest) = line.split_once(':')?;
        (name.trim() == database).then_some(rest)
    });
    let mut words = Vec::new();
    let mut rest = rest.unwrap_or_default().trim_start();
    while !rest.is_empty() {
        let (word, after) = if rest.starts_with('[') {
            rest.split_at(rest.find(']').map_or(rest.len(), |at| at + 1))
        } else {
            rest.split_at(rest.find(|c: char| c.is_whitespace() || c == '[').unwrap_or(rest.len()))
        };
        let plain = word.split_whitespace().collect::<Vec<_>>().join(" ");
        // glibc allows blanks around `=`, and behind the bracket.
        let bare = || plain.replace(" =", "=").replace("= ", "=").replace("[ ", "[").replace(" ]", "]");
        words.push(if word.starts_with('[') { bare().to_ascii_uppercase() } else { plain });
        rest = after.trim_start();
    }
    words
}

fn judge(text: &str, confers: bool, people: bool, found: &mut Findings) {
    let mut database = |name: &'static str, code: &'static str, wanted: bool, comes_of_it: &str| {
        if wanted {
            if let Some(why) = unheard(&words(text, name)) {
                let cure = format!("in {FILE}, as libnss-jit's package writes it: {name}: files jit ...");
                found.push(
                    Level::Warning,
                    code,
                    format!("{FILE}, {name}"),
                    format!("{why}: {comes_of_it}"),
                    cure,
                );
            }
        }
    };
    database("group", "nsswitch-group", confers, "no grant puts anybody into a group");
    database("passwd", "nsswitch-passwd", people, "nobody of the directory has an account");
    let initgroups = words(text, "initgroups");
    if confers && !initgroups.is_empty() {
        let goes_on =
            initgroups.iter().position(|word| word == "jit").is_some_and(|jit| {
                let before = initgroups.get(..jit).unwrap_or_default();
                // glibc stops here at the first service that knows a group of the person, unless told to go on.
                before.iter().enumerate().filter(|(_, word)| !word.starts_with('[')).all(|(at, _)| {
                    before.get(at + 1).is_some_and(|action| does(action, "SUCCESS", "CONTINUE"))
                })
            });
        if !goes_on {
            found.push(
                Level::Warning,
                "nsswitch-initgroups",
                format!("{FILE}, initgroups"),
                "glibc stops at the first service that knows a group of somebody, so no login gets its groups by grants",
                format!("in {FILE}: initgroups: files [SUCCESS=continue] jit ..., or no such line"),
            );
        }
    }
}

/// Whether an action in brackets does this with a status: `[!UNAVAIL=return]` returns on all others, and of several the last counts.
fn does(action: &str, status: &str, what: &str) -> bool {
    let Some(inside) = action.strip_prefix('[') else { return false };
    let mut done = false;
    for (on, then) in inside.trim_end_matches(']').split(' ').filter_map(|pair| pair.split_once('=')) {
        let meant = on.strip_prefix('!').map_or(on == status, |not| not != status);
        if meant {
            done = then == what;
        }
    }
    done
}

/// Why `jit` is not asked after `files`, if so.
fn unheard(words: &[String]) -> Option<&'static str> {
    let jit = words.iter().position(|word| word == "jit");
    let files = words.iter().position(|word| matches!(word.as_str(), "files" | "compat"));
    let Some(jit) = jit else { return Some("jit is not among the services") };
    if files.is_none_or(|files| files > jit) {
        return Some("jit stands before files");
    }
    let before = words.get(..jit).unwrap_or_default();
    before
        .iter()
        .any(|word| does(word, "NOTFOUND", "RETURN"))
        .then_some("[NOTFOUND=return] stands before jit, which is never asked")
}

fn module(host: &Host, found: &mut Findings) {
    let here = places(host).into_iter().find(|path| host.path(path).exists());
    let Some(path) = here else {
        found.push(
            Level::Warning,
            "nsswitch-module",
            format!("{FILE}, jit"),
            format!("{MODULE} is not on this host: nobody is in a group by a grant"),
            "install the package libnss-jit (nss_jit), or take jit out of nsswitch.conf",
        );
        return;
    };
    // elf(5): the fifth byte says 32 or 64 bits, as of the program that runs this.
    let mut head = [0_u8; 5];
    let read = fs::File::open(host.path(&path)).and_then(|mut file| file.read_exact(&mut head));
    let class = if cfg!(target_pointer_width = "64") { 2 } else { 1 };
    match read {
        Ok(()) if head.starts_with(b"\x7fELF") && head.last() == Some(&class) => {}
        Ok(()) => found.push(
            Level::Warning,
            "nsswitch-module",
            path,
            "it is no library of this host's own kind, so glibc passes it over",
            "install the package libnss-jit (nss_jit) of this architecture again",
        ),
        Err(error) => found.unexamined(format!("{path}: {error}")),
    }
}

/// Where glibc looks, on Debian and on RHEL.
pub(super) fn places(host: &Host) -> Vec<String> {
    let mut places = vec![format!("/usr/lib/{}-linux-gnu/{MODULE}", std::env::consts::ARCH)];
    places.extend(["/lib64", "/usr/lib64"].map(|directory| format!("{directory}/{MODULE}")));
    if !host.path("/usr/lib64").exists() || host.path("/lib").join(MODULE).exists() {
        places.push(format!("/lib/{}-linux-gnu/{MODULE}", std::env::consts::ARCH));
    }
    places
}

/// nscd hands out what it remembers beyond the end of a grant.
fn cache(host: &Host, people: bool, found: &mut Findings) {
    if !host.path("/run/nscd/socket").exists() {
        return;
    }
    let text = fs::read_to_string(host.path("/etc/nscd.conf")).unwrap_or_default();
    let cached = |database: &str| {
        let mut on = false;
        for line in text.lines() {
            let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            if let ["enable-cache", named, switch] = words.as_slice() {
                if *named == database {
                    on = *switch == "yes";
                }
            }
        }
        on
    };
    for (database, wanted) in [("group", true), ("passwd", people)] {
        if wanted && cached(database) {
            found.push(
                Level::Warning,
                "nscd-cache",
                "/etc/nscd.conf",
                format!("nscd remembers {database}: it hands out what grants gave beyond their end"),
                format!("enable-cache {database} no; then: systemctl restart nscd"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::{codes, tree};

    fn judged(text: &str, confers: bool, people: bool) -> Vec<&'static str> {
        let mut found = Findings::default();
        judge(text, confers, people, &mut found);
        codes(&found).into_iter().map(|(_, code)| code).collect()
    }

    #[test]
    fn jit_is_asked_after_files() {
        for good in [
            "group: files jit",
            "group:\tfiles [SUCCESS=merge] jit systemd # as it was",
            "group: files systemd jit",
            "group: compat jit",
        ] {
            assert_eq!(judged(good, true, false), Vec::<&str>::new(), "{good}");
        }
        for bad in [
            "group: files",
            "",
            "group: jit files",
            "group: files [NOTFOUND=return] jit",
            "group: files[!SUCCESS=RETURN]jit",
            "group: files sss [!UNAVAIL=return] jit",
            "group: files [ NOTFOUND = return ] jit",
            "#group: files jit",
        ] {
            assert_eq!(judged(bad, true, false), ["nsswitch-group"], "{bad}");
        }
        assert_eq!(judged("group: files", false, false), Vec::<&str>::new());
        assert_eq!(judged("passwd: files\ngroup: files jit", true, true), ["nsswitch-passwd"]);
    }

    #[test]
    fn initgroups_goes_on() {
        let with = |line: &str| judged(&format!("group: files jit\n{line}\n"), true, false);
        assert_eq!(with("initgroups: files [SUCCESS=continue] jit"), Vec::<&str>::new());
        assert_eq!(
            with("initgroups: files [success=continue] sss [SUCCESS=continue NOTFOUND=continue] jit"),
            Vec::<&str>::new()
        );
        for bad in [
            "initgroups: files jit",
            "initgroups: files",
            "initgroups: files [SUCCESS=continue] sss jit",
            "initgroups: files [!SUCCESS=continue] jit",
        ] {
            assert_eq!(with(bad), ["nsswitch-initgroups"], "{bad}");
        }
    }

    #[test]
    fn the_module_and_the_cache() {
        let config = ("/etc/jitd/jitd.toml", "[groups]\nallow = [\"dba\"]\n");
        let conf = (FILE, "group: files jit\n");
        let (host, _root) = tree(&[config, conf]);
        assert_eq!(codes(&examine(&host)), [("warning", "nsswitch-module")]);
        let nscd = [
            ("/run/nscd/socket", ""),
            ("/etc/nscd.conf", "enable-cache group yes\nenable-cache passwd yes\n"),
        ];
        let (host, _root) =
            tree(&[&[config, conf, ("/usr/lib64/libnss_jit.so.2", "\x7fELF\x02")], &nscd[..]].concat());
        assert_eq!(codes(&examine(&host)), [("warning", "nscd-cache")]);
    }
}
