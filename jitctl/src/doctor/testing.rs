//! Trees for the unit tests of the rules: a few files below a directory of their own.

use std::fs;
use std::path::PathBuf;

use jit_model::time::{Span, Timestamp};
use tempfile::TempDir;

use crate::doctor::Findings;
use crate::doctor::host::Host;

/// Sunday, 22 November 2026, 12:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp(1_795_348_800);

/// A host whose files are these, each with its text; and where they lie, until it is dropped.
pub(crate) fn tree(files: &[(&str, &str)]) -> (Host, TempDir) {
    let root = TempDir::new().unwrap();
    for (path, text) in files {
        let path = root.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let host = Host {
        root: root.path().to_owned(),
        status: None,
        rules: String::new(),
        within: Span(14 * 86_400),
        now: NOW,
        config: PathBuf::from("/etc/jitd/jitd.toml"),
        enforcing: PathBuf::from("/etc/jitd/enforcing"),
    };
    (host, root)
}

/// The levels and codes of what was found, in the order of finding.
pub(crate) fn codes(findings: &Findings) -> Vec<(&'static str, &'static str)> {
    findings.findings.iter().map(|finding| (finding.level.as_str(), finding.code)).collect()
}

/// A jitd that is well, with an LDIF file.
pub(crate) fn status() -> jit_control::Status {
    let source = serde_json::json!({ "name": "ldif", "kind": "ldif", "at": "", "heard": NOW.0, "stale": false, "entries": 1 });
    serde_json::from_value(serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"), "host": "h", "answers_to": [], "production": true, "mode": "enforcing", "guarded": [],
        "now": NOW.0, "sources": [source], "live": 0, "set_aside": [], "degraded": [],
    }))
    .unwrap()
}
