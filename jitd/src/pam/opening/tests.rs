use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use jit_model::assess::{Assessed, AssessedGrant, Services};
use jit_model::dn::Dn;
use jit_model::grant::{End, Grant, Provenance};
use jit_model::host::HostPattern;
use jit_model::time::Window;
use jit_proto::Phase;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::sessions::peer::identify;
use crate::sessions::process;
use crate::sessions::state::StateDir;
use crate::sessions::testing::{BOOT, rest};

const NOW: Timestamp = Timestamp(1000);
const END: Timestamp = Timestamp(5000);

struct Place {
    dir: tempfile::TempDir,
    registry: Registry,
    heard: UnboundedReceiver<Word>,
}

impl Place {
    fn new() -> Place {
        Place::with_room_for(100)
    }

    fn with_room_for(most: usize) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let (registry, heard) = Registry::new(StateDir::below(dir.path()), BOOT, (vec![], vec![]));
        Place { registry: registry.with_room_for(most), heard, dir }
    }

    /// Opens from this very process, which waits; the sessions that are on disk when the answer is known.
    fn open(&self, question: &Question<'_>, verdict: Verdict, mode: Mode) -> (Opening, Vec<Session>) {
        let (here, _there) = UnixStream::pair().unwrap();
        let opening = open(question, decided(verdict, mode), NOW, &self.registry, &here);
        (opening, on_disk(self.dir.path()))
    }
}

fn on_disk(dir: &Path) -> Vec<Session> {
    StateDir::below(dir).read(BOOT).sessions
}

fn decided(verdict: Verdict, mode: Mode) -> Decided {
    Decided { verdict, mode, unconfirmed: None, now: Timestamp(9999), text: "words".to_owned(), dn: None }
}

