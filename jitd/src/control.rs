//! jitd.sock: what people ask through jitctl, one JSON line each way, on a thread and a runtime of its own. Everybody may ask about
//! himself; root and the local group `jit-admin` about all. Who asks, the kernel says. Every request is bounded in length, time
//! and number, so that whoever asks too much only keeps himself waiting.

use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jit_control::{Answer, MAX_LINE, Request};
use jit_model::name::Login;
use jit_model::text::clock_time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::audit::Event;
use crate::audit::event::{ClockState, Outcome, Text};
use crate::desk::{Desk, Peer};
use crate::limits::{Busy, Class, Limits};
use crate::mode::notice::By;
use crate::pam::is_exhaustion;
use crate::sessions::registry::Registry;

mod confirm;
mod grants;
mod keys;
mod sessions;
mod status;
mod why;

/// From the connection to the last byte of the answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The longest request.
const MAX_REQUEST: usize = 16 << 10;

/// How long a name service may take to say who a uid is.
const NAME_SERVICE: Duration = Duration::from_secs(2);

/// Members may ask about all.
const ADMINS: &str = "jit-admin";

/// What the main thread is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Root said that the wall clock is right, and the clock believes it: to be remembered.
    ClockAccepted,
    /// Root's jitctl has changed the enforcing file: to be written down.
    ModeSet(By),
}

/// What a request is answered with.
struct Counter {
    desk: Arc<Desk>,
    registry: Arc<Registry>,
    orders: mpsc::Sender<Command>,
}

/// Answers for ever.
pub async fn serve(
    listener: StdListener,
    desk: Arc<Desk>,
    registry: Arc<Registry>,
    orders: mpsc::Sender<Command>,
) -> io::Result<()> {
    let counter = Arc::new(Counter { desk, registry, orders });
    let listener = UnixListener::from_std(listener)?;
    let limits = Arc::new(Mutex::new(Limits::default()));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                if is_exhaustion(&error) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                continue;
            }
        };
        let Ok(peer) = peer(&stream) else { continue };
        let class = match peer.uid == 0 || keys::is_asker(&counter.desk, peer.uid) {
            true => Class::Host,
            false => Class::Person,
        };
        let entered =
            limits.lock().unwrap_or_else(PoisonError::into_inner).enter(peer.uid, class, Instant::now());
        match entered {
            Ok(()) => {
                let place = Place { limits: Arc::clone(&limits), uid: peer.uid, class };
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    // Whoever went away, or dawdles, needs no answer.
                    let _ = timeout(DEADLINE, exchange(stream, &counter, peer)).await;
                    drop(place);
                });
            }
            Err(busy) => turn_away(&stream, busy),
        }
    }
}

/// Who is on the other end.
fn peer(stream: &UnixStream) -> io::Result<Peer> {
    Ok(Peer { uid: stream.peer_cred()?.uid() })
}

/// A place among the connections, given back whatever happens.
struct Place {
    limits: Arc<Mutex<Limits>>,
    uid: u32,
    class: Class,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner).leave(self.uid, self.class);
    }
}

/// Says so without waiting, if there is room in the socket, and hangs up.
fn turn_away(stream: &UnixStream, busy: Busy) {
    let text = match busy {
        Busy::TooMany => "you have too many connections to jitd open; close some",
        Busy::TooOften => "you ask jitd too often; wait a moment",
        Busy::Full => "jitd has too many connections open; try again in a moment",
    };
    if let Ok(line) = line(&refused("busy", text)) {
        let _ = stream.try_write(&line);
    }
}

fn refused(code: &str, text: impl Into<String>) -> Answer {
    Answer::Refused { code: code.to_owned(), text: text.into() }
}

fn line(answer: &Answer) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(answer)?;
    if line.len() >= MAX_LINE {
        line = serde_json::to_vec(&refused("too-long", "the answer is too long to send; ask for less"))?;
    }
    line.push(b'\n');
    Ok(line)
}

async fn exchange(mut stream: UnixStream, counter: &Counter, peer: Peer) -> io::Result<()> {
    let answer = match read_line(&mut stream).await? {
        Some(bytes) => match serde_json::from_slice::<Request>(&bytes) {
            Ok(request) => answer(counter, peer, &stream, request).await,
            Err(error) => refused(
                "bad-request",
                format!("not understood: {error}; are jitctl and jitd from the same package?"),
            ),
        },
        None => refused("bad-request", format!("a request is one line of at most {MAX_REQUEST} bytes")),
    };
    stream.write_all(&line(&answer)?).await
}

