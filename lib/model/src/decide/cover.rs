//! Which of the covering grants follow each other without a gap, from now on.

use crate::grant::EntryUuid;
use crate::time::{Timestamp, Window};

/// Something that covers a while: a grant, or what is remembered of one.
pub(crate) trait Covers: Copy {
    /// Which grant it is.
    fn uuid(self) -> EntryUuid;
}

/// A chain of grants that covers every second from `now` to the returned end, which no other chain exceeds; `None` if no
/// grant covers `now`. The first is live now; each further one overlaps or touches the one before and ends later.
pub(crate) fn chain<G: Covers>(
    mut covering: Vec<(Window, G)>,
    now: Timestamp,
) -> Option<(Vec<G>, Timestamp)> {
    covering.sort_by_key(|(window, grant)| (window.start(), grant.uuid()));
    let mut rest = covering.into_iter().peekable();
    let (mut grants, mut until) = (Vec::new(), now);
    loop {
        // Of those that begin while access lasts, the one that ends last. What ends before that adds nothing later either.
        let mut next: Option<(Window, G)> = None;
        while let Some((window, grant)) = rest.next_if(|(window, _)| window.start() <= until) {
            if window.end() > until && next.is_none_or(|(best, _)| window.end() > best.end()) {
                next = Some((window, grant));
            }
        }
        let Some((window, grant)) = next else { break };
        grants.push(grant);
        until = window.end();
    }
    (!grants.is_empty()).then_some((grants, until))
}
