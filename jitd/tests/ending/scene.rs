//! A session of real processes, which bear a word in their environment by which they are found wherever they go, and a stranger beside them.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jitd::sessions::claim::{Claim, Kind, Mark, Whose};
use jitd::sessions::ending::{Ending, Outcome, Step};
use jitd::sessions::process::{self, AuditMark, ProcessId, Run, Table};
use jitd::sessions::signals::{Pidfds, Signal, Signals};

/// Nobody's uid.
const UID: u32 = 61_347;
/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(60);

/// By what the processes are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marks {
    /// By their parents.
    Tree,
    /// By what pam_loginuid gives a login.
    Login,
}

impl Marks {
    /// What this machine and this user can do.
    pub(crate) fn here() -> Vec<Marks> {
        let mark = format!("echo {UID} >/proc/self/loginuid");
        match Command::new("sh").args(["-c", &mark]).stderr(Stdio::null()).status() {
            Ok(status) if status.success() => vec![Marks::Tree, Marks::Login],
            _ => {
                eprintln!("logins cannot be marked here: tried without marks");
                vec![Marks::Tree]
            }
        }
    }
}

/// A session, and somebody who does not belong to it.
pub(crate) struct Scene {
    word: String,
    leader: Child,
    stranger: Child,
    mark: Mark,
    /// What the session writes.
    written: tempfile::NamedTempFile,
    /// The first line of it: the number of its login.
    first: String,
}

impl Scene {
    /// The leader is a shell in a setsid-session of its own, and runs this.
    pub(crate) fn new(marks: Marks, script: &str) -> Scene {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let word = format!("JIT_ENDING={}-{}.", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let (name, value) = word.split_once('=').unwrap();
        let written = tempfile::NamedTempFile::new().unwrap();
        let mark = match marks {
            Marks::Tree => String::new(),
            Marks::Login => format!("echo {UID} >/proc/self/loginuid; "),
        };
        // setsid(1) has the number that was given here: it need not fork, for it leads no group.
        let leader = Command::new("setsid")
            .args(["sh", "-c", &format!("{mark}echo $(cat /proc/self/sessionid); {script}")])
            .env(name, value)
            .stdin(Stdio::null())
            .stdout(File::options().append(true).open(written.path()).unwrap())
            .spawn()
            .unwrap();
        let stranger = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
        let id = process::identify(i32::try_from(leader.id()).unwrap()).unwrap();
        let mark = Mark { leader: id, kind: Kind::Login, uid: UID, audit: None, scope: None };
        let mut scene = Scene { word, leader, stranger, mark, written, first: String::new() };
        let first = |scene: &Scene| {
            let written = fs::read_to_string(scene.written.path()).unwrap();
            written.split_once('\n').map(|(first, _)| first.to_owned())
        };
        scene.wait_for("the leader", |scene| first(scene).is_some());
        scene.first = first(&scene).unwrap();
        if marks == Marks::Login {
            let session = scene.first.parse().unwrap();
            scene.mark.audit = Some(AuditMark { login_uid: UID, session });
        }
        scene
    }

    /// Those with the word that live and stay long enough to be looked at.
    fn living(&self) -> Vec<ProcessId> {
        let mut living = Vec::new();
        for entry in fs::read_dir("/proc").unwrap() {
            let name = entry.unwrap().file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            if environment.windows(self.word.len()).any(|part| part == self.word.as_bytes()) {
                living.extend(process::identify(pid));
            }
        }
        living
    }

    fn has_written(&self) -> u64 {
        fs::metadata(self.written.path()).unwrap().len()
    }

    fn wait_for(&self, what: &str, mut come: impl FnMut(&Scene) -> bool) {
        let start = Instant::now();
        while !come(self) {
            assert!(start.elapsed() < PATIENCE, "{what} has not come");
            sleep(Duration::from_millis(2));
        }
    }

    /// Waits until there are so many.
    pub(crate) fn until(&self, count: usize) {
        self.wait_for(&format!("{count} processes"), |scene| scene.living().len() >= count);
    }

    /// Waits until so many are stopped.
    pub(crate) fn until_stopped(&self, count: usize) {
        let stopped = |id: &ProcessId| process::look(id.pid).is_some_and(|it| it.run == Run::Stopped);
        self.wait_for("a stop", |scene| scene.living().iter().filter(|id| stopped(id)).count() >= count);
    }

    /// Waits until so many generations have written a letter.
    pub(crate) fn until_generation(&self, count: u64) {
        let first = u64::try_from(self.first.len()).unwrap() + 1;
        self.wait_for("the next generation", |scene| scene.has_written() >= first + count);
    }

    /// Ends it with `grace`, and looks whether it is over.
    pub(crate) fn end(mut self, grace: Duration) -> Outcome {
        let mut signals = Pidfds;
        let claim = Claim { whose: Whose::Session(self.mark.clone()), spared: Vec::new() };
        let begun = Instant::now();
        let mut ending = Ending::new(claim, grace, begun);
        let mut steps = 0;
        let outcome = loop {
            let now = Instant::now();
            steps += 1;
            let step = ending.step(now, &Table::read().unwrap(), &mut signals);
            match step {
                Step::Again(pause) => sleep(pause),
                Step::Stuck { why, again } => {
                    assert!(begun.elapsed() < PATIENCE, "{why}");
                    sleep(again);
                }
                Step::Done(outcome) => break outcome,
            }
        };
        eprintln!(
            "{}: {:.1} ms, {steps} steps, {} processes, {} killed",
            std::thread::current().name().unwrap_or("?"),
            outcome.took.as_secs_f64() * 1000.0,
            outcome.processes,
            outcome.killed.len() + outcome.more_killed,
        );
        assert_eq!(self.living(), [], "left over");
        // What is in no list of processes would write on.
        let written = self.has_written();
        sleep(Duration::from_millis(100));
        assert_eq!(self.has_written(), written, "something goes on");
        assert!(self.stranger.try_wait().unwrap().is_none(), "the stranger has ended");
        let stranger = process::look(i32::try_from(self.stranger.id()).unwrap()).unwrap();
        assert_eq!(stranger.run, Run::Running);
        outcome
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for _ in 0..20 {
            for id in self.living() {
                let _ = Pidfds.send(id, Signal::Kill);
            }
        }
        let _ = self.leader.kill();
        let _ = self.leader.wait();
        let _ = self.stranger.kill();
        let _ = self.stranger.wait();
    }
}
