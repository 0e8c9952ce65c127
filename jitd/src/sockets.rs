//! The two sockets: taken from systemd when it holds them, so that a restart loses no login; otherwise bound here. A socket
//! never comes to its place before it has its permissions. One that systemd made in another place, or with other permissions, is
//! taken all the same, since a daemon that does not start answers nobody, and is reported for as long as it is used. The only file
//! of this crate that uses unsafe code.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::sys::socket::{AddressFamily, SockType, SockaddrLike, UnixAddr, getsockname, getsockopt, sockopt};
use std::os::fd::AsRawFd;

/// What pam_jit asks.
pub const PAM: &str = "pam.sock";
/// What jitctl asks.
pub const CONTROL: &str = "jitd.sock";

/// Who may connect: root, for nobody else has a login to ask about.
const PAM_MODE: u32 = 0o600;
/// Everybody may ask about himself.
const CONTROL_MODE: u32 = 0o666;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// systemd's words make no sense.
    #[error("the sockets that systemd hands over cannot be understood: {0}")]
    Handover(io::Error),
    /// It is something else than it should be.
    #[error(
        "{name}, handed over by systemd, is not a listening Unix stream socket: check the [Socket] section of its unit"
    )]
    NotListening {
        /// Its name.
        name: String,
    },
    /// The name means nothing here.
    #[error("systemd hands over a socket named {0:?}: set FileDescriptorName= to pam.sock or jitd.sock")]
    Unknown(String),
    /// The operating system refused.
    #[error("{path} cannot be {step}: {error}", path = .path.display())]
    Io {
        /// Which socket.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// Something else is in its place.
    #[error("{path} is there and no socket: move it away", path = .0.display())]
    InTheWay(PathBuf),
}

/// Both, ready to accept.
#[derive(Debug)]
pub struct Sockets {
    /// For modules; root only.
    pub pam: UnixListener,
    /// For everybody.
    pub control: UnixListener,
    /// What is wrong with those that systemd made; a sentence each.
    pub concerns: Vec<String>,
}

/// What systemd held for us.
#[derive(Debug, Default)]
pub struct HandedOver {
    pam: Option<UnixListener>,
    control: Option<UnixListener>,
}

/// Takes what systemd holds. To be called once, first of all: before any thread is started, and before anything else opens a
/// descriptor that it keeps.
///
/// # Errors
/// When one of them is not what it should be.
pub fn handed_over() -> Result<HandedOver, SocketError> {
    let mut all = HandedOver::default();
    for (fd, name) in sd_notify::listen_fds_with_names().map_err(SocketError::Handover)? {
        let place = match name.as_str() {
            PAM => &mut all.pam,
            CONTROL => &mut all.control,
            _ => return Err(SocketError::Unknown(name)),
        };
        *place = Some(take(fd, name)?);
    }
    Ok(all)
}

impl HandedOver {
    /// Whether a service manager started us for what modules ask.
    pub fn by_manager(&self) -> bool {
        self.pam.is_some()
    }

    /// Binds what is missing below `runtime_dir`.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn complete(self, runtime_dir: &Path) -> Result<Sockets, SocketError> {
        let mut concerns = Vec::new();
        let mut place = |given: Option<UnixListener>, name, mode| {
            let path = runtime_dir.join(name);
            match given {
                Some(listener) => {
                    concerns.extend(concern(&listener, &path, mode));
                    Ok(listener)
                }
                None => bind(&path, mode),
            }
        };
        let (pam, control) = (place(self.pam, PAM, PAM_MODE)?, place(self.control, CONTROL, CONTROL_MODE)?);
        Ok(Sockets { pam, control, concerns })
    }
}

