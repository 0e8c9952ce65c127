//! The daemon's life: start in an order in which each step can still fail without harm, serve, and end cleanly.

use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jit_directory::update::Update;
use jit_proto::map::steps::{MAP, NEXT};
use nix::sys::stat::{Mode as FileMode, umask};
use nix::unistd::geteuid;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use crate::accounts::Accounts;
use crate::args::Args;
use crate::audit::event::{Outcome, Text};
use crate::audit::line::BEGINNING;
use crate::audit::{Audit, Event};
use crate::clock::system::SystemClock;
use crate::config::{self, Config};
use crate::control::{self, Command};
use crate::desk::Desk;
use crate::directories::{self, Owner, Ownership};
use crate::follow::Follower;
use crate::groups::Groups;
use crate::groups::publish;
use crate::mode::ModeFile;
use crate::privileges::Started;
use crate::pulse::{Pulse, Watchdog};
use crate::remember::{Found, Remembered};
use crate::scribe::Scribe;
use crate::sessions::registry::{Registry, Word};
use crate::sessions::state::{SESSION, StateDir, VISITORS};
use crate::sessions::warden;
use crate::sockets::{self, Sockets};
use crate::sources::Sources;
use crate::syslog::{DEV_LOG, Severity, Syslog};
use crate::{check, ledger, limits, manager, pam, people, privileges, store};

/// Between two looks at what nobody tells us.
const LOOK: Duration = Duration::from_secs(1);

/// How long the end may wait for the audit's disk.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long the end may wait for the warden to let go of what it has frozen: a look at a busy host's processes.
const LET_GO: Duration = Duration::from_secs(1);

// Whoever connects and keeps silent must not take the last descriptor: 1,024 is what a process gets unless told otherwise, and a
// few dozen are for files, directories and listening sockets.
const _: () = assert!(pam::late::AT_ONCE + 2 * limits::IN_ALL <= 1024 - 128);

/// Anything that keeps the daemon from starting or from going on; already in words.
#[derive(Debug)]
pub struct Fatal(pub String);

impl<E: Display> From<E> for Fatal {
    fn from(error: E) -> Fatal {
        Fatal(error.to_string())
    }
}

/// Runs until told to end, or only checks.
pub fn run(args: &Args) -> ExitCode {
    if args.check {
        return check::check(args);
    }
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
    let handed_over = sockets::handed_over()?;
    let config = Arc::new(config::load(&args.config)?);
    let mut accounts = Accounts::of_host();
    let user = args.user.as_deref().map(|name| privileges::user(name, &mut accounts)).transpose()?;
    // First: what another daemon runs with must not be given to another owner.
    directories::ensure(&args.state_dir, 0o700, Ownership::Any)?;
    let _taken = directories::take(&args.state_dir)?;
    prepare_directories(args, user.as_ref())?;
    let started = if handed_over.by_manager() { Started::ByManager } else { Started::ByHand };
    let sockets = handed_over.complete(&args.runtime_dir)?;
    match &user {
        Some(user) => privileges::drop_to(user)?,
        None if geteuid().is_root() => {}
        None => privileges::keep(started)?,
    }
    // Each file that others may read gets its mode by itself.
    umask(FileMode::from_bits_truncate(0o077));
    Daemon::new(args, config)?.live(sockets)
}

fn prepare_directories(args: &Args, user: Option<&privileges::User>) -> Result<(), Fatal> {
    let root = Owner { uid: 0, gid: 0 };
    let (roots, ours) = match user {
        Some(user) => (Ownership::Give(root), Ownership::Give(Owner { uid: user.uid, gid: user.gid })),
        None if geteuid().is_root() => (Ownership::Give(root), Ownership::Give(root)),
        // Made by whoever started us, systemd or a test.
        None => (Ownership::Any, Ownership::Expect(Owner { uid: geteuid().as_raw(), gid: 0 })),
    };
    directories::ensure(&args.runtime_dir, 0o755, roots)?;
    let public = directories::ensure(&directories::public(&args.runtime_dir), 0o755, ours)?;
    let boot = directories::ensure(&args.runtime_dir.join("state"), 0o700, ours)?;
    let state = directories::ensure(&args.state_dir, 0o700, ours)?;
    let log = directories::ensure(&args.log_dir, 0o750, ours)?;
    if let (Some(_), Ownership::Give(owner)) = (user, ours) {
        for map in [MAP, NEXT] {
            public.give(map, &[&publish::FAMILY], owner);
        }
        boot.give_all(c"sessions", &[&SESSION.magic, &VISITORS.magic], owner);
        state.give(c"ledger", &[&ledger::KIND.magic], owner);
        state.give(c"store", &[&store::KIND.magic], owner);
        state.give(c"people", &[&people::roll::KIND.magic], owner);
        log.give(c"audit.jsonl", &[BEGINNING], owner);
    }
    Ok(())
}

