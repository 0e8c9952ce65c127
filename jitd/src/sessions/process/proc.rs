//! The files themselves: opened below one descriptor of /proc, read at once into one buffer.

use std::io;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use nix::unistd::read;

use super::{AuditMark, Process, ProcessId, Run, Uids, parse};

/// What is enough for every file but the status of somebody in very many groups.
const USUAL: usize = 8 << 10;
/// Where reading stops: 65,536 groups of ten digits fit.
const MOST: usize = 1 << 20;

/// /proc, and where its files are read to.
pub(crate) struct Proc {
    root: OwnedFd,
    buffer: Vec<u8>,
}

impl Proc {
    /// The one of this host.
    ///
    /// # Errors
    /// When it is not there.
    pub(crate) fn open() -> io::Result<Proc> {
        let root = open("/proc", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Proc { root, buffer: vec![0; USUAL] })
    }

    /// Every process that can be seen.
    ///
    /// # Errors
    /// As in [`Proc::process`], or when /proc cannot be listed.
    pub(crate) fn processes(mut self) -> io::Result<Vec<Process>> {
        let mut all = Vec::with_capacity(512);
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            all.extend(self.process(pid)?);
        }
        Ok(all)
    }

    /// One process; none if it is gone or hidden.
    ///
    /// # Errors
    /// When the daemon cannot read although it could be there.
    pub(crate) fn process(&mut self, pid: i32) -> io::Result<Option<Process>> {
        let Some(stat) = self.file(pid, "stat")?.and_then(parse::stat) else { return Ok(None) };
        let mut process = Process {
            id: stat.id,
            name: stat.name,
            run: stat.run,
            parent: stat.parent,
            group: stat.group,
            session: stat.session,
            terminal: stat.terminal,
            uids: Uids { real: 0, effective: 0, saved: 0, fs: 0 },
            audit: None,
            cgroup: String::new(),
            kernel: stat.kernel,
            nested: false,
        };
        if stat.headless {
            process.run = self.threads(pid)?;
        }
        if process.kernel {
            return Ok(Some(process));
        }
        process.audit = self.audit(pid)?;
        process.cgroup = self.cgroup(pid)?;
        // Read last, as it is always there: without it the process went away, and so may have what was read before.
        let Some(status) = self.file(pid, "status")?.and_then(parse::status) else { return Ok(None) };
        (process.uids, process.nested) = (status.uids, status.nested);
        Ok((status.of == pid).then_some(process))
    }

    /// Whether the threads of a process run whose first one has ended.
    fn threads(&mut self, pid: i32) -> io::Result<Run> {
        let mut run = None;
        // It may be gone by now, or have no threads left: the next look will show it as a zombie.
        for entry in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let Some(tid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
                continue;
            };
            match self.file(pid, &format!("task/{tid}/stat"))?.and_then(parse::stat).map(|stat| stat.run) {
                Some(Run::Running) if tid != pid => return Ok(Run::Running),
                Some(Run::Stopped) => run = Some(Run::Stopped),
                _ => {}
            }
        }
        Ok(run.unwrap_or(Run::Running))
    }

    /// Which process this is; none if it is gone or hidden.
    ///
    /// # Errors
    /// As in [`Proc::process`].
    pub(crate) fn identify(&mut self, pid: i32) -> io::Result<Option<ProcessId>> {
        Ok(self.file(pid, "stat")?.and_then(parse::stat).map(|stat| stat.id))
    }

    /// The parent of a process; none if it is gone or hidden.
    ///
    /// # Errors
    /// As in [`Proc::process`].
    pub(crate) fn parent(&mut self, pid: i32) -> io::Result<Option<i32>> {
        Ok(self.file(pid, "stat")?.and_then(parse::stat).map(|stat| stat.parent))
    }

    /// The login of a process; none without one, and in a kernel that does not keep it.
    ///
    /// # Errors
    /// As in [`Proc::process`].
    pub(crate) fn audit(&mut self, pid: i32) -> io::Result<Option<AuditMark>> {
        // In this order: most processes have neither, and then one look is enough.
        let Some(session) = self.file(pid, "sessionid")?.and_then(parse::mark) else { return Ok(None) };
        let login_uid = self.file(pid, "loginuid")?.and_then(parse::mark);
        Ok(login_uid.map(|login_uid| AuditMark { login_uid, session }))
    }

    /// The cgroup of a process, as in [`Process::cgroup`].
    ///
    /// # Errors
    /// As in [`Proc::process`].
    pub(crate) fn cgroup(&mut self, pid: i32) -> io::Result<String> {
        told(self.file(pid, "cgroup").map(|file| file.map(parse::cgroup)))
    }

    /// A whole file; none if it, or its process, is not there for us.
    fn file(&mut self, pid: i32, name: &str) -> io::Result<Option<&[u8]>> {
        let path = format!("{pid}/{name}");
        let file = loop {
            match openat(&self.root, path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) {
                Ok(file) => break file,
                Err(Errno::EINTR) => {}
                Err(errno) => return not_there(errno),
            }
        };
        let mut filled = 0;
        loop {
            let space = self.buffer.get_mut(filled..).unwrap_or_default();
            match read(&file, space) {
                // The kernel gives the whole of such a file if there is room, so that less than that is the end of it.
                Ok(count) if count < space.len() => {
                    filled += count;
                    break;
                }
                Ok(count) => filled += count,
                Err(Errno::EINTR) => continue,
                Err(errno) => return not_there(errno),
            }
            if self.buffer.len() >= MOST {
                break;
            }
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        Ok(self.buffer.get(..filled))
    }
}

/// A cgroup, as far as the kernel tells. Of one whose path is longer than PATH_MAX, older kernels tell nothing but
/// ENAMETOOLONG, and anybody can make such a one where systemd lets him make cgroups of his own. So this says nothing of
/// that process, and must not keep us from seeing all the others.
fn told(cgroup: io::Result<Option<String>>) -> io::Result<String> {
    match cgroup {
        Err(error) if error.raw_os_error() == Some(Errno::ENAMETOOLONG as i32) => Ok(String::new()),
        other => other.map(Option::unwrap_or_default),
    }
}

fn not_there<T>(errno: Errno) -> io::Result<Option<T>> {
    match errno {
        Errno::ENOENT | Errno::ESRCH | Errno::EACCES | Errno::EPERM => Ok(None),
        other => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_that_the_kernel_does_not_tell_hides_nothing_else() {
        let fails = |errno: Errno| told(Err(errno.into())).map_err(|error| error.raw_os_error());
        assert_eq!(fails(Errno::ENAMETOOLONG), Ok(String::new()));
        assert_eq!(fails(Errno::EMFILE), Err(Some(Errno::EMFILE as i32)));
        assert_eq!(fails(Errno::ENOMEM), Err(Some(Errno::ENOMEM as i32)));
        assert_eq!(told(Ok(None)).unwrap(), "");
        assert_eq!(told(Ok(Some("/a".to_owned()))).unwrap(), "/a");
    }
}
