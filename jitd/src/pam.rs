//! pam.sock: one question and one answer per connection, on a thread and a runtime of its own, so that nothing else in the daemon
//! can hold up a login. Every connection has a deadline and a bounded frame; whoever talks nonsense is hung up on, and the
//! module then goes by its own rules.

use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use jit_proto::frame::{HEADER, Kind, MAX_FRAME, needed};
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
    if !decides(question.phase) {
        let nothing = Answer { verdict: Verdict::Unguarded, until: None, text: "" };
        return stream.write_all(nothing.encode().map_err(io::Error::other)?.as_bytes()).await;
    }
    let decided = desk.decide(&question);
    let frame = decided.answer().encode().map_err(io::Error::other)?;
    // From here to the audit nothing waits and nothing can be cancelled, so whoever has an answer is in the audit. The
    // person does not wait for the audit, unless it does not keep up: then the next one does.
    let sent = stream.try_write(frame.as_bytes());
    desk.write_down(&question, &decided);
    let rest = match sent {
        Ok(sent) => sent,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => return Err(error),
    };
    stream.write_all(frame.as_bytes().get(rest..).unwrap_or(&[])).await
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

/// Who is on the other end.
pub(crate) fn peer(stream: &UnixStream) -> io::Result<Peer> {
    let credentials = stream.peer_cred()?;
    Ok(Peer { pid: credentials.pid().unwrap_or(0), uid: credentials.uid() })
}
