//! What happens to a session as the audit tells it: from its beginning to its last process, or of everything of a person whose last
//! grant is over. docs/audit.md describes every field.

use serde::Serialize;

use super::event::{Text, Time};
use crate::syslog::Severity;

/// What happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// It began.
    Opened,
    /// It was there when the daemon came, and nobody had told of it.
    Found,
    /// Its deadline is another: a grant was added, extended, shortened.
    Moved,
    /// Its people were warned, or could not be.
    Warned,
    /// It has no deadline any more.
    Lifted,
    /// Enforcing, it would be ended now, or at `until` if the host just went permissive.
    WouldEnd,
    /// It is being ended.
    Ending,
    /// It was ended, and nothing of it is left.
    Ended,
    /// It cannot be ended at the moment; tried again until it is.
    Stuck,
    /// Its person left, and nothing of it remains.
    Closed,
}

/// Something that happened to a session, or (`id` absent) to everything of a person whose last grant is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionEvent {
    /// What happened.
    pub state: SessionState,
    /// The session's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// Its service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Text>,
    /// Whose.
    pub name: Text,
    /// His uid.
    pub uid: u32,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rhost: Option<Text>,
    /// Whom he became, for su and sudo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Text>,
    /// The leader's process number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// The kernel's number of this login (/proc/PID/sessionid), under which auditd knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_session: Option<u32>,
    /// The ids of the grants it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Text>,
    /// When it ends, or would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Why it has no deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<&'static str>,
    /// A stable word for why it ends: the codes of a denial, `ordered` or `denied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Who ordered the end, by the kernel's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<u32>,
    /// For people.
    pub text: Text,
    /// The terminals that were told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Text>,
    /// How many processes were ended in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<usize>,
    /// The names of those that did not end when asked and were killed; the first 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub killed: Vec<Text>,
}

impl SessionEvent {
    /// Something that happened to somebody, and nothing more is known of it.
    pub fn new(state: SessionState, name: Text, uid: u32, text: Text) -> SessionEvent {
        SessionEvent {
            state,
            id: None,
            service: None,
            name,
            uid,
            rhost: None,
            target: None,
            pid: None,
            audit_session: None,
            grants: Vec::new(),
            until: None,
            standing: None,
            code: None,
            by: None,
            text,
            told: Vec::new(),
            processes: None,
            killed: Vec::new(),
        }
    }

    /// The line for syslog, and how urgent it is. What somebody else chose stands in quotes, escaped.
    pub(super) fn for_syslog(&self) -> (Severity, String) {
        let severity = match self.state {
            SessionState::Opened | SessionState::Closed | SessionState::Moved => Severity::Info,
            SessionState::Warned | SessionState::Lifted | SessionState::Ending | SessionState::Ended => {
                Severity::Notice
            }
            SessionState::Found | SessionState::WouldEnd => Severity::Warning,
            SessionState::Stuck => Severity::Alert,
        };
        let what = match (&self.id, &self.service) {
            (Some(id), Some(service)) => format!("session {} ({:?})", id.as_str(), service.as_str()),
            (None, Some(service)) => format!("session ({:?})", service.as_str()),
            (_, None) => "everything".to_owned(),
        };
        (severity, format!("{what} of {:?}: {}", self.name.as_str(), self.text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use jit_model::time::Timestamp;

    use super::*;
    use crate::audit::Event;

    fn everything() -> SessionEvent {
        let text = |text: &str| Text::from(text);
        SessionEvent {
            state: SessionState::WouldEnd,
            id: Some(text("83r6gcjq")),
            service: Some(text("sudo")),
            name: text("alice"),
            uid: 1000,
            rhost: Some(text("192.0.2.7")),
            target: Some(text("root")),
            pid: Some(251),
            audit_session: Some(4096),
            grants: vec![text("g1"), text("g2")],
            until: Some(Time(Timestamp(1_795_348_805))),
            standing: Some("lifted"),
            code: Some("ordered"),
            by: Some(0),
            text: text("ends: \"now\""),
            told: vec![text("/dev/pts/1")],
            processes: Some(10),
            killed: vec![text("bash"), text("sleep")],
        }
    }

    /// Programs read these names, and the hash of a line is taken over its bytes.
    #[test]
    fn the_fields_are_as_documented_and_in_this_order() {
        let event = |event: SessionEvent| serde_json::to_string(&Event::Session(Box::new(event))).unwrap();
        assert_eq!(
            event(everything()),
            concat!(
                r#"{"event":"session","state":"would-end","id":"83r6gcjq","service":"sudo","name":"alice","uid":1000,"#,
                r#""rhost":"192.0.2.7","target":"root","pid":251,"audit_session":4096,"grants":["g1","g2"],"#,
                r#""until":"2026-11-22T12:00:05Z","standing":"lifted","code":"ordered","by":0,"text":"ends: \"now\"","#,
                r#""told":["/dev/pts/1"],"processes":10,"killed":["bash","sleep"]}"#
            )
        );
        let bare = SessionEvent::new(SessionState::Ended, "alice".into(), 1000, "ends: \"now\"".into());
        assert_eq!(
            event(bare),
            r#"{"event":"session","state":"ended","name":"alice","uid":1000,"text":"ends: \"now\""}"#
        );
    }

    #[test]
    fn syslog_names_the_session_or_its_person() {
        let told = |event: SessionEvent| event.for_syslog();
        let all = everything();
        assert_eq!(
            told(all.clone()),
            (Severity::Warning, "session 83r6gcjq (\"sudo\") of \"alice\": ends: \"now\"".to_owned())
        );
        let peer = SessionEvent { id: None, state: SessionState::Stuck, ..all.clone() };
        assert_eq!(
            told(peer),
            (Severity::Alert, "session (\"sudo\") of \"alice\": ends: \"now\"".to_owned())
        );
        let person = SessionEvent { id: None, service: None, state: SessionState::Opened, ..all };
        assert_eq!(told(person), (Severity::Info, "everything of \"alice\": ends: \"now\"".to_owned()));
    }
}
