//! The mode, and the file that is it: whether it can be used, says what jitd.toml says, and is here to stay. Modules go by it when jitd is dead.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

use jit_proto::enforcing::{self, MAX_FILE, Reading, Rule, Rules, Switch};

use crate::doctor::host::Host;
use crate::doctor::{Findings, Level};
use crate::when;
use jit_model::time::Timestamp;

const WRITE: &str = "jitctl mode enforcing";

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("mode");
    let place = host.enforcing.display().to_string();
    let rendered = host.status.as_ref().map(|_| host.rules.as_str());
    with_reading(host, |reading| judge(&reading, rendered, host.now, &place, &mut found));
    if host.status.as_ref().is_some_and(|status| !status.production) {
        found.push(
            Level::Note,
            "not-production",
            host.config.display().to_string(),
            "production = false: nothing is guarded on this host, in either mode",
            "where it should be: production = true under [host], systemctl reload jitd",
        );
    }
    found
}

/// What a module without a daemon finds, handed on: it borrows its bytes.
pub(super) fn with_reading<T>(host: &Host, then: impl FnOnce(Reading<'_>) -> T) -> T {
    let mut room = Box::new([0; MAX_FILE]);
    match CString::new(host.path(&host.enforcing).as_os_str().as_bytes()) {
        Ok(path) => then(enforcing::read(&path, host.now.0, &mut room)),
        // No path has a NUL; if one did, no module could read it.
        Err(_) => then(Reading::Permissive),
    }
}

/// `rendered` is what the running jitd would have it say.
fn judge(reading: &Reading<'_>, rendered: Option<&str>, now: Timestamp, place: &str, found: &mut Findings) {
    match reading {
        Reading::Permissive => found.push(
            Level::Note,
            "permissive",
            place,
            "permissive: what would be denied is written down, and nobody is denied",
            "when `jitctl audit replay` shows nobody who should get in: jitctl mode enforcing",
        ),
        Reading::Void(at) => found.push(
            Level::Warning,
            "unconfirmed",
            place,
            format!("enforcing was not confirmed by {}, so this host is permissive again", when::until(Timestamp(*at), now)),
            "jitctl mode enforcing, then from a new login: jitctl mode confirm; or for good: jitctl mode permissive",
        ),
        Reading::Broken(why) => found.push(
            Level::Warning,
            "enforcing-broken",
            place,
            format!("it cannot be used ({why}), so with jitd dead the built-in list of services is denied, and only root on the console and jit-breakglass pass"),
            WRITE,
        ),
        Reading::Enforcing(rules) => {
            if let Some(until) = rules.until() {
                let shown = when::until(Timestamp(until), now);
                found.push(
                    Level::Warning,
                    "unconfirmed",
                    place,
                    format!("enforcing is unconfirmed: {shown} this host is permissive again"),
                    "from a new login: jitctl mode confirm",
                );
            }
            let ours = rendered.map(|text| Rules::parse(text.as_bytes()));
            match ours {
                None => {}
                Some(Ok(ours)) if meant(&ours) == meant(rules) => {}
                Some(Ok(_)) => found.push(
                    Level::Warning,
                    "enforcing-old",
                    place,
                    "it says something else than jitd.toml as jitd has read it; with jitd dead, modules go by it",
                    WRITE,
                ),
                Some(Err(broken)) => {
                    found.unexamined(format!("whether {place} says what jitd.toml says: jitd renders none that could be read ({broken})"));
                }
            }
        }
    }
}

/// The lines that count, whatever their order; what a file says by not saying it is left out.
fn meant(rules: &Rules<'_>) -> Vec<String> {
    let silent = |rule: &Rule<'_>| {
        matches!(rule, Rule::Until(_) | Rule::Production(Switch::Yes) | Rule::BreakGlassConsole(Switch::No))
    };
    let mut lines: Vec<String> =
        rules.iter().filter(|rule| !silent(rule)).map(|rule| rule.to_string()).collect();
    lines.sort();
    lines.dedup();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::{NOW, codes};

    fn judged(file: &str, rendered: Option<&str>) -> Vec<(&'static str, &'static str)> {
        let mut found = Findings::default();
        judge(&enforcing::judge(file.as_bytes(), NOW.0), rendered, NOW, "enforcing", &mut found);
        codes(&found)
    }

    #[test]
    fn the_file_says_what_the_configuration_says() {
        let file = "guard sudo\nguard sshd\nend enforcing\n";
        assert_eq!(judged(file, Some("production yes\nguard sshd\nguard sudo\nend enforcing\n")), []);
        assert_eq!(judged(file, Some("guard sshd\nend enforcing\n")), [("warning", "enforcing-old")]);
        assert_eq!(judged(file, None), []);
        assert_eq!(judged("guard sudo\n", None), [("warning", "enforcing-broken")]);
        let until = |at: i64| format!("guard sshd\n{}\nend enforcing\n", Rule::Until(at));
        let rendered = Some("guard sshd\nend enforcing\n");
        assert_eq!(judged(&until(NOW.0 + 60), rendered), [("warning", "unconfirmed")]);
        assert_eq!(judged(&until(NOW.0 - 60), rendered), [("warning", "unconfirmed")]);
    }
}
