//! Every way through a stack at once: each module may return any of several codes, and what is asked is how the stack may end. What matters of a status
//! is whether programs go on with it, so there are few states, and the search ends on any stack.

use std::collections::{BTreeMap, HashSet};

use super::chain::{Handler, Kind, certain, forgets};
use super::code::{Code, Codes};
use super::control::Action;
use super::dispatch::{Impression, State, step};

/// Where a stack that remembers too much is given up. An ordinary one has some hundred states.
const MOST_STATES: usize = 200_000;

/// What became of the lines that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Not reached, so far.
    Unasked,
    /// Not reached, and this line led past one.
    Passed(usize),
    /// This one was asked, and its own control makes nothing of the answer.
    Lost(usize),
    /// This one was asked, and the stack had failed by it.
    Held(usize),
    /// That was so, until this line made the stack forget it.
    Forgotten(usize),
}

/// A way through a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The lines that were asked, and what they returned.
    pub steps: Vec<(usize, Code)>,
    /// What the program is told: success, that the password has to be changed or has expired, or no (as perm_denied, for all others).
    pub status: Code,
    /// What became of the watched lines.
    pub mark: Mark,
}

impl Way {
    /// Whether programs let somebody in whose account phase ends so.
    pub fn enters(&self) -> bool {
        self.status == Code::SUCCESS || self.status == Code::NEW_AUTHTOK_REQD
    }
}

/// There are too many states to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tangled;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Node {
    at: usize,
    state: State,
    mark: Mark,
}

/// The node that one was reached from, and by what line and code.
type From = (usize, Option<(usize, Code)>);

/// One way for each end that can be reached.
///
/// # Errors
/// When there are too many states.
pub fn explore(
    chain: &[Handler],
    returns: impl Fn(usize, &Handler) -> Codes,
    watched: impl Fn(usize) -> bool,
) -> Result<Vec<Way>, Tangled> {
    let forgets = forgets(chain);
    let moves: Vec<Vec<Code>> =
        chain.iter().enumerate().map(|(at, handler)| moves(handler, returns(at, handler))).collect();
    let mut known: HashSet<Node> = HashSet::new();
    let mut nodes: Vec<(Node, Option<From>)> = Vec::new();
    let mut ends: BTreeMap<(u8, Mark), usize> = BTreeMap::new();
    let mut start = State::new();
    arrive(&mut start, chain, 0, forgets);
    nodes.push((Node { at: 0, state: start, mark: Mark::Unasked }, None));
    let mut next = 0;
    while let Some((node, _)) = nodes.get(next) {
        let (node, number) = (node.clone(), next);
        next = next.saturating_add(1);
        if nodes.len() > MOST_STATES {
            return Err(Tangled);
        }
        let Some(handler) = chain.get(node.at) else {
            ends.entry((node.state.end().number(), node.mark)).or_insert(number);
            continue;
        };
        let mut reach = |mut to: Node, by: Option<(usize, Code)>| {
            to.state.status = class(to.state.status);
            arrive(&mut to.state, chain, to.at, forgets);
            if known.insert(to.clone()) {
                nodes.push((to, Some((number, by))));
            }
        };
        if handler.kind == Kind::Substack {
            reach(Node { at: node.at.saturating_add(1), ..node }, None);
            continue;
        }
        for code in moves.get(node.at).map_or(&[][..], Vec::as_slice) {
            let mut state = node.state.clone();
            let (to, action) = step(chain, node.at, &mut state, *code, None);
            let passed = || (node.at.saturating_add(1)..to).any(&watched);
            let mark = match (node.mark, action) {
                (_, Action::Bad | Action::Die) if watched(node.at) => Mark::Held(node.at),
                (Mark::Held(_), Action::Reset) if state.impression != Impression::Negative => {
                    Mark::Forgotten(node.at)
                }
                (mark @ (Mark::Held(_) | Mark::Forgotten(_)), _) => mark,
                _ if watched(node.at) => Mark::Lost(node.at),
                (Mark::Unasked, _) if passed() => Mark::Passed(node.at),
                (mark, _) => mark,
            };
            reach(Node { at: to, state, mark }, Some((node.at, *code)));
        }
    }
    let ways = ends.into_iter().map(|((status, mark), end)| {
        let mut steps = Vec::new();
        let mut at = end;
        while let Some((_, Some((from, by)))) = nodes.get(at) {
            steps.extend(*by);
            at = *from;
        }
        steps.reverse();
        Way { steps, status: Code::new(status).unwrap_or(Code::PERM_DENIED), mark }
    });
    Ok(ways.collect())
}

fn arrive(state: &mut State, chain: &[Handler], at: usize, forgets: bool) {
    state.arrive(chain, at);
    if !forgets {
        // Nobody will ask.
        state.saved.clear();
    }
}

/// All that matters of a status: programs go on with two of them, and sudo with a third.
fn class(status: Code) -> Code {
    match status {
        Code::SUCCESS | Code::NEW_AUTHTOK_REQD | Code::AUTHTOK_EXPIRED => status,
        _ => Code::PERM_DENIED,
    }
}

/// One code for each that makes a difference.
fn moves(handler: &Handler, codes: Codes) -> Vec<Code> {
    let mut moves: Vec<Code> = Vec::new();
    let codes = certain(handler).map_or(codes, |code| Codes::of([code]));
    for code in codes.iter() {
        let same = |other: &Code| {
            class(*other) == class(code) && handler.control.action(*other) == handler.control.action(code)
        };
        if !moves.iter().any(same) {
            moves.push(code);
        }
    }
    moves
}