/// A runtime for one thread.
fn runtime() -> Result<Runtime, Fatal> {
    // The few blocking calls are name lookups; none of them is for a login.
    Ok(Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?)
}

/// Everything that the main thread owns.
struct Daemon<'a> {
    args: &'a Args,
    clock: Arc<SystemClock>,
    scribe: Scribe,
    follower: Follower,
    mode: ModeFile,
}

impl<'a> Daemon<'a> {
    fn new(args: &'a Args, config: Arc<Config>) -> Result<Daemon<'a>, Fatal> {
        let found = Found::read(&args.state_dir);
        let clock = Arc::new(SystemClock::start(found.ratchet())?);
        let mut mode = ModeFile::at(&args.enforcing);
        let host = config.policy.host.fqdn().to_string();
        let file = args.log_dir.join("audit.jsonl");
        let audit = Arc::new(Audit::start(file, clock.boot(), &host, Syslog::new(DEV_LOG))?);
        let now_mode = mode.look().mode(clock.now().login);
        let scribe = Scribe::new(audit, Arc::clone(&clock), now_mode);
        let remembered = Remembered::start(found, &scribe)?;
        let map = Groups::new(&directories::public(&args.runtime_dir), Accounts::of_host(), scribe.clone());
        let follower = Follower::new(config, Arc::clone(&clock), scribe.clone(), remembered, map);
        Ok(Daemon { args, clock, scribe, follower, mode })
    }

    fn desk(&self) -> Arc<Desk> {
        let mode = ModeFile::at(&self.args.enforcing);
        let (current, clock) = (self.follower.current(), Arc::clone(&self.clock));
        Arc::new(Desk::new(current, clock, self.scribe.clone(), Accounts::of_host(), mode))
    }

    /// The sessions of this boot, as they were kept.
    fn registry(&self) -> (Arc<Registry>, mpsc::UnboundedReceiver<Word>) {
        let state = StateDir::below(&self.args.runtime_dir);
        let kept = state.read(self.clock.boot());
        let (registry, words) = Registry::new(state, self.clock.boot(), (kept.sessions, kept.visitors));
        (Arc::new(registry.reporting(self.scribe.clone(), &kept.aside)), words)
    }

    fn live(mut self, sockets: Sockets) -> Result<(), Fatal> {
        // Before anybody can know that we are here: a SIGHUP too early would end the daemon.
        let main = runtime()?;
        let context = main.enter();
        let mut end = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut reload = signal(SignalKind::hangup())?;
        drop(context);

        let Sockets { pam, control, concerns } = sockets;
        for concern in &concerns {
            self.scribe.audit().syslog().send(Severity::Warning, concern);
        }
        self.follower.started_with(concerns);
        let (ended, mut gone) = mpsc::unbounded_channel();
        let (orders, mut commands) = mpsc::channel(4);
        let (pam_desk, control_desk) = (self.desk(), self.desk());
        let mut watchdog = Watchdog::of_manager();
        let (waiting, late) = pam::late::door();
        let (registry, words) = self.registry();
        let serving = |runtime: Runtime, pulse: Pulse| {
            runtime.spawn(pulse.beat());
            runtime
        };
        // First: it ends what is overdue since the last life, and nothing new can begin before.
        let on = serving(runtime()?, watchdog.pulse());
        let (kept, desk) = (Arc::clone(&registry), self.desk());
        let (stop, stopped) = oneshot::channel();
        let (busy, let_go) = std::sync::mpsc::channel::<()>();
        answering("sessions", ended.clone(), move || {
            // Dropped when the warden has ended, however that may be.
            let _busy = busy;
            on.block_on(warden::serve(kept, desk, words, stopped))
        })?;
        let (pulse, desk, open) = (watchdog.pulse(), Arc::clone(&pam_desk), Arc::clone(&registry));
        answering("pam", ended.clone(), move || pam::serve(&pam, &desk, &open, &waiting, &pulse))?;
        let (on, open) = (serving(runtime()?, watchdog.pulse()), Arc::clone(&registry));
        answering("pam-late", ended.clone(), move || on.block_on(pam::late::serve(late, pam_desk, open)))?;
        let on = serving(runtime()?, watchdog.pulse());
        answering("control", ended, move || {
            on.block_on(control::serve(control, control_desk, registry, orders))
        })?;

        let outcome = main.block_on(async {
            let mut sources = self.follow();
            let mut look = tokio::time::interval(LOOK);
            self.scribe.note(Event::Start { version: env!("CARGO_PKG_VERSION") });
            manager::ready();
            loop {
                tokio::select! {
                    Some(update) = sources.next() => self.hear(update),
                    _ = look.tick() => {
                        self.look(&mut sources);
                        watchdog.tell();
                    }
                    Some(command) = commands.recv() => match command {
                        Command::ClockAccepted => self.follower.clock_accepted(),
                        Command::ModeSet(by) => {
                            let seen = self.mode.look().clone();
                            self.follower.mode_was_set(&seen, by);
                        }
                    },
                    _ = reload.recv() => {
                        manager::reloading();
                        if self.reload() {
                            sources = self.follow();
                        }
                        manager::ready();
                    }
                    why = gone.recv() => {
                        return Err(Fatal(why.unwrap_or_else(|| "no thread answers any more".to_owned())));
                    }
                    _ = end.recv() => return Ok("SIGTERM"),
                    _ = interrupt.recv() => return Ok("SIGINT"),
                }
            }
        });
        manager::stopping();
        drop(stop);
        let _ = let_go.recv_timeout(LET_GO);
        self.end(outcome)
    }

    fn follow(&self) -> Sources {
        let config = self.follower.config();
        Sources::start(&config, |name| self.follower.entries(name))
    }

    /// Hears a source, knowing the mode as it is now and not as it was a second ago.
    fn hear(&mut self, update: Update) {
        let seen = self.mode.look().clone();
        self.follower.notice_mode(&seen);
        self.follower.hear(update);
    }

    fn look(&mut self, sources: &mut Sources) {
        let told = sources.tend(|name| self.follower.entries(name));
        for update in told {
            self.hear(update);
        }
        self.follower.set_servers(sources.servers());
        let seen = self.mode.look().clone();
        self.follower.look(&seen);
        manager::status(&self.follower.summary(self.scribe.mode()));
    }

    /// Reads the configuration again; whether there is another one in force. A bad one changes nothing but the status.
    fn reload(&mut self) -> bool {
        self.scribe.audit().reopen();
        match config::load(&self.args.config) {
            Ok(config) => {
                self.scribe.audit().set_host(config.policy.host.fqdn().as_str());
                self.follower.reconfigure(Arc::new(config));
                let text = Text::from("the configuration was read again and is in force");
                self.scribe.note(Event::Config { outcome: Outcome::Done, text });
                true
            }
            Err(error) => {
                let faults = error.to_string();
                for line in faults.lines() {
                    self.scribe
                        .audit()
                        .syslog()
                        .send(Severity::Error, &format!("configuration not used: {line}"));
                }
                self.scribe.note(Event::Config { outcome: Outcome::Refused, text: Text::from(&faults) });
                let first = faults.lines().next().unwrap_or_default();
                let more = match faults.lines().count().saturating_sub(1) {
                    0 => String::new(),
                    more => format!(" (and {more} more; see them all with jitd --check)"),
                };
                self.follower.keep_configuration(format!(
                    "the configuration on disk is not used, the one from before is in force: {first}{more}"
                ));
                false
            }
        }
    }

    fn end(self, outcome: Result<&str, Fatal>) -> Result<(), Fatal> {
        let reason = match &outcome {
            Ok(signal) => Text::from(signal),
            Err(Fatal(why)) => Text::from(why),
        };
        self.scribe.note(Event::Stop { reason });
        if !self.follower.end() {
            let text = "not everything could be written to the state directory before the end";
            self.scribe.audit().syslog().send(Severity::Error, text);
        }
        self.scribe.audit().flush(LAST_WORDS);
        outcome.map(|_| ())
    }
}

/// A thread that answers; tells `ended` when it does no longer, whatever the reason.
fn answering(
    name: &'static str,
    ended: mpsc::UnboundedSender<String>,
    serve: impl FnOnce() -> std::io::Result<()> + Send + 'static,
) -> Result<(), Fatal> {
    let body = move || {
        let why = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(serve)) {
            Ok(Ok(())) => "it ended".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".to_owned(),
        };
        // Nobody listens any more only when the daemon ends anyway.
        let _ = ended.send(format!("the thread `{name}` answers no longer: {why}"));
    };
    std::thread::Builder::new().name(name.to_owned()).stack_size(512 << 10).spawn(body)?;
    Ok(())
}
