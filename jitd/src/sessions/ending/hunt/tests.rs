use std::collections::BTreeMap;

use super::*;
use crate::sessions::process::ProcessId;
use crate::sessions::testing;

/// Numbers, and who has them. Each look at a number that nobody has brings the next step nearer.
#[derive(Default)]
struct Numbers {
    newest: i32,
    limit: i32,
    there: BTreeMap<i32, Process>,
    /// After so many looks this one is born.
    unborn: Vec<(usize, i32)>,
    looks: Vec<i32>,
}

fn process(pid: i32) -> Process {
    testing::process(ProcessId { pid, start: 1 }, 1)
}

impl Numbers {
    fn up_to(newest: i32) -> Numbers {
        Numbers { newest, limit: 32768, ..Numbers::default() }
    }

    fn with(mut self, pids: impl IntoIterator<Item = i32>) -> Numbers {
        self.there.extend(pids.into_iter().map(|pid| (pid, process(pid))));
        self
    }
}

impl Look for Numbers {
    fn newest(&mut self) -> Option<i32> {
        Some(self.newest)
    }

    fn look(&mut self, pid: i32) -> Option<Process> {
        self.looks.push(pid);
        let looks = self.looks.len();
        if let Some((_, born)) = self.unborn.iter().find(|(when, _)| *when == looks) {
            self.newest = *born;
            self.there.insert(*born, process(*born));
        }
        self.there.get(&pid).cloned()
    }

    fn limit(&mut self) -> i32 {
        self.limit
    }
}

/// Catches these, and says which it was shown.
fn hunt(hunt: &mut Hunt, table: &Table, look: &mut Numbers, ours: &[i32]) -> (usize, Vec<i32>) {
    let mut shown = Vec::new();
    let caught = hunt.run(table, look, |process| {
        shown.push(process.id.pid);
        ours.contains(&process.id.pid)
    });
    (caught, shown)
}

#[test]
fn what_is_new_is_shown_once_the_newest_first() {
    let mut one = Hunt::default();
    let mut look = Numbers::up_to(1000).with([900, 950, 998, 1000]);
    let table = Table::default();
    assert_eq!(hunt(&mut one, &table, &mut look, &[]), (0, vec![1000, 998, 950]));
    assert_eq!(hunt(&mut one, &table, &mut look, &[]), (0, vec![]));
    look.newest = 1003;
    look = look.with([1002]);
    assert_eq!(hunt(&mut one, &table, &mut look, &[]), (0, vec![1002]));
    assert_eq!(look.looks.last(), Some(&1001));
}

#[test]
fn what_is_in_the_table_is_not_looked_at() {
    let mut look = Numbers::up_to(1000).with([999, 1000]);
    let table = Table::of([process(1000)]);
    assert_eq!(hunt(&mut Hunt::default(), &table, &mut look, &[]), (0, vec![999]));
    assert!(!look.looks.contains(&1000));
}

#[test]
fn where_nothing_is_ours_nothing_is_waited_for() {
    let mut look = Numbers::up_to(1000).with([1000]);
    hunt(&mut Hunt::default(), &Table::default(), &mut look, &[]);
    assert_eq!(look.looks.len(), FIRST);
}

#[test]
fn the_next_number_is_waited_for_where_one_is_ours() {
    let mut look = Numbers::up_to(1000).with([1000]);
    look.unborn = vec![(FIRST + 5, 1001), (FIRST + 9, 1002)];
    assert_eq!(
        hunt(&mut Hunt::default(), &Table::default(), &mut look, &[1000, 1001, 1002]),
        (3, vec![1000, 1001, 1002])
    );
    assert!(look.looks.len() <= FIRST + 10 + AIM + PATIENCE, "{}", look.looks.len());
}

#[test]
fn numbers_that_have_passed_by_are_run_after_and_shown_the_next_time() {
    let mut one = Hunt::default();
    let mut look = Numbers::up_to(1000).with([1000]);
    // 1001 is somebody else's for so short that it is never seen; then it goes on at 1005.
    look.unborn = vec![(FIRST + AIM, 1004), (FIRST + AIM + 5, 1005)];
    let (caught, shown) = hunt(&mut one, &Table::default(), &mut look, &[1000, 1004, 1005]);
    assert_eq!((caught, shown), (2, vec![1000, 1005]));
    assert_eq!(hunt(&mut one, &Table::default(), &mut look, &[]).1, [1005, 1004]);
}

#[test]
fn after_the_highest_number_the_lowest_come() {
    let mut one = Hunt::default();
    let mut look = Numbers::up_to(32_766).with([32_766]);
    look.unborn = vec![(FIRST + 3, 32_767), (FIRST + 8, LOWEST)];
    let ours = [32_766, 32_767, LOWEST];
    assert_eq!(hunt(&mut one, &Table::default(), &mut look, &ours).0, 3);
    look.looks.clear();
    look.newest = LOWEST + 1;
    hunt(&mut one, &Table::default(), &mut look, &[]);
    assert_eq!(look.looks, [301, 300, 32_767]);
}

#[test]
fn a_host_on_which_numbers_never_rest_does_not_hold_us() {
    let mut look = Numbers::up_to(1000).with([1000]);
    look.unborn = (0..100_000).map(|n| (FIRST + n * 3, 1002 + i32::try_from(n).unwrap())).collect();
    look.limit = i32::MAX;
    hunt(&mut Hunt::default(), &Table::default(), &mut look, &[1000]);
    assert!(look.looks.len() <= FIRST + PASSES * RECENT + PROBES, "{}", look.looks.len());
}

#[test]
fn this_host_has_a_newest_process_and_a_limit() {
    let mut host = Host::default();
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let newest = host.newest().unwrap();
    child.wait().unwrap();
    assert!(newest > 0 && newest < host.limit(), "{newest}");
    let own = i32::try_from(std::process::id()).unwrap();
    assert_eq!(host.look(own).unwrap().id.pid, own);
}