/// What is wrong with a socket that somebody else made, if anything is.
fn concern(listener: &UnixListener, wanted: &Path, mode: u32) -> Option<String> {
    let wrong = |what: String| {
        let path = wanted.display();
        Some(format!("the socket {path}, as systemd holds it, {what}; see `systemctl cat '*.socket'`"))
    };
    let bound = listener.local_addr().ok();
    match bound.as_ref().and_then(|address| address.as_pathname()) {
        Some(path) if path == wanted => {}
        Some(path) => return wrong(format!("lies at {}, where nobody looks for it", path.display())),
        None => return wrong("has no path, so nobody finds it".to_owned()),
    }
    match std::fs::symlink_metadata(wanted) {
        Err(error) => wrong(format!("cannot be seen in its place ({error}), so nobody finds it")),
        Ok(meta) if meta.uid() != 0 => wrong(format!("belongs to uid {} and not to root", meta.uid())),
        Ok(meta) if meta.mode() & 0o7777 != mode => {
            wrong(format!("has the mode {:04o} and not {mode:04o}", meta.mode() & 0o7777))
        }
        Ok(_) => None,
    }
}

fn take(raw: RawFd, name: String) -> Result<UnixListener, SocketError> {
    // SAFETY: sd_listen_fds(3) gives this process the descriptors from 3 on, as many as LISTEN_FDS says when LISTEN_PID is
    // ours; listen_fds_with_names has checked both, and marked each with FD_CLOEXEC, which fails on one that is not open. They
    // are handed over once (this runs once, first of all), so nothing else in this process owns this number.
    let fd = unsafe { OwnedFd::from_raw_fd(raw) };
    let listening = getsockopt(&fd, sockopt::AcceptConn) == Ok(true);
    let stream = getsockopt(&fd, sockopt::SockType) == Ok(SockType::Stream);
    let unix =
        getsockname::<UnixAddr>(fd.as_raw_fd()).is_ok_and(|at| at.family() == Some(AddressFamily::Unix));
    if !(listening && stream && unix) {
        return Err(SocketError::NotListening { name });
    }
    let listener = UnixListener::from(fd);
    listener.set_nonblocking(true).map_err(SocketError::Handover)?;
    Ok(listener)
}

fn bind(path: &Path, mode: u32) -> Result<UnixListener, SocketError> {
    let io_error = |step| move |error| SocketError::Io { path: path.to_owned(), step, error };
    match std::fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => return Err(SocketError::InTheWay(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error("examined")(error)),
    }
    // Under another name first: nobody may connect before the permissions are right, and nobody finds the place empty.
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    match std::fs::remove_file(&new) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error("made anew")(error)),
    }
    let listener = UnixListener::bind(&new).map_err(io_error("bound"))?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(mode))
        .map_err(io_error("given its permissions"))?;
    std::fs::rename(&new, path).map_err(io_error("put in its place"))?;
    listener.set_nonblocking(true).map_err(io_error("set up"))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_made_otherwise_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (dir.path().join(PAM), dir.path().join("elsewhere"));
        let bound = |path: &Path, mode| {
            let listener = UnixListener::bind(path).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            listener
        };
        let said = |listener: UnixListener| {
            let pam = Some(listener);
            HandedOver { pam, control: None }.complete(dir.path()).unwrap().concerns.join("\n")
        };
        let wide = said(bound(&path, 0o666));
        let whose = nix::unistd::geteuid();
        let expected = if whose.is_root() {
            "has the mode 0666 and not 0600".to_owned()
        } else {
            format!("belongs to uid {whose}")
        };
        assert!(wide.contains(&expected), "{wide}");
        std::fs::remove_file(&path).unwrap();
        let right = said(bound(&path, 0o600));
        assert_eq!(right.is_empty(), whose.is_root(), "{right}");
        let moved = said(bound(&elsewhere, 0o600));
        assert!(moved.contains(&format!("lies at {}", elsewhere.display())), "{moved}");
        std::fs::remove_file(&path).unwrap();
        let listener = bound(&path, 0o600);
        std::fs::remove_file(&path).unwrap();
        assert!(said(listener).contains("cannot be seen in its place"));
        // What is bound here is as it should be.
        let bound = HandedOver::default().complete(dir.path()).unwrap();
        assert!(bound.concerns.is_empty(), "{:?}", bound.concerns);
    }
}
