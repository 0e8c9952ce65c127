//! Questions that did not come in a moment: modules on a busy machine, and whoever connects and says nothing. Many can wait here at a
//! time, each until its deadline.

use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;
use std::time::Duration;

use jit_proto::frame::{HEADER, Kind, MAX_FRAME, needed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Reply;
use crate::desk::Desk;
use crate::sessions::registry::Registry;

/// From here to the last byte of the answer. A module gives up after two seconds.
const DEADLINE: Duration = Duration::from_secs(5);

/// How many wait at a time. Each holds a descriptor, and once the process has no more of them, nobody at all is answered.
pub const AT_ONCE: usize = 512;

/// A connection whose question is not whole yet.
pub struct Late {
    stream: StdStream,
    /// What of the question is there.
    begun: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

/// The way to those who wait.
pub struct Door {
    places: Arc<Semaphore>,
    inside: UnboundedSender<Late>,
}

/// Both ends of the way; it is as long as there are places.
pub fn door() -> (Door, UnboundedReceiver<Late>) {
    let (inside, late) = unbounded_channel();
    (Door { places: Arc::new(Semaphore::new(AT_ONCE)), inside }, late)
}

impl Door {
    /// Lets a connection wait. With no place left it is hung up on, and its module goes by its own rules.
    pub fn let_wait(&self, stream: StdStream, begun: Vec<u8>) {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            // Nobody is inside any more only when the daemon ends.
            let _ = self.inside.send(Late { stream, begun, _place: place });
        }
    }
}

/// Waits for questions and answers them, for ever.
///
/// # Errors
/// Never: it ends when nobody accepts any more.
pub async fn serve(
    mut late: UnboundedReceiver<Late>,
    desk: Arc<Desk>,
    registry: Arc<Registry>,
) -> io::Result<()> {
    while let Some(connection) = late.recv().await {
        let (desk, registry) = (Arc::clone(&desk), Arc::clone(&registry));
        tokio::spawn(async move {
            // A module that went away, or broke off, needs no answer.
            let _ = timeout(DEADLINE, wait(connection, &desk, &registry)).await;
        });
    }
    Ok(())
}

async fn wait(
    Late { stream, begun: mut bytes, _place }: Late,
    desk: &Desk,
    registry: &Registry,
) -> io::Result<()> {
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
    let reply = Reply::to(&bytes, desk, registry, &stream)?;
    // No await from the decision to here, so nothing can be cancelled between registering, answering and writing down.
    let frame = reply.frame.clone();
    let sent = stream.try_write(frame.as_bytes());
    reply.conclude(desk, registry);
    let sent = match sent {
        Ok(sent) => sent,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => return Err(error),
    };
    stream.write_all(frame.as_bytes().get(sent..).unwrap_or(&[])).await
}
