//! One way through a stack: libpam's `_pam_dispatch_aux` (pam_dispatch.c), step by step.

use super::chain::{Handler, Kind, certain};
use super::code::Code;
use super::control::Action;

/// What the stack thinks so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Impression {
    /// Nothing.
    Undefined,
    /// Somebody said yes.
    Positive,
    /// Somebody failed.
    Negative,
}

/// The state between two lines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The impression.
    pub impression: Impression,
    /// What would be returned.
    pub status: Code,
    /// What `reset` goes back to, by level: impression and status when the substack began.
    pub saved: Vec<(Impression, Code)>,
}

impl State {
    /// Before the first line.
    pub fn new() -> State {
        let nothing = (Impression::Undefined, Code::PERM_DENIED);
        State { impression: nothing.0, status: nothing.1, saved: vec![nothing] }
    }

    /// What the program is told after the last line.
    pub fn end(&self) -> Code {
        if self.status == Code::SUCCESS && self.impression != Impression::Positive {
            return Code::PERM_DENIED;
        }
        self.status
    }

    /// What has to be remembered when the line at `at` is reached. Only the first line of a substack lies deeper than the line before it, and
    /// it is reached from there alone.
    pub fn arrive(&mut self, chain: &[Handler], at: usize) {
        let level = |at: usize| chain.get(at).map_or(0, |handler| handler.level);
        let before = at.checked_sub(1).map_or(0, level);
        self.saved.truncate(level(at).saturating_add(1));
        if before < level(at) {
            self.saved.truncate(level(at));
            while self.saved.len() <= level(at) {
                self.saved.push((self.impression, self.status));
            }
        }
    }
}

impl Default for State {
    fn default() -> State {
        State::new()
    }
}

/// A way through a stack, once it was gone, decides which lines count the second time (pam_setcred after pam_authenticate, closing after opening).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frozen(Vec<Option<Code>>);

/// The next line, when the one at `at` has returned `returned`, and what libpam did. `frozen` is what it returned the first time.
pub fn step(
    chain: &[Handler],
    at: usize,
    state: &mut State,
    returned: Code,
    frozen: Option<Code>,
) -> (usize, Action) {
    let Some(handler) = chain.get(at) else { return (chain.len(), Action::Ignore) };
    let level = handler.level;
    let deciding = frozen.unwrap_or(returned);
    let action = handler.control.action(deciding);
    let mut next = at.saturating_add(1);
    match action {
        Action::Ignore => {}
        Action::Reset => {
            let (impression, status) =
                state.saved.get(level).copied().unwrap_or((Impression::Undefined, Code::PERM_DENIED));
            state.impression = impression;
            state.status = status;
        }
        Action::Ok | Action::Done => {
            let open = match state.impression {
                Impression::Undefined => true,
                Impression::Positive => state.status == Code::SUCCESS,
                Impression::Negative => false,
            };
            if open && (returned != Code::IGNORE || deciding == returned) {
                state.impression = Impression::Positive;
                state.status = returned;
            }
            if state.impression == Impression::Positive && action == Action::Done {
                next = end_of(chain, at, level);
            }
        }
        Action::Bad | Action::Die => {
            if state.impression != Impression::Negative {
                state.impression = Impression::Negative;
                state.status = if returned == Code::IGNORE { Code::PERM_DENIED } else { returned };
            }
            if action == Action::Die {
                next = end_of(chain, at, level);
            }
        }
        Action::Jump(count) => {
            let mut left = count;
            let mut last = at;
            let deep = |at: usize| chain.get(at).map(|handler| handler.level);
            while left > 0 && deep(last.saturating_add(1)).is_some_and(|next| next >= level) {
                last = last.saturating_add(1);
                // A substack counts as one.
                while deep(last.saturating_add(1)).is_some_and(|next| next > level) {
                    last = last.saturating_add(1);
                }
                left = left.saturating_sub(1);
            }
            if left > 0 {
                state.impression = Impression::Negative;
                state.status = Code::PERM_DENIED;
            }
            next = last.saturating_add(1);
        }
    }
    (next, action)
}

/// Where the substack, or the stack, that this line is in is over.
fn end_of(chain: &[Handler], at: usize, level: usize) -> usize {
    let from = at.saturating_add(1);
    let rest = chain.get(from..).unwrap_or(&[]);
    rest.iter()
        .position(|handler| handler.level < level)
        .map_or(chain.len(), |count| from.saturating_add(count))
}

/// What the program is told, when each line returns what `returns` says; and what decides the second time.
pub fn first(chain: &[Handler], returns: impl Fn(usize, &Handler) -> Code) -> (Code, Frozen) {
    let mut frozen = Frozen(vec![None; chain.len()]);
    let status = run(chain, |at, handler| {
        let code = certain(handler).unwrap_or_else(|| returns(at, handler));
        if let Some(slot) = frozen.0.get_mut(at) {
            *slot = Some(code);
        }
        (code, None)
    });
    (status, frozen)
}

/// The second time. A line that jumped the first time jumps again, and counts for nothing else, as Debian's libpam has it; elsewhere it counts as
/// `ok`, too.
pub fn second(chain: &[Handler], frozen: &Frozen, returns: impl Fn(usize, &Handler) -> Code) -> Code {
    run(chain, |at, handler| {
        let code = certain(handler).unwrap_or_else(|| returns(at, handler));
        (code, frozen.0.get(at).copied().flatten())
    })
}

fn run(chain: &[Handler], mut returns: impl FnMut(usize, &Handler) -> (Code, Option<Code>)) -> Code {
    // An empty stack is a denial: the state before the first line.
    let mut state = State::new();
    let mut at = 0;
    while let Some(handler) = chain.get(at) {
        state.arrive(chain, at);
        if handler.kind == Kind::Substack {
            at = at.saturating_add(1);
            continue;
        }
        let (returned, frozen) = returns(at, handler);
        if returned == Code::INCOMPLETE {
            return returned;
        }
        at = step(chain, at, &mut state, returned, frozen).0;
    }
    state.end()
}
