//! Daemons that answer as they should, and daemons that do not.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use jit_proto::frame::{Kind, MAX_FRAME, needed};
use jit_proto::{Answer, Verdict};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::trouble::{Result, Trouble};

/// How a daemon treats a connection.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Answers at once.
    Answers(Verdict, String),
    /// Sends these bytes, then closes.
    Sends(Vec<u8>),
    /// Sends these bytes, then nothing more, and does not close.
    SendsAndHangs(Vec<u8>),
    /// Sends these bytes one at a time, so far apart, then closes.
    Drips(Vec<u8>, Duration),
    /// Sends this over and over until the other side has gone.
    SendsWithoutEnd(Vec<u8>),
    /// Closes without reading.
    Closes,
}

/// A daemon in a thread of its own. It ends with the test.
#[derive(Debug)]
pub struct Fake {
    questions: Receiver<Vec<u8>>,
}

impl Fake {
    /// Starts one.
    ///
    /// # Errors
    /// When the socket cannot be bound.
    pub fn start(socket: &Path, manner: Manner) -> Result<Fake> {
        let listener = UnixListener::bind(socket).map_err(|e| Trouble::io(socket, e))?;
        let (sender, questions) = channel();
        thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming().flatten() {
                kept.extend(treat(stream, &manner, &sender));
            }
        });
        Ok(Fake { questions })
    }

    /// The frames of the questions that came, in order.
    pub fn questions(&self) -> Vec<Vec<u8>> {
        self.questions.try_iter().collect()
    }
}

/// Returns the connection if it is to stay open.
fn treat(mut stream: UnixStream, manner: &Manner, questions: &Sender<Vec<u8>>) -> Option<UnixStream> {
    if matches!(manner, Manner::Closes) {
        return None;
    }
    let question = read_question(&mut stream)?;
    // Nobody listens any more when the test is over.
    let _ = questions.send(question);
    let sent = match manner {
        Manner::Answers(verdict, text) => {
            let answer = Answer { verdict: *verdict, until: None, text }.encode().ok()?;
            stream.write_all(answer.as_bytes())
        }
        Manner::Sends(bytes) => stream.write_all(bytes),
        Manner::SendsAndHangs(bytes) => {
            return stream.write_all(bytes).is_ok().then_some(stream);
        }
        Manner::Drips(bytes, apart) => bytes.iter().try_for_each(|byte| {
            thread::sleep(*apart);
            stream.write_all(&[*byte])
        }),
        Manner::SendsWithoutEnd(bytes) => {
            while stream.write_all(bytes).is_ok() {}
            Ok(())
        }
        Manner::Closes => Ok(()),
    };
    drop(sent);
    None
}

fn read_question(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut frame = Vec::with_capacity(MAX_FRAME);
    loop {
        let whole = needed(Kind::Question, &frame).ok()?;
        let missing = whole.checked_sub(frame.len())?;
        if missing == 0 && frame.len() > jit_proto::frame::HEADER {
            return Some(frame);
        }
        let mut piece = vec![0; missing];
        stream.read_exact(&mut piece).ok()?;
        frame.extend(piece);
    }
}

/// A socket with room for nobody: bound, listening, its backlog full, nothing accepted. Whoever holds this keeps it so.
#[derive(Debug)]
pub struct Full {
    listener: UnixListener,
    waiting: Vec<OwnedFd>,
}

impl Full {
    /// Makes one.
    ///
    /// # Errors
    /// When a system call fails in another way than "full".
    pub fn start(socket: &Path) -> Result<Full> {
        let bad = |e: rustix::io::Errno| Trouble::io(socket, e.into());
        let address = SocketAddrUnix::new(socket).map_err(bad)?;
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let make =
            || rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(bad);
        let listener = make()?;
        rustix::net::bind(&listener, &address).map_err(bad)?;
        rustix::net::listen(&listener, 0).map_err(bad)?;
        let listener = UnixListener::from(listener);
        let mut waiting = Vec::new();
        loop {
            let client = make()?;
            match rustix::net::connect(&client, &address) {
                Ok(()) => waiting.push(client),
                Err(rustix::io::Errno::AGAIN) => return Ok(Full { listener, waiting }),
                Err(e) => return Err(bad(e)),
            }
        }
    }

    /// After a while accepts and answers whoever comes, so that there is room again.
    ///
    /// # Errors
    /// When the listener cannot be made to wait.
    pub fn relent(self, after: Duration, manner: Manner) -> Result<()> {
        self.listener.set_nonblocking(false).map_err(|e| Trouble::new(e.to_string()))?;
        thread::spawn(move || {
            thread::sleep(after);
            let (sender, _) = channel();
            drop(self.waiting);
            for stream in self.listener.incoming().flatten() {
                treat(stream, &manner, &sender);
            }
        });
        Ok(())
    }
}
