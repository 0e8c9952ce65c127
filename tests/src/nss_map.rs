//! What becomes of readers while the group map changes: a directory whose every state is written into who is in its groups, and readers that
//! know which states there may be at the moment of an answer.
//!
//! One team is in two groups, `twin-a` and `twin-b`, and is made of pairs of which exactly one is in it. Which one of each pair, says the
//! number of the state. So an answer that is cut short, made of two maps, or older than what has been acknowledged, shows by itself. `brief`
//! are people whose grants end one after the other, at seconds that all readers know.

pub mod board;
pub mod kills;
pub mod reader;
pub mod stage;

/// How many pairs.
const PAIRS: u32 = 10;

/// How many states there are.
pub const STATES: u64 = 1 << PAIRS;

/// Who is chosen of each pair, a bit for each. Neighbours differ in many.
fn choice(state: u64) -> u64 {
    (state * 619 + 17) % STATES
}

/// The two of a pair.
fn pair(n: u32) -> [String; 2] {
    [format!("p{n}"), format!("q{n}")]
}

/// Everybody who is ever in the team.
pub fn everybody() -> impl Iterator<Item = String> {
    (0..PAIRS).flat_map(pair)
}

/// Who is in the team.
pub fn team(state: u64) -> Vec<String> {
    (0..PAIRS).map(|n| pair(n)[usize::from(choice(state) >> n & 1 == 1)].clone()).collect()
}

/// Of which state this is the team, if of any.
pub fn state_of(members: &[String]) -> Option<u64> {
    let mut members = members.to_vec();
    members.sort_unstable();
    let sorted = |state| {
        let mut team = team(state);
        team.sort_unstable();
        team
    };
    (0..STATES).find(|state| sorted(*state) == members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_tells_its_state_and_nothing_else_does() {
        for state in 0..STATES {
            assert_eq!(state_of(&team(state)), Some(state));
        }
        let [whole, other] = [7, 8].map(team);
        assert_eq!(state_of(&whole[1..]), None, "one is missing");
        assert_eq!(state_of(&[&whole[..], &other[..]].concat()), None, "two at once");
        assert_ne!(state_of(&[&whole[..5], &other[5..]].concat()), Some(7));
        assert_ne!(state_of(&[&whole[..5], &other[5..]].concat()), Some(8));
    }
}