/// The first line; nothing if there is none within the limit.
async fn read_line(stream: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut room = [0; 1024];
    loop {
        let read = stream.read(&mut room).await?;
        let new = room.get(..read).unwrap_or(&[]);
        if let Some(end) = new.iter().position(|&b| b == b'\n') {
            bytes.extend_from_slice(new.get(..end).unwrap_or(&[]));
            return Ok(Some(bytes));
        }
        bytes.extend_from_slice(new);
        if read == 0 || bytes.len() > MAX_REQUEST {
            return Ok(None);
        }
    }
}

/// Who asks, and what he may know.
struct Caller {
    peer: Peer,
    /// His login, where this host knows one.
    login: Option<Login>,
    reach: Reach,
}

/// About whom somebody may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Himself,
    All,
}

impl Caller {
    async fn of(desk: &Arc<Desk>, peer: Peer) -> Caller {
        let login = match desk.login_of(peer.uid) {
            Some(login) => Some(login),
            // A local account of that name has another uid, and its name does not belong to whoever asks.
            None => from_name_service(peer.uid).await.filter(|login| !desk.is_local(login)),
        };
        let admin = login.as_ref().is_some_and(|login| desk.is_member(login, peer.uid, ADMINS));
        let reach = if peer.uid == 0 || admin { Reach::All } else { Reach::Himself };
        Caller { peer, login, reach }
    }

    fn may_ask_about(&self, login: &Login) -> bool {
        self.reach == Reach::All || self.login.as_ref() == Some(login)
    }
}

/// People who are only in a directory: the one question that is put to NSS, off this thread, and for nothing but to tell
/// somebody about himself.
async fn from_name_service(uid: u32) -> Option<Login> {
    let asked =
        tokio::task::spawn_blocking(move || nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)));
    let user = timeout(NAME_SERVICE, asked).await.ok()?.ok()?.ok()??;
    Login::new(&user.name).ok().filter(|_| user.uid.as_raw() == uid)
}

async fn answer(counter: &Counter, peer: Peer, stream: &UnixStream, request: Request) -> Answer {
    let desk = &counter.desk;
    match request {
        Request::Status {} => {
            let caller = Caller::of(desk, peer).await;
            Answer::Status(status::status(desk, &counter.registry, caller.reach))
        }
        Request::Why { user, service, at } => {
            let caller = Caller::of(desk, peer).await;
            why::why(desk, &caller, &user, service.as_deref(), at)
        }
        Request::Grants { all } => {
            let caller = Caller::of(desk, peer).await;
            grants::grants(desk, &caller, all)
        }
        Request::ClockAccept {} => accept_clock(counter, peer).await,
        Request::RenderEnforcing {} => match Caller::of(desk, peer).await.reach {
            Reach::All => Answer::Enforcing { text: crate::mode::render(desk.view().snapshot.policy()) },
            Reach::Himself => refused("not-permitted", "only root and the group jit-admin may ask this"),
        },
        Request::Confirm {} => confirm::confirm(desk, &counter.registry, peer, stream).await,
        Request::ModeSet {} => mode_set(counter, peer, stream).await,
        Request::AuthorizedKeys { user } => {
            let caller = Caller::of(desk, peer).await;
            keys::authorized_keys(desk, &caller, &user)
        }
        Request::Sessions {} => {
            let caller = Caller::of(desk, peer).await;
            sessions::sessions(desk, &counter.registry, &caller)
        }
        Request::Terminate { id, reason } => {
            let caller = Caller::of(desk, peer).await;
            sessions::terminate(desk, &counter.registry, &caller, &id, &reason)
        }
    }
}

/// Who told of it is in the audit before the answer is on its way; what has changed, the main thread sees for itself.
async fn mode_set(counter: &Counter, peer: Peer, stream: &UnixStream) -> Answer {
    if peer.uid != 0 {
        return refused("not-permitted", "only root sets the mode");
    }
    let by = confirm::who(&counter.registry, peer, stream).await;
    // Gone only when the daemon ends.
    let _ = counter.orders.send(Command::ModeSet(by)).await;
    Answer::Done { text: "noted".to_owned() }
}

async fn accept_clock(counter: &Counter, peer: Peer) -> Answer {
    // Not written down: whoever is refused here could fill the audit with it.
    if peer.uid != 0 {
        return refused("not-permitted", "only root can say that the clock is right");
    }
    let scribe = counter.desk.scribe();
    let before = counter.desk.clock().now();
    let after = counter.desk.clock().accept();
    let (was, is) = (clock_time(before.settled), clock_time(after.settled));
    let text = format!("the wall clock is believed: it is {is}; before, it was {was} for this host");
    let request = Text::from("clock-accept");
    scribe.note(Event::Control { uid: peer.uid, request, outcome: Outcome::Done, text: Text::from(&text) });
    scribe.note(Event::Clock { state: ClockState::Accepted, seconds: None, text: Text::from(&text) });
    // Gone only when the daemon ends.
    let _ = counter.orders.send(Command::ClockAccepted).await;
    Answer::Done { text }
}
