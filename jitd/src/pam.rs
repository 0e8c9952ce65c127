//! pam.sock: one question and one answer per connection, on threads of its own, so that nothing else in the daemon can hold up a
//! login. Every connection has a deadline and a bounded frame; whoever talks nonsense is hung up on, and the module then goes
//! by its own rules.
//!
//! A module connects and sends at once. So one thread just accepts, reads, answers and closes, without a runtime: that is the
//! shortest way there is. It never waits for anybody longer than [`MOMENT`]; a connection whose question takes longer goes to
//! [`late`], where many can wait at a time. The beginning of a session takes longer than any other question: who asks is looked
//! up and written down before the answer is sent ([`opening`]).

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use jit_proto::frame::{Frame, Kind, MAX_FRAME, needed};
use jit_proto::{Answer, Phase, Question, Verdict};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{MsgFlags, getsockopt, recv, send, setsockopt, sockopt};
use nix::sys::time::TimeVal;
use nix::unistd::geteuid;

use crate::desk::{Decided, Desk};
use crate::pulse::Pulse;
use crate::sessions::registry::{Registry, Word};

pub mod late;
mod opening;

use late::Door;

/// How long the accepting thread waits for a question, in milliseconds: on one CPU a module may need its turn to send it.
const MOMENT: u8 = 1;

/// How long the accepting thread sleeps at most, so that its pulse goes on.
const SLEEP: i64 = 1;

/// Answers for ever; what takes longer goes to `waiting`.
///
/// # Errors
/// When the listening socket is of no use.
pub fn serve(
    listener: &UnixListener,
    desk: &Desk,
    registry: &Registry,
    waiting: &Door,
    pulse: &Pulse,
) -> io::Result<()> {
    listener.set_nonblocking(false)?;
    setsockopt(listener, sockopt::ReceiveTimeout, &TimeVal::new(SLEEP, 0))?;
    let mut room = [0; MAX_FRAME];
    loop {
        pulse.count();
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                if is_exhaustion(&error) {
                    std::thread::sleep(Duration::from_millis(10));
                }
                continue;
            }
        };
        if !is_roots(&stream) {
            continue;
        }
        // Should a question ever make us panic, it costs that one connection, and not the daemon.
        let begun = catch_unwind(AssertUnwindSafe(|| at_once(&stream, &mut room, desk, registry)));
        if let Ok(Begun::Waits(have)) = begun {
            waiting.let_wait(stream, room.get(..have).unwrap_or(&[]).to_vec());
        }
    }
}

/// Out of descriptors or memory, accept(2) fails at once and for ever; anything else is about one connection.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// The socket's permissions let only root connect. Should somebody have loosened them, nobody else gets an answer here either;
/// the daemon's own user is for tests without root.
fn is_roots(stream: &UnixStream) -> bool {
    getsockopt(stream, sockopt::PeerCredentials)
        .is_ok_and(|peer| peer.uid() == 0 || peer.uid() == geteuid().as_raw())
}

/// How far a connection came in a moment.
enum Begun {
    /// It is over, one way or the other.
    Done,
    /// So many bytes of the question are there.
    Waits(usize),
}

/// Reads the question and answers it, if it is there, or will be in a moment.
fn at_once(stream: &UnixStream, room: &mut [u8; MAX_FRAME], desk: &Desk, registry: &Registry) -> Begun {
    let mut read = recv(stream.as_raw_fd(), room, MsgFlags::MSG_DONTWAIT);
    if read == Err(Errno::EAGAIN) {
        let mut there = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut there, MOMENT);
        read = recv(stream.as_raw_fd(), room, MsgFlags::MSG_DONTWAIT);
    }
    let have = match read {
        Err(Errno::EAGAIN | Errno::EINTR) => return Begun::Waits(0),
        Ok(0) | Err(_) => return Begun::Done,
        Ok(have) => have,
    };
    let bytes = room.get(..have).unwrap_or(&[]);
    match needed(Kind::Question, bytes) {
        Ok(whole) if have < whole => return Begun::Waits(have),
        Ok(_) => {}
        Err(_) => return Begun::Done,
    }
    let Ok(reply) = Reply::to(bytes, desk, registry, stream) else { return Begun::Done };
    // The send buffer of a fresh socket holds many answers: all of it is sent, or nobody is there any more.
    let _ = send(stream.as_raw_fd(), reply.frame.as_bytes(), MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL);
    reply.conclude(desk, registry);
    Begun::Done
}

/// An answer, and what follows from it.
struct Reply<'q> {
    frame: Frame,
    question: Question<'q>,
    decided: Option<Decided>,
    after: Option<Word>,
}

impl<'q> Reply<'q> {
    /// Decides a question.
    fn to(
        bytes: &'q [u8],
        desk: &Desk,
        registry: &Registry,
        connection: &impl AsFd,
    ) -> io::Result<Reply<'q>> {
        // More than one frame is refused here.
        let question = Question::decode(bytes).map_err(io::Error::other)?;
        let (decided, after) = match question.phase {
            Phase::Account | Phase::Auth => (Some(desk.decide(&question)), None),
            Phase::Open => {
                let (decided, now) = (desk.decide(&question), desk.clock().now().settled);
                let opening = opening::open(&question, decided, now, registry, connection);
                (Some(opening.decided), opening.after)
            }
            // Nothing to decide: it ends.
            Phase::Close => {
                opening::close(&question, registry, connection);
                (None, None)
            }
        };
        let nothing = Answer { verdict: Verdict::Unguarded, until: None, text: "" };
        let answer = decided.as_ref().map_or(nothing, Decided::answer);
        let frame = answer.encode().map_err(io::Error::other)?;
        Ok(Reply { frame, question, decided, after })
    }

    /// To be called at once after the answer was sent: then nobody has an answer that is not in the audit, and nobody waits for
    /// the audit, unless it does not keep up; then the next one does. What the warden is told may end the one who asked, so he
    /// has his answer before.
    fn conclude(self, desk: &Desk, registry: &Registry) {
        if let Some(decided) = &self.decided {
            desk.write_down(&self.question, decided);
        }
        if let Some(word) = self.after {
            registry.tell(word);
        }
    }
}
