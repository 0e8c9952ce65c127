//! pam.sock: one question and one answer per connection, on a thread and a runtime of its own, so that nothing else in the daemon
//! can hold up a login. Every connection has a deadline and a bounded frame; whoever talks nonsense is hung up on, and the
//! module then goes by its own rules.

use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use jit_proto::frame::{Frame, HEADER, Kind, MAX_FRAME, needed};
use jit_proto::{Answer, Question, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::desk::{Desk, Peer, decides};

/// From the connection to the last byte of the answer. A module gives up after two seconds.
const DEADLINE: Duration = Duration::from_secs(5);

/// How many connections are served at a time; more wait in the socket's backlog.
const AT_ONCE: usize = 512;

/// Answers for ever.
pub async fn serve(listener: StdListener, desk: Arc<Desk>) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            // A module that went away, or broke off, needs no answer.
            let _ = timeout(DEADLINE, exchange(stream, &desk)).await;
            drop(place);
        });
    }
}

/// Out of descriptors or memory, accept(2) fails at once and for ever; anything else is about one connection.
pub(crate) async fn pause_after(error: &io::Error) {
    if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn exchange(mut stream: UnixStream, desk: &Desk) -> io::Result<()> {
    let mut room = [0; MAX_FRAME];
    let bytes = read_frame(&mut stream, &mut room).await?;
    let question = Question::decode(bytes).map_err(io::Error::other)?;
    let peer = peer(&stream)?;
    let frame = answer(desk, &question, peer)?;
    stream.write_all(frame.as_bytes()).await
}

async fn read_frame<'r>(stream: &mut UnixStream, room: &'r mut [u8; MAX_FRAME]) -> io::Result<&'r [u8]> {
    let mut have = 0;
    let mut want = HEADER;
    while have < want {
        let rest = room.get_mut(have..).unwrap_or(&mut []);
        match stream.read(rest).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => have += n,
        }
        want = needed(Kind::Question, room.get(..have).unwrap_or(&[])).map_err(io::Error::other)?;
    }
    // More than a frame is refused by the decoder.
    Ok(room.get(..have).unwrap_or(&[]))
}

fn answer(desk: &Desk, question: &Question<'_>, peer: Peer) -> io::Result<Frame> {
    if !decides(question.phase) {
        let nothing = Answer { verdict: Verdict::Unguarded, until: None, text: "" };
        return nothing.encode().map_err(io::Error::other);
    }
    let _ = peer;
    let decided = desk.decide(question);
    decided.answer().encode().map_err(io::Error::other)
}

/// Who is on the other end.
pub(crate) fn peer(stream: &UnixStream) -> io::Result<Peer> {
    let credentials = stream.peer_cred()?;
    Ok(Peer { pid: credentials.pid().unwrap_or(0), uid: credentials.uid() })
}
