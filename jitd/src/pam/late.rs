//! Questions that did not come in a moment: modules on a busy machine, and whoever connects and says nothing. Many can wait here at a
//! time, each until its deadline.

use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;
use std::time::Duration;

use jit_proto::frame::{HEADER, Kind, MAX_FRAME, needed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::Reply;
use crate::desk::Desk;

/// From here to the last byte of the answer. A module gives up after two seconds.
const DEADLINE: Duration = Duration::from_secs(5);

/// How many wait at a time.
pub const AT_ONCE: usize = 512;

/// How many more are kept until one of those is over. Few: each holds a descriptor, and once the process has no more of them,
/// nobody at all is answered.
pub const QUEUED: usize = 16;

/// A connection whose question is not whole yet.
pub struct Late {
    /// The connection.
    pub stream: StdStream,
    /// What of the question is there.
    pub begun: Vec<u8>,
}

/// Waits for questions and answers them, for ever.
///
/// # Errors
/// Never: it ends when nobody accepts any more.
pub async fn serve(mut late: mpsc::Receiver<Late>, desk: Arc<Desk>) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(connection) = late.recv().await {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            // A module that went away, or broke off, needs no answer.
            let _ = timeout(DEADLINE, wait(connection, &desk)).await;
            drop(place);
        });
    }
    Ok(())
}

async fn wait(Late { stream, begun: mut bytes }: Late, desk: &Desk) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let mut stream = UnixStream::from_std(stream)?;
    let mut whole = HEADER.max(bytes.len() + 1);
    while bytes.len() < whole {
        // `whole` is never more than MAX_FRAME, so this is bounded; what is too much is refused by the decoder.
        bytes.reserve(MAX_FRAME);
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        whole = needed(Kind::Question, &bytes).map_err(io::Error::other)?;
    }
    let reply = Reply::to(&bytes, desk)?;
    // No await between these two, so nothing can be cancelled between them.
    let sent = stream.try_write(reply.frame.as_bytes());
    reply.write_down(desk);
    let sent = match sent {
        Ok(sent) => sent,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => return Err(error),
    };
    stream.write_all(reply.frame.as_bytes().get(sent..).unwrap_or(&[])).await
}
