//! Ctrl-C, held back for as long as something must be put right before it ends us: a terminal that shows nothing, or a directory with
//! temporary files. It takes effect right afterwards. Other signals are not held.

use std::io;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// Holds Ctrl-C back until it is dropped. Programs that are started meanwhile get it at once: they start without our mask.
#[derive(Debug)]
pub struct Uninterrupted {
    before: Option<SigSet>,
}

impl Uninterrupted {
    /// From now on.
    pub fn begin() -> Uninterrupted {
        let mut interrupt = SigSet::empty();
        interrupt.add(Signal::SIGINT);
        Uninterrupted { before: interrupt.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok() }
    }
}

impl Drop for Uninterrupted {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = before.thread_set_mask();
        }
    }
}

/// A password, typed unseen at the terminal. Ctrl-C gives the terminal back as it was, and then ends us.
///
/// # Errors
/// When there is no terminal.
pub fn password(prompt: &str) -> io::Result<String> {
    // rpassword answers Ctrl-C by raising the signal while the terminal is still raw.
    let _held = Uninterrupted::begin();
    rpassword::prompt_password(prompt)
}