fn asking(service: &'static str) -> Question<'static> {
    Question {
        phase: Phase::Open,
        service,
        subject: "alice",
        uid: Some(1000),
        target: Some("root"),
        ruser: None,
        rhost: Some("192.0.2.7"),
        tty: Some(""),
        auth_info: None,
        auth_info_cut: false,
    }
}

/// By alice's grant g1.
fn by_grant() -> Verdict {
    let dn = |text: &str| Dn::parse(text).unwrap();
    let Rest { source, uuid, id, start, end } = rest(1, END.0);
    let grant = Grant {
        uuid,
        dn: dn("cn=g1,ou=g"),
        id,
        subject: dn("uid=alice,ou=p"),
        role: None,
        hosts: [HostPattern::new("*").unwrap()].into(),
        services: [].into(),
        not_before: None,
        end: End::At(end),
        reason: None,
        ticket: None,
        provenance: Provenance::default(),
    };
    let grant = AssessedGrant {
        source,
        grant: Arc::new(grant),
        role: None,
        logins: Arc::new([(Login::new("alice").unwrap(), dn("uid=alice,ou=p"))].into()),
        services: Services::AllGuarded,
        began: None,
        assessed: Assessed::Granted { window: Window::new(start, end).unwrap(), approved: vec![] },
        heard: Vec::new(),
        in_doubt: false,
        eligible_by: Arc::default(),
    };
    Verdict::Allow(Allow::Grants { grants: vec![Arc::new(grant)], until: end })
}

#[test]
fn it_is_on_disk_before_there_is_an_answer() {
    let mut place = Place::new();
    let (opening, sessions) = place.open(&asking("sshd"), by_grant(), Mode::Enforcing);
    assert_eq!((opening.decided.verdict, opening.after), (by_grant(), None));
    let us = process::identify(i32::try_from(std::process::id()).unwrap()).unwrap();
    let [session] = sessions.as_slice() else { panic!("{sessions:?}") };
    let expected = Session {
        id: session.id.clone(),
        boot: BOOT,
        mark: Mark::of(us, Kind::Login, 1000),
        login: Login::new("alice").unwrap(),
        service: Service::new("sshd").unwrap(),
        target: Some("root".to_owned()),
        rhost: Some("192.0.2.7".to_owned()),
        tty: None,
        opened: NOW,
        basis: Basis::Grants { rests: vec![rest(1, END.0)], until: END },
        life: Life::Open,
        warned: NOW,
        order: None,
    };
    assert_eq!(*session, expected);
    assert_eq!(place.heard.try_recv(), Ok(Word::Opened(session.id.clone())));
    // And closed before the closing is answered.
    let (here, _there) = UnixStream::pair().unwrap();
    close(&Question { uid: None, ..asking("sshd") }, &place.registry, &here);
    assert_eq!(on_disk(place.dir.path())[0].life, Life::Closed);
    assert_eq!(place.heard.try_recv(), Ok(Word::Closed(session.id.clone())));
}

#[test]
fn who_is_known_and_why_he_may_stay() {
    let standing = |why| Some(Basis::Standing(why));
    let grants = || Some(Basis::Grants { rests: vec![rest(1, END.0)], until: END });
    let deny = || Verdict::Deny(DenyReason::NoGrant);
    for (verdict, mode, basis) in [
        (by_grant(), Mode::Enforcing, grants()),
        (by_grant(), Mode::Permissive, standing(Standing::Permissive)),
        (deny(), Mode::Permissive, standing(Standing::Permissive)),
        (deny(), Mode::Enforcing, None),
        (Verdict::Allow(Allow::BreakGlass), Mode::Enforcing, standing(Standing::BreakGlass)),
        (Verdict::Allow(Allow::BreakGlass), Mode::Permissive, standing(Standing::BreakGlass)),
        (Verdict::Unguarded(Unguarded::Exempt(0)), Mode::Enforcing, standing(Standing::Exempt)),
        (Verdict::Unguarded(Unguarded::Exempt(0)), Mode::Permissive, standing(Standing::Exempt)),
        (Verdict::Unguarded(Unguarded::NotProduction), Mode::Enforcing, None),
        (Verdict::Unguarded(Unguarded::Service), Mode::Enforcing, None),
        (Verdict::Unguarded(Unguarded::Background), Mode::Permissive, None),
    ] {
        let place = Place::new();
        let (opening, sessions) = place.open(&asking("su"), verdict.clone(), mode);
        assert_eq!(opening.decided.verdict, verdict, "{mode:?}");
        let found: Vec<Basis> = sessions.into_iter().map(|session| session.basis).collect();
        assert_eq!(found, Vec::from_iter(basis), "{verdict:?} {mode:?}");
    }
}

#[test]
fn only_a_denied_login_is_handed_to_the_warden() {
    let place = Place::new();
    let deny = || Verdict::Deny(DenyReason::NoGrant);
    let us = process::identify(i32::try_from(std::process::id()).unwrap()).unwrap();
    for (service, uid) in [("sshd", Some(1000)), ("login", Some(1000)), ("sshd", None)] {
        let (opening, _) = place.open(&Question { uid, ..asking(service) }, deny(), Mode::Enforcing);
        let mark = Mark::of(us, Kind::Login, uid.unwrap_or(u32::MAX));
        let expected =
            Word::Denied { mark: Box::new(mark), login: "alice".to_owned(), service: service.to_owned() };
        assert_eq!(opening.after, Some(expected));
    }
    for service in ["su", "sudo"] {
        assert_eq!(place.open(&asking(service), deny(), Mode::Enforcing).0.after, None, "{service}");
    }
    assert_eq!(place.open(&asking("sshd"), deny(), Mode::Permissive).0.after, None);
}

/// Where the session could not be ended again, only whoever has no deadline comes in.
#[test]
fn what_could_not_be_ended_does_not_begin() {
    let glass = || Verdict::Allow(Allow::BreakGlass);
    let endless = |opening: &Opening| {
        let answer = opening.decided.answer();
        assert_eq!((answer.verdict, answer.text), (jit_proto::Verdict::Deny, ""));
        matches!(opening.decided.verdict, Verdict::Deny(DenyReason::Endless(_)))
    };
    // The peer has gone, and its number may be another's.
    let place = Place::new();
    let hung_up = |verdict| {
        let (here, there) = UnixStream::pair().unwrap();
        drop(there);
        open(&asking("sshd"), decided(verdict, Mode::Enforcing), NOW, &place.registry, &here)
    };
    let opening = hung_up(by_grant());
    assert!(endless(&opening) && opening.after.is_none());
    assert_eq!(hung_up(glass()).decided.verdict, glass());
    assert_eq!(on_disk(place.dir.path()), []);
    // No room for more.
    let place = Place::with_room_for(1);
    assert_eq!(place.open(&asking("su"), by_grant(), Mode::Enforcing).0.decided.verdict, by_grant());
    let (opening, _) = place.open(&asking("sshd"), by_grant(), Mode::Enforcing);
    assert!(endless(&opening) && matches!(opening.after, Some(Word::Denied { .. })));
    assert_eq!(place.open(&asking("sshd"), glass(), Mode::Enforcing).0.decided.verdict, glass());
    assert_eq!(on_disk(place.dir.path()).len(), 1);
    // No certain account, which no grant can be for.
    let place = Place::new();
    for question in
        [Question { uid: None, ..asking("sshd") }, Question { subject: "no one", ..asking("sshd") }]
    {
        assert!(endless(&place.open(&question, by_grant(), Mode::Enforcing).0));
        let (opening, _) = place.open(&question, Verdict::Deny(DenyReason::NoAccount), Mode::Permissive);
        assert_eq!(opening.decided.answer().verdict, jit_proto::Verdict::Unguarded);
    }
    assert_eq!(on_disk(place.dir.path()), []);
}

#[test]
fn half_a_farewell_is_none() {
    // A peer that has said all it has to say still waits for its answer.
    let (here, there) = UnixStream::pair().unwrap();
    there.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(identify(&here).is_some());
    drop(there);
    assert_eq!(identify(&here), None);
}

#[test]
fn who_was_let_in_by_a_file_that_waits_to_be_confirmed_is_known() {
    let place = Place::new();
    let (here, _there) = UnixStream::pair().unwrap();
    let file = FileId::of(b"one");
    let open = |verdict: Verdict, unconfirmed| {
        let decided = Decided { unconfirmed, ..decided(verdict, Mode::Enforcing) };
        let before: Vec<_> = place.registry.sessions().into_iter().map(|session| session.id).collect();
        super::open(&asking("sshd"), decided, NOW, &place.registry, &here);
        let new = place.registry.sessions().into_iter().find(|session| !before.contains(&session.id));
        new.map(|session| session.id)
    };
    let confirmed = open(by_grant(), None).unwrap();
    let first = open(by_grant(), Some(file)).unwrap();
    let glass = open(Verdict::Allow(Allow::BreakGlass), Some(file)).unwrap();
    assert_eq!(place.registry.under(&confirmed), None);
    assert_eq!([&first, &glass].map(|id| place.registry.under(id)), [Some(file); 2]);
    assert_eq!(open(Verdict::Deny(DenyReason::NoAccount), Some(file)), None);
    // Another file: who came in by the one before has shown nothing of it.
    let later = open(by_grant(), Some(FileId::of(b"two"))).unwrap();
    assert_eq!(place.registry.under(&first), None);
    assert_eq!(place.registry.under(&later), Some(FileId::of(b"two")));
    // Nor is more kept of those who have gone.
    let next = FileId::of(b"two");
    let last = open(by_grant(), Some(next)).unwrap();
    place.registry.remove(&last);
    let newest = open(by_grant(), Some(next)).unwrap();
    assert_eq!([&later, &last, &newest].map(|id| place.registry.under(id)), [Some(next), None, Some(next)]);
    // Nor does it outlast the daemon, which would know only by hearsay.
    let kept = StateDir::below(place.dir.path()).read(BOOT);
    let (again, _heard) =
        Registry::new(StateDir::below(place.dir.path()), BOOT, (kept.sessions, kept.visitors));
    assert_eq!((again.sessions().len(), again.under(&later)), (5, None));
}
