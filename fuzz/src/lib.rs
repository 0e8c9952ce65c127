//! What must hold whatever bytes come in: nothing panics, what is accepted is what would have been written, and what is not
//! understood never means "allow". One function for each target; a violation panics.

mod map;
mod signature;
mod trail;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_directory::decode::{Bases, Reading};
use jit_directory::ldif;
use jit_model::assess::{Assessed, Memory, assess};
use jit_model::decide::{Allow, Verdict, decide, explain};
use jit_model::dn::Dn;
use jit_model::host::HostNames;
use jit_model::learn::learn;
use jit_model::name::{Login, SourceName};
use jit_model::question::Question;
use jit_model::role::Role;
use jit_model::snapshot::{Aside, Freshness, Snapshot};
use jit_model::source::{Proof, Source};
use jit_model::state::{State, state};
use jit_model::time::{Span, Timestamp};
use jit_proto::enforcing::{self, Rules};
use jitd::disk::envelope;
use jitd::ledger::{Ledger, Shown};
use jitd::store::Store;

pub use map::{map, sealed};
pub use signature::{SIGNED, is_good, signature};
pub use trail::trail;

/// A target: a name and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them, for the bounded run.
pub const TARGETS: &[Target] = &[
    ("frame", frame),
    ("enforcing", enforcing),
    ("ldif", ldif),
    ("store", store),
    ("ledger", ledger),
    ("config", config),
    ("dn", dn),
    ("audit", audit),
    ("map", map),
    ("keys", keys),
    ("people", people),
    ("signature", signature),
    ("trail", trail),
];

/// Frames between module and daemon: whatever decodes is what would have been encoded, byte for byte.
pub fn frame(data: &[u8]) {
    use jit_proto::frame::{Kind, needed};
    let _ = (needed(Kind::Question, data), needed(Kind::Answer, data));
    if let Ok(question) = jit_proto::Question::decode(data) {
        assert_eq!(question.encode().map(|frame| frame.as_bytes().to_vec()), Ok(data.to_vec()));
    }
    if let Ok(answer) = jit_proto::Answer::decode(data) {
        assert_eq!(answer.encode().map(|frame| frame.as_bytes().to_vec()), Ok(data.to_vec()));
    }
}

/// The enforcing file: a broken one is enforced by the built-in rules, and a good one means what its rules say when they are written again.
pub fn enforcing(data: &[u8]) {
    let now = 1_795_348_800;
    let reading = enforcing::judge(data, now);
    match Rules::parse(data) {
        Err(_) => assert_eq!(reading.rules(), Some(Rules::built_in()), "broken means the built-in rules"),
        Ok(rules) => {
            let void = rules.until().is_some_and(|until| enforcing::is_void(until, now));
            assert_eq!(reading.rules(), if void { None } else { Some(rules) });
            let text: String = rules.iter().map(|rule| format!("{rule}\n")).collect();
            let again = Rules::parse(text.as_bytes());
            let again = again.unwrap_or_else(|broken| panic!("{broken} in what was written again:\n{text}"));
            assert!(again.iter().eq(rules.iter()));
        }
    }
}

