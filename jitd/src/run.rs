//! The daemon's life: start in the order that lets each step be undone by the next failing, serve, and end cleanly.

use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::{Uid, geteuid};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::accounts::Accounts;
use crate::args::Args;
use crate::clock::system::SystemClock;
use crate::config::{self, Config};
use crate::desk::Desk;
use crate::directories::{self, Owner, Ownership};
use crate::follow::Follower;
use crate::mode::ModeFile;
use crate::sockets::{self, Sockets};
use crate::sources::Sources;
use crate::{control, pam, privileges};

/// Between two looks at what nobody tells us: dead sources, the mode, the clock.
const LOOK: Duration = Duration::from_secs(1);

/// Anything that keeps the daemon from starting; already in words.
#[derive(Debug)]
pub struct Fatal(pub String);

impl<E: Display> From<E> for Fatal {
    fn from(error: E) -> Fatal {
        Fatal(error.to_string())
    }
}

/// Runs until told to end.
pub fn run(args: &Args) -> ExitCode {
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Fatal(why)) => {
            for line in why.lines() {
                eprintln!("jitd: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args) -> Result<(), Fatal> {
    let config = Arc::new(config::load(&args.config)?);
    let mut accounts = Accounts::of_host();
    let user = args.user.as_deref().map(|name| privileges::user(name, &mut accounts)).transpose()?;
    prepare_directories(args, user.as_ref())?;
    let sockets = sockets::open(&args.runtime_dir)?;
    if let Some(user) = &user {
        privileges::drop_to(user)?;
    }
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o027));
    serve(args, config, sockets)
}

fn prepare_directories(args: &Args, user: Option<&privileges::User>) -> Result<(), Fatal> {
    let root = Owner { uid: 0, gid: 0 };
    let (roots, ours) = match user {
        Some(user) => (Ownership::Give(root), Ownership::Give(Owner { uid: user.uid, gid: user.gid })),
        None if geteuid() == Uid::from_raw(0) => (Ownership::Give(root), Ownership::Give(root)),
        None => (Ownership::Any, Ownership::Expect(Owner { uid: geteuid().as_raw(), gid: 0 })),
    };
    directories::ensure(&args.runtime_dir, 0o755, roots)?;
    directories::ensure(&args.runtime_dir.join("pub"), 0o755, ours)?;
    directories::ensure(&args.runtime_dir.join("state"), 0o700, ours)?;
    directories::ensure(&args.state_dir, 0o700, ours)?;
    directories::ensure(&args.log_dir, 0o750, ours)?;
    Ok(())
}

/// A runtime for one thread.
fn runtime() -> Result<Runtime, Fatal> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// A thread that answers; tells `ended` when it does no longer, whatever the reason.
fn answering<F>(
    name: &str,
    ended: mpsc::UnboundedSender<String>,
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<(), Fatal>
where
    F: Future<Output = std::io::Result<()>>,
{
    let runtime = runtime()?;
    let told = name.to_owned();
    let body = move || {
        let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(async { work().await })
        }));
        let why = match end {
            Ok(Ok(())) => "it ended".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".to_owned(),
        };
        let _ = ended.send(format!("the thread that answers {told} is gone: {why}"));
    };
    std::thread::Builder::new().name(name.to_owned()).stack_size(512 << 10).spawn(body)?;
    Ok(())
}

fn serve(args: &Args, config: Arc<Config>, sockets: Sockets) -> Result<(), Fatal> {
    let clock = Arc::new(SystemClock::start(None)?);
    let follower = Follower::new(Arc::clone(&config), Arc::clone(&clock));
    let (ended, mut gone) = mpsc::unbounded_channel();
    let desk = || {
        let mode = ModeFile::at(&args.enforcing);
        Arc::new(Desk::new(follower.current(), Arc::clone(&clock), Accounts::of_host(), mode))
    };
    let (pam_desk, control_desk) = (desk(), desk());
    let Sockets { pam, control } = sockets;
    answering("pam", ended.clone(), move || pam::serve(pam, pam_desk))?;
    answering("control", ended.clone(), move || control::serve(control, control_desk))?;
    drop(ended);

    runtime()?.block_on(async move {
        let mut follower = follower;
        let mut sources = Sources::start(&config);
        let mut end = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut look = tokio::time::interval(LOOK);
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        loop {
            tokio::select! {
                Some(update) = sources.next() => follower.hear(update),
                _ = look.tick() => {
                    for update in sources.tend() {
                        follower.hear(update);
                    }
                }
                why = gone.recv() => {
                    return Err(Fatal(why.unwrap_or_else(|| "the answering threads are gone".to_owned())));
                }
                _ = end.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        Ok(())
    })
}
