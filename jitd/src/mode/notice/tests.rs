use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::super::{ModeFile, Timestamp};
use super::*;
use crate::syslog::Severity;

/// Seconds; files of the test are confirmed, or not, around it.
const NOW: Timestamp = Timestamp(1_000_000);

/// A file of root's, looked at. These tests need root, as jitd does.
struct Rig {
    dir: tempfile::TempDir,
    file: ModeFile,
    notice: Notice,
    mode: Mode,
}

impl Rig {
    fn new() -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let file = ModeFile::at(dir.path().join("enforcing"));
        Rig { dir, file, notice: Notice::default(), mode: Mode::Permissive }
    }

    fn write(&self, text: &str) {
        let new = self.dir.path().join("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).unwrap();
        fs::rename(new, self.dir.path().join("enforcing")).unwrap();
    }

    fn remove(&self) {
        fs::remove_file(self.dir.path().join("enforcing")).unwrap();
    }

    fn look(&mut self, seconds: i64) -> Vec<Value> {
        let now = Timestamp(NOW.0 + seconds);
        let seen = self.file.look().clone();
        let events = self.notice.look(&seen, self.mode, now);
        self.mode = seen.mode(now);
        events.iter().map(|event| serde_json::to_value(event).unwrap()).collect()
    }

    fn told(&mut self, by: By) -> Option<Value> {
        self.notice.told(by).map(|event| serde_json::to_value(event).unwrap())
    }
}

fn alice() -> By {
    By { uid: 0, login_uid: Some(1000), session: Some(("83r6gcjq".to_owned(), "alice".to_owned())) }
}

const RULES: &str = "guard sshd\nend enforcing\n";

/// Until `seconds` from NOW.
fn until(seconds: i64) -> String {
    let at = jit_model::text::rfc3339(Timestamp(NOW.0 + seconds));
    format!("# unconfirmed\nguard sshd\nuntil {at}\nend enforcing\n")
}

#[test]
fn each_change_has_one_line_with_who_made_it() {
    let mut rig = Rig::new();
    assert_eq!(rig.look(0), Vec::<Value>::new(), "nothing has happened");
    rig.write(&until(600));
    assert_eq!(rig.look(1), Vec::<Value>::new(), "somebody will tell");
    let event = rig.told(alice()).unwrap();
    assert_eq!(
        event,
        json!({ "event": "mode", "from": "permissive", "to": "enforcing", "until": "1970-01-12T13:56:40Z", "change": "enforcing", "uid": 0,
            "login_uid": 1000, "session": "83r6gcjq", "name": "alice" })
    );
    assert_eq!(rig.told(alice()), None, "once");
    rig.write(RULES);
    rig.look(2);
    let event = rig.told(By { uid: 0, ..By::default() }).unwrap();
    assert_eq!(
        event,
        json!({ "event": "mode", "from": "enforcing", "to": "enforcing", "change": "confirmed", "uid": 0 })
    );
    // The same again, in other words: nothing has changed.
    rig.write(&format!("# again\n{RULES}"));
    assert_eq!((rig.look(3), rig.told(alice())), (vec![], None));
    // Other rules are no confirmation.
    rig.write("guard sudo\nend enforcing\n");
    rig.look(4);
    assert_eq!(rig.told(alice()).unwrap()["change"], "enforcing");
    rig.remove();
    rig.look(5);
    let event = rig.told(alice()).unwrap();
    assert_eq!((&event["change"], &event["to"]), (&json!("permissive"), &json!("permissive")));
}

#[test]
fn of_what_nobody_tells_that_is_said() {
    let mut rig = Rig::new();
    rig.look(0);
    rig.write(RULES);
    rig.look(1);
    // The next change comes before anybody has told of the first.
    rig.remove();
    let events = rig.look(2);
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["to"], &events[0]["uid"]), (&json!("enforcing"), &Value::Null));
    assert!(events[0]["text"].as_str().unwrap().contains("nobody told"), "{events:?}");
    let event = serde_json::to_value(rig.notice.flush().unwrap()).unwrap();
    assert_eq!((&event["to"], &event["uid"]), (&json!("permissive"), &Value::Null));
    assert!(rig.notice.flush().is_none());
}

#[test]
fn what_was_not_confirmed_falls_back_by_itself_and_at_once() {
    let mut rig = Rig::new();
    rig.look(0);
    rig.write(&until(600));
    rig.look(1);
    rig.told(alice()).unwrap();
    assert_eq!(rig.look(599), Vec::<Value>::new());
    let events = rig.look(600);
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["change"], &events[0]["uid"]), (&json!("fell-back"), &Value::Null));
    assert_eq!(events[0]["until"], Value::Null, "nothing is enforced until then");
    assert!(
        events[0]["text"].as_str().unwrap().contains("not confirmed by 1970-01-12 13:56 UTC"),
        "{events:?}"
    );
    assert_eq!((rig.mode, rig.look(601), rig.told(alice())), (Mode::Permissive, vec![], None));
    // A clock that goes back brings it back, and that is no doing of anybody's.
    assert_eq!(rig.look(500)[0]["change"], "clock");
    assert_eq!(rig.look(700)[0]["change"], "fell-back");
    // Another file that is void already changes nothing, and says nothing.
    rig.write(&until(-5));
    assert_eq!(rig.look(701), Vec::<Value>::new());
    // Taken away, it is as permissive as before.
    rig.remove();
    assert_eq!(rig.look(701), Vec::<Value>::new());
}

#[test]
fn what_falls_back_is_an_alert_and_other_rules_confirm_nothing() {
    let mut rig = Rig::new();
    rig.look(0);
    rig.write(&until(600));
    rig.look(1);
    rig.write("guard sudo\nend enforcing\n");
    rig.look(2);
    assert_eq!(rig.told(alice()).unwrap()["change"], "enforcing");
    rig.write(&until(600));
    rig.look(3);
    rig.told(alice()).unwrap();
    let seen = rig.file.look().clone();
    let events = rig.notice.look(&seen, Mode::Enforcing, Timestamp(NOW.0 + 600));
    let [event] = events.as_slice() else { panic!("{events:?}") };
    let (severity, text) = event.for_syslog();
    assert_eq!((severity, text.contains("was not confirmed by")), (Severity::Alert, true), "{text}");
}

#[test]
fn what_lapsed_while_nobody_looked_is_said_at_the_start() {
    let mut rig = Rig::new();
    rig.write(&until(-5));
    let events = rig.look(0);
    assert_eq!((events.len(), &events[0]["change"]), (1, &json!("fell-back")));
    assert_eq!(rig.look(1), Vec::<Value>::new());
    let mut rig = Rig::new();
    rig.write(&until(600));
    rig.mode = Mode::Enforcing;
    assert_eq!(rig.look(0), Vec::<Value>::new(), "as it was when the daemon began");
}