/// An LDIF file, all the way to a verdict: what it says survives being assessed with what was learned from it, a grant that was
/// deleted does not come back, and an allow rests on a live grant.
pub fn ldif(data: &[u8]) {
    let Some((bases, reading, host)) = setting() else { panic!("the setting is well-formed") };
    let Ok(source) = ldif::read(data, &bases, &reading) else { return };
    let nothing = Memory::default();
    let first = assess(&source, &host, &nothing);
    let memory = learn(&nothing, &BTreeSet::new(), &source, &first);
    let assessed = assess(&source, &host, &memory);
    assert_eq!(first, assessed, "what was learned from a set changes nothing in it");

    let empty = Source { grants: BTreeMap::new(), set_aside: Vec::new(), ..source.clone() };
    let gone = learn(&memory, &source.grant_uuids(), &empty, &assess(&empty, &host, &memory));
    let back = assess(&source, &host, &gone);
    assert!(!back.iter().any(|grant| matches!(grant.assessed, Assessed::Granted { .. })), "it came back");

    let times: BTreeSet<Timestamp> = assessed
        .iter()
        .filter_map(|grant| match &grant.assessed {
            Assessed::Granted { window, .. } => Some([window.start(), window.end()]),
            _ => None,
        })
        .flatten()
        .flat_map(|at| [Timestamp(at.0.saturating_sub(1)), at])
        .take(16)
        .collect();
    let logins: BTreeSet<Login> =
        assessed.iter().flat_map(|grant| grant.logins.keys().cloned()).take(8).collect();
    let Some(snapshot) = snapshot(&source, assessed, &reading) else { panic!("the policy is well-formed") };
    for (login, now) in logins.iter().flat_map(|login| times.iter().map(move |now| (login, *now))) {
        let Some(question) = question(login) else { panic!("sshd is a service") };
        let verdict = decide(&snapshot, &question, now);
        assert_eq!(explain(&snapshot, &question, now).0, verdict);
        if let Verdict::Allow(Allow::Grants { grants, until }) = verdict {
            let live = grants.first().map(|grant| state(&grant.assessed, now));
            assert!(live == Some(State::Live) && until > now, "{login} at {now:?}");
        }
    }
}

/// A source and a host for the `ldif` target.
pub fn setting() -> Option<(Bases, Reading, HostNames)> {
    let role = Role::default_of(Span(8 * 3600));
    let reading = Reading {
        name: SourceName::new("ldif").ok()?,
        proof: Proof::Source,
        writers: BTreeSet::new(),
        default_role: Some(Arc::new(role)),
        login_attribute: ldif::LOGIN_ATTRIBUTE.to_owned(),
    };
    Some((ldif::bases().ok()?, reading, HostNames::new("web1.example.com", ["web"]).ok()?))
}

fn snapshot(
    source: &Source,
    assessed: Vec<jit_model::assess::AssessedGrant>,
    reading: &Reading,
) -> Option<Snapshot> {
    let text = "[host]\nproduction = true\nname = \"web1.example.com\"\n[source.ldif]\npath = \"/etc/jitd/grants.ldif\"\n";
    let policy = jitd::config::parse(text).ok()?.policy;
    let heard = Freshness { heard: Some(Timestamp(0)), max_offline: None };
    let grants = assessed.into_iter().map(Arc::new).collect();
    Some(Snapshot::new(
        policy,
        [(reading.name.clone(), heard)].into(),
        grants,
        Aside::of(source),
        BTreeSet::new(),
    ))
}

fn question(login: &Login) -> Option<Question> {
    Some(Question {
        service: jit_model::name::Service::new("sshd").ok()?,
        subject: login.clone(),
        uid: 1000,
        local: false,
        local_groups: BTreeSet::new(),
        rhost: None,
        tty: None,
    })
}

/// The store's file and its payload: nothing is half-read.
pub fn store(data: &[u8]) {
    if let Ok(payload) = envelope::unwrap(jitd::store::KIND, data) {
        let _ = Store::decode(payload);
    }
    if let Ok(store) = Store::decode(data) {
        let bytes = store.encode().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Store::decode(&bytes), Ok(store));
    }
}

/// The ledger's file and its payload: nothing is half-read.
pub fn ledger(data: &[u8]) {
    if let Ok(payload) = envelope::unwrap(jitd::ledger::KIND, data) {
        let _ = Ledger::decode(payload);
    }
    if let Ok(mut ledger) = Ledger::decode(data) {
        let bytes = ledger.encode().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Ledger::decode(&bytes).as_ref(), Ok(&ledger));
        for now in [i64::MIN, 0, i64::MAX] {
            let _ = ledger.lately(Timestamp(now));
            let known = ledger.memory().clone();
            let _ = ledger.prune(Shown::Partly(&BTreeSet::new()), Timestamp(now));
            assert_eq!(*ledger.memory(), known, "a source may show all of it yet");
            let _ = ledger.prune(Shown::Whole(&BTreeSet::new()), Timestamp(now));
        }
    }
}

