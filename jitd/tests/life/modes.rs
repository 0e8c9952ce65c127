//! Permissive and enforcing, and what the file says.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use jit_model::text::rfc3339;
use jit_model::time::Timestamp;
use jit_proto::Verdict;
use serde_json::json;

use crate::host::{Daemon, Host, SOMEBODY, sshd, until};

fn verdict(jitd: &Daemon<'_>) -> Verdict {
    jitd.ask(&sshd("alice", SOMEBODY)).0
}

#[test]
fn the_file_is_the_mode_from_one_question_to_the_next() {
    let host = Host::new();
    let jitd = host.start();
    assert_eq!(verdict(&jitd), Verdict::Unguarded);
    for _ in 0..20 {
        host.write("enforcing", "");
        assert_eq!(verdict(&jitd), Verdict::Deny);
        fs::remove_file(host.path("enforcing")).unwrap();
        assert_eq!(verdict(&jitd), Verdict::Unguarded);
    }
    // What cannot be understood, or trusted, or read, enforces.
    host.write("enforcing", "gaurd sshd\nend enforcing\n");
    assert_eq!(verdict(&jitd), Verdict::Deny);
    assert!(jitd.degraded().iter().any(|text| text.contains("line 1")), "{:?}", jitd.degraded());
    host.write("enforcing", "guard sshd\nuntil 2020-01-01T00:00:00Z\nend enforcing\n");
    assert_eq!(verdict(&jitd), Verdict::Unguarded, "void");
    let writable = host.path("enforcing");
    fs::set_permissions(&writable, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(verdict(&jitd), Verdict::Deny, "anybody could have written `until`");
    fs::set_permissions(&writable, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(verdict(&jitd), Verdict::Unguarded);
    chown(&writable, Some(SOMEBODY), None).unwrap();
    assert_eq!(verdict(&jitd), Verdict::Deny);
    fs::remove_file(&writable).unwrap();
    fs::create_dir(&writable).unwrap();
    assert_eq!(verdict(&jitd), Verdict::Deny);
    fs::remove_dir(&writable).unwrap();
    // A link that leads nowhere (a file system that is not mounted) is not the same as nothing; the module refuses every link.
    symlink(host.path("elsewhere"), &writable).unwrap();
    assert_eq!(verdict(&jitd), Verdict::Deny);
    host.write("elsewhere", "production no\nend enforcing\n");
    assert_eq!(verdict(&jitd), Verdict::Deny);
    assert!(jitd.degraded().iter().any(|text| text.contains("symbolic link")), "{:?}", jitd.degraded());
}

#[test]
fn a_change_is_written_down_though_nobody_asks() {
    let host = Host::new();
    let _jitd = host.start();
    host.write("enforcing", "");
    let change = host.audited("the change", |event| event["event"] == "mode");
    assert_eq!((&change["from"], &change["to"]), (&"permissive".into(), &"enforcing".into()));
    assert!(change["uid"].is_null() && change["text"].as_str().unwrap().contains("nobody told"), "{change}");
    fs::remove_file(host.path("enforcing")).unwrap();
    host.audited("the change back", |event| event["to"] == "permissive");
}

#[test]
fn who_tells_of_a_change_is_named_and_who_may_not_confirm_is_told_why() {
    let host = Host::new();
    let jitd = host.start();
    let confirm = || jitd.control(&json!({ "ask": "confirm" }));
    assert_eq!(confirm()["code"], "not-enforcing");
    host.write("enforcing", "");
    assert_eq!(jitd.control(&json!({ "ask": "mode-set" }))["answer"], "done");
    let change = host.audited("the change", |event| event["event"] == "mode");
    assert_eq!((&change["change"], &change["uid"]), (&"enforcing".into(), &0.into()));
    assert!(change["text"].is_null(), "{change}");
    assert_eq!(confirm()["answer"], "done", "it enforces for good");
    let soon = rfc3339(Timestamp(jitd.status()["now"].as_i64().unwrap() + 600));
    host.write("enforcing", &format!("guard sshd\nuntil {soon}\nend enforcing\n"));
    // This test is in no login that jitd knows of.
    let refused = confirm();
    assert_eq!(refused["code"], "no-session", "{refused}");
    host.audited("the refusal", |event| event["event"] == "control" && event["request"] == "mode-confirm");
    host.write("enforcing", "guard sshd\nuntil 2020-01-01T00:00:00Z\nend enforcing\n");
    let fell = host.audited("that it fell back", |event| event["change"] == "fell-back");
    assert_eq!((&fell["to"], &fell["uid"]), (&"permissive".into(), &serde_json::Value::Null));
    let refused = confirm();
    assert!(refused["text"].as_str().unwrap().contains("too late"), "{refused}");
    assert!(
        jitd.degraded().iter().any(|text| text.contains("was not confirmed by")),
        "{:?}",
        jitd.degraded()
    );
}

#[test]
fn status_says_when_the_file_and_the_configuration_differ() {
    let host = Host::new();
    let config = format!(
        "{}[guard]\nservices = [\"sshd\", \"sudo\"]\n[[exempt]]\nuser = \"ansible\"\nservices = [\"sshd\"]\nfrom = [\"10.0.0.0/8\", \"2001:db8::/32\"]\n\
         [break_glass]\nusers = [\"rescue\"]\n",
        host.config()
    );
    host.write("jitd.toml", &config);
    host.write("enforcing", "");
    let jitd = host.start();
    let differs = || jitd.degraded().iter().any(|text| text.contains("enforcing file says something else"));
    assert!(differs(), "{:?}", jitd.degraded());
    let rendered = jitd.control(&json!({ "ask": "render-enforcing" }));
    let text = rendered["text"].as_str().unwrap();
    for line in [
        "guard sudo",
        "exempt user ansible services sshd from 10.0.0.0/8,2001:db8::/32",
        "break-glass-user rescue",
        "break-glass-console yes",
        "end enforcing",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    host.write("enforcing", text);
    assert!(!differs(), "{:?}", jitd.degraded());
    let soon = jitd.status()["now"].as_i64().unwrap() + 3_600;
    let unconfirmed = |at| format!("until {}\nend enforcing", rfc3339(Timestamp(at)));
    host.write("enforcing", &text.replace("end enforcing", &unconfirmed(soon)));
    assert!(!differs(), "until is not a difference");
    until("the mode", || (jitd.status()["until"] == soon).then_some(()));
    // Further ahead than anybody may write it: by another clock than this one.
    host.write("enforcing", &text.replace("end enforcing", &unconfirmed(2_145_916_800)));
    until("it is void", || (jitd.status()["lapsed"] == 2_145_916_800_i64).then_some(()));
    assert_eq!(jitd.status()["mode"], "permissive");
    host.write("enforcing", &text.replace("guard sudo\n", ""));
    assert!(differs());
}

#[test]
fn an_empty_file_fits_an_empty_configuration() {
    let host = Host::new();
    host.write("enforcing", "");
    let jitd = host.start();
    until("the file is read", || jitd.degraded().is_empty().then_some(()));
}
