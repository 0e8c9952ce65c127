mod chain;
mod saying;
mod writer;

use std::fs;
use std::path::Path;

use jit_model::decide::Verdict;
use jit_model::reason::DenyReason;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::line::hex;
use super::*;

const BOOT: BootId = BootId([0xb0; 16]);
const NOW: Timestamp = Timestamp(1_795_348_805);

fn question<'a>(subject: &'a str, rhost: &'a str) -> jit_proto::Question<'a> {
    jit_proto::Question {
        phase: jit_proto::Phase::Account,
        service: "sshd",
        subject,
        uid: Some(1000),
        target: None,
        ruser: None,
        rhost: Some(rhost),
        tty: Some("ssh"),
        auth_info: None,
        auth_info_cut: false,
    }
}

fn denied(name: &str, rhost: &str) -> Record {
    let verdict = Verdict::Deny(DenyReason::NoAccount);
    let decision = Decision::judged(&question(name, rhost), None, None, &verdict, Mode::Enforcing);
    record(Event::Decision(Box::new(decision)))
}

fn record(event: Event) -> Record {
    Record { time: NOW, mode: Mode::Enforcing, host: Arc::from("web1.example.com"), event }
}

/// Where the audit goes, in a directory of its own.
fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    (dir, path)
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// Every line of these files, in their order, must follow from the one before, torn ones too; gives the whole ones.
fn verified(paths: &[&Path]) -> Vec<Value> {
    let mut prev = hex(&[0; 32]);
    let mut events = Vec::new();
    for line in paths.iter().flat_map(|path| lines(path)) {
        if let Ok(event) = serde_json::from_str::<Value>(&line) {
            assert_eq!(event["prev"], prev, "{line}");
            events.push(event);
        }
        prev = hex(&Sha256::digest(&line));
    }
    events
}