/// A line of authorized_keys: what is written for one is a single line, and is taken for the same key again.
pub fn keys(data: &[u8]) {
    let Ok(line) = std::str::from_utf8(data) else { return };
    let zone = jitd::keys::zone::Zone::of_host();
    let allowed = ["restrict", "command", "from"].map(str::to_owned).into();
    let label = jitd::keys::label(line);
    assert!(!label.contains(|c: char| c.is_control()) && label.len() <= 43, "{label:?}");
    let Ok(key) = jitd::keys::Key::read(line, &allowed, &zone) else { return };
    let (now, end) = (Timestamp(1_795_348_800), Timestamp(1_795_352_400));
    let Some(written) = key.line(end, now, &zone) else { return };
    assert!(!written.contains(char::is_control), "{written:?}");
    let again =
        jitd::keys::Key::read(&written, &allowed, &zone).unwrap_or_else(|why| panic!("{why}: {written}"));
    assert_eq!(again.line(end, now, &zone), Some(written));
}

/// The people's file and its payload: nothing is half-read.
pub fn people(data: &[u8]) {
    use jitd::people::roll::{KIND, Roll};
    if let Ok(payload) = envelope::unwrap(KIND, data) {
        let _ = Roll::decode(payload);
    }
    if let Ok(roll) = Roll::decode(data) {
        let bytes = roll.encode().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Roll::decode(&bytes), Ok(roll));
    }
}

/// The configuration: every fault has its line, and the enforcing file made from a good one can be read.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match jitd::config::parse(text) {
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in &problems {
                assert!(problem.line <= text.lines().count() + 1, "{problem}");
            }
        }
        Ok(config) => {
            let rendered = jitd::mode::render(&config.policy);
            // A host may guard nothing or have more exemptions than the file has room for; then it is broken, which
            // enforces the built-in rules. It must never say less than the configuration.
            if let Ok(rules) = Rules::parse(rendered.as_bytes()) {
                let guarded = rules.iter().filter(|rule| matches!(rule, enforcing::Rule::Guard(_))).count();
                assert_eq!(guarded, config.policy.guarded.len(), "{rendered}");
            }
        }
    }
}

/// Names: the normal form is its own normal form, and a name never stands below itself.
pub fn dn(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(dn) = Dn::parse(text) else { return };
    assert_eq!(Dn::parse(dn.as_str()).as_ref(), Ok(&dn));
    assert!(!dn.is_below(&dn));
    let _ = dn.rdn_value();
    if let Some(parent) = dn.parent() {
        assert!(dn.is_directly_under(&parent) && dn.is_below(&parent));
        assert_eq!(Dn::parse(parent.as_str()), Ok(parent));
    }
    if let Ok(child) = dn.child("cn", text) {
        assert!(child.is_directly_under(&dn), "{child} under {dn}");
    }
}

/// The end of an audit file, and a name in a line of it.
pub fn audit(data: &[u8]) {
    use jitd::audit::line::{Head, append, tail};
    let (_, _) = (tail(data, true), tail(data, false));
    let text = String::from_utf8_lossy(data);
    let event = jitd::audit::Event::Stop { reason: jitd::audit::event::Text::from(&text) };
    let record = jitd::audit::Record {
        time: Timestamp(0),
        mode: jitd::mode::Mode::Enforcing,
        host: Arc::from(text.as_ref()),
        event,
    };
    let (mut bytes, mut head) = (Vec::new(), Head::NEW);
    append(&mut bytes, &mut head, "boot", &record).unwrap_or_else(|error| panic!("{error}"));
    let (newline, line) = bytes.split_last().unwrap_or_else(|| panic!("nothing was written"));
    assert!(*newline == b'\n' && line.iter().all(|byte| (b' '..=b'~').contains(byte)));
    assert_eq!(tail(&bytes, true), jitd::audit::line::Tail::Whole(head));
}
