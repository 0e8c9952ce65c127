//! The asking side: one connection, one line each way, one deadline for the whole exchange. Blocking, so that jitctl needs
//! no runtime. Never reads more than [`MAX_LINE`] and never waits longer than it was told, whatever the other side does.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::{Answer, MAX_LINE, Request};

/// How long a whole exchange may take unless told otherwise. The daemon answers in microseconds; a list of many thousand
/// grants takes longer.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error("jitd does not answer at {path}: {why}")]
    Absent {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// It listens, but the deadline passed.
    #[error("jitd at {path} did not answer within {}s", .waited.as_secs_f32())]
    Silent {
        /// The socket.
        path: PathBuf,
        /// How long it was given.
        waited: Duration,
    },
    /// The connection broke, or ended before the answer did.
    #[error("jitd at {path} hung up before its answer was whole: {why}")]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The answer is longer than [`MAX_LINE`].
    #[error("the answer of jitd at {0} is longer than {mib} MiB and was not read", mib = MAX_LINE >> 20)]
    TooLong(PathBuf),
    /// The answer is no answer.
    #[error(
        "what listens at {path} is no jitd of this version: {why}; are jitctl and jitd from the same package?"
    )]
    Nonsense {
        /// The socket.
        path: PathBuf,
        /// Where the JSON went wrong.
        why: serde_json::Error,
    },
    /// The request does not fit into a line.
    #[error("the request is too long to send")]
    Unsendable,
}

/// Asks one daemon, a new connection for each question.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    patience: Duration,
}

impl Client {
    /// A client of the daemon that listens at `socket`. Does not connect yet.
    pub fn new(socket: impl Into<PathBuf>, patience: Duration) -> Client {
        Client { socket: socket.into(), patience }
    }

    /// Where the daemon is expected to listen.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks and waits for the answer, at most as long as the client is patient.
    ///
    /// # Errors
    /// When nobody answers in time, or what comes is no answer. A [`Answer::Refused`] is an answer.
    pub fn ask(&self, request: &Request) -> Result<Answer, AskError> {
        let line = self.exchange(request)?;
        serde_json::from_slice(&line).map_err(|why| AskError::Nonsense { path: self.socket.clone(), why })
    }

    fn exchange(&self, request: &Request) -> Result<Vec<u8>, AskError> {
        let deadline = Instant::now() + self.patience;
        let mut out = serde_json::to_vec(request).map_err(|_| AskError::Unsendable)?;
        out.push(b'\n');
        if out.len() > MAX_LINE {
            return Err(AskError::Unsendable);
        }
        let mut stream = self.connect(deadline)?;
        let mut rest = out.as_slice();
        while !rest.is_empty() {
            stream.set_write_timeout(Some(self.left(deadline)?)).map_err(|why| self.broken(why))?;
            match stream.write(rest) {
                Ok(0) => return Err(self.broken(io::ErrorKind::WriteZero.into())),
                Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                Err(e) if passing(&e) => {}
                // A busy daemon may answer and hang up without reading: its answer is still there to be read.
                Err(e) if hung_up(&e) => break,
                Err(e) => return Err(self.broken(e)),
            }
        }
        let mut line = Vec::new();
        let mut chunk = [0; 16 << 10];
        loop {
            stream.set_read_timeout(Some(self.left(deadline)?)).map_err(|why| self.broken(why))?;
            let got = match stream.read(&mut chunk) {
                Ok(0) => return Err(self.broken(io::ErrorKind::UnexpectedEof.into())),
                Ok(n) => chunk.get(..n).unwrap_or_default(),
                Err(e) if passing(&e) => continue,
                Err(e) => return Err(self.broken(e)),
            };
            let end = got.iter().position(|b| *b == b'\n');
            line.extend_from_slice(got.get(..end.unwrap_or(got.len())).unwrap_or_default());
            if line.len() > MAX_LINE {
                return Err(AskError::TooLong(self.socket.clone()));
            }
            if end.is_some() {
                return Ok(line);
            }
        }
    }

    /// A blocking connect to a Unix socket whose backlog is full waits for the send timeout (unix(7)); std cannot set one
    /// before it connects, hence socket2.
    fn connect(&self, deadline: Instant) -> Result<UnixStream, AskError> {
        let absent = |why| AskError::Absent { path: self.socket.clone(), why };
        let address = SockAddr::unix(&self.socket).map_err(absent)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(absent)?;
        loop {
            socket.set_write_timeout(Some(self.left(deadline)?)).map_err(absent)?;
            match socket.connect(&address) {
                Ok(()) => return Ok(UnixStream::from(OwnedFd::from(socket))),
                Err(e) if passing(&e) => {}
                Err(e) => return Err(absent(e)),
            }
        }
    }

    /// What is left of the deadline; never zero, which the system would take for "for ever".
    fn left(&self, deadline: Instant) -> Result<Duration, AskError> {
        match deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(AskError::Silent { path: self.socket.clone(), waited: self.patience }),
            left => Ok(left.max(Duration::from_millis(1))),
        }
    }

    fn broken(&self, why: io::Error) -> AskError {
        AskError::Broken { path: self.socket.clone(), why }
    }
}

/// Whether to look at the clock and try again.
fn passing(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// Whether the other side has closed; what it sent before that can still be read.
fn hung_up(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
