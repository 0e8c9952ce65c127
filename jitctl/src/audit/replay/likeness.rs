//! Whether somebody is like a program, by what the audit shows: he comes often, at regular hours, from few places, stays for a moment, and
//! never has a terminal. Whoever was seen at one, or was let in by a grant, is a person.

use std::collections::{BTreeMap, BTreeSet};

use super::Somebody;
use super::exempt::{address, networks};

/// Fewer logins prove nothing, but of a system account.
const FEW: usize = 10;
/// As many on one day are many.
const MANY: usize = 12;
/// At as many hours of the day is round the clock.
const HOURS: usize = 18;
/// System accounts are below (SYS_UID_MAX of login.defs, and one more).
const PEOPLE: u32 = 1000;

/// What speaks for a program, if enough does.
pub fn evidence(somebody: &Somebody) -> Option<Vec<String>> {
    if somebody.at_terminal || somebody.granted || !somebody.services.values().any(|count| count.times() > 0)
    {
        return None;
    }
    let mut evidence = Vec::new();
    let system = somebody.uid.filter(|uid| (1..PEOPLE).contains(uid));
    if let Some(uid) = system {
        evidence.push(format!("uid {uid}: a system account"));
    }
    // A login by ssh that runs sudo counts once.
    let times =
        somebody.times.get("sshd").or_else(|| somebody.times.values().max_by_key(|times| times.len()));
    let times = times.map(Vec::as_slice).unwrap_or_default();
    if system.is_none() && times.len() < FEW {
        return None;
    }
    let mut strong = 0;
    for found in [often(times), regular(times), short(somebody.sessions)].into_iter().flatten() {
        strong += 1;
        evidence.push(found);
    }
    let addresses: BTreeSet<_> = somebody
        .services
        .values()
        .flat_map(|count| count.places.keys())
        .filter_map(|place| address(place))
        .collect();
    let narrow = addresses.is_empty() || networks(&addresses).is_some();
    if !(system.is_some() || strong >= 2 && narrow) {
        return None;
    }
    match addresses.len() {
        0 => {}
        1 => evidence.push("always from the same address".to_owned()),
        many => evidence.push(format!("from {many} addresses")),
    }
    if somebody.keys.len() == 1 {
        evidence.push("always with the same key".to_owned());
    }
    evidence.push("never seen at a terminal".to_owned());
    Some(evidence)
}

fn often(times: &[i64]) -> Option<String> {
    let mut days: BTreeMap<i64, usize> = BTreeMap::new();
    for at in times {
        *days.entry(at.div_euclid(86_400)).or_default() += 1;
    }
    let most = days.values().copied().max().unwrap_or(0);
    (most >= MANY).then(|| match days.len() {
        1 => format!("{most} logins in one day"),
        days => format!("{} logins on {days} days, up to {most} a day", times.len()),
    })
}

/// At all hours, or at the same minute of the hour, or of the day.
fn regular(times: &[i64]) -> Option<String> {
    let hours: BTreeSet<i64> = times.iter().map(|at| at.rem_euclid(86_400) / 3_600).collect();
    if hours.len() >= HOURS {
        return Some(format!("round the clock: at {} hours of the day", hours.len()));
    }
    let days: BTreeSet<i64> = times.iter().map(|at| at.div_euclid(86_400)).collect();
    // Four of five within three minutes of each other.
    let same = |every: i64| {
        let mut at_minute: BTreeMap<i64, usize> = BTreeMap::new();
        for at in times {
            *at_minute.entry(at.rem_euclid(every) / 60).or_default() += 1;
        }
        let at = |minute: i64| at_minute.get(&(minute % (every / 60))).copied().unwrap_or(0);
        (0..every / 60)
            .find(|minute| (at(*minute) + at(minute + 1) + at(minute + 2)) * 5 >= times.len() * 4)
            // The middle of these.
            .map(|minute| (minute + 1) % (every / 60))
    };
    let (enough, hourly) = (times.len() >= FEW, hours.len() >= 6);
    if let Some(minute) = same(3_600).filter(|_| enough && hourly) {
        return Some(format!("every hour at about {minute} minutes past"));
    }
    let minute = same(86_400).filter(|_| enough && days.len() >= 3)?;
    Some(format!("every day at about {:02}:{:02} UTC", minute / 60, minute % 60))
}

fn short((over, within): (u64, u64)) -> Option<String> {
    (over >= 5 && within.saturating_mul(10) >= over.saturating_mul(9))
        .then(|| format!("{within} of {over} sessions lasted no longer than a minute"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 1_795_305_600;

    #[test]
    fn what_is_regular() {
        let hourly: Vec<i64> = (0..12).map(|hour| DAY + hour * 3_600 + 305).collect();
        assert_eq!(regular(&hourly).as_deref(), Some("every hour at about 4 minutes past"));
        let nightly: Vec<i64> = (0..10).map(|day| DAY + day * 86_400 + 3 * 3_600 + day).collect();
        assert_eq!(regular(&nightly).as_deref(), Some("every day at about 02:59 UTC"));
        let clock: Vec<i64> = (0..200).map(|n| DAY + n * 3_001).collect();
        assert!(regular(&clock).unwrap().starts_with("round the clock"), "{:?}", regular(&clock));
        let office: Vec<i64> =
            (0..40).map(|n| DAY + (n / 8) * 86_400 + 9 * 3_600 + (n % 8) * 3_333).collect();
        assert_eq!(regular(&office), None);
    }

    #[test]
    fn people_are_people() {
        let mut somebody = Somebody { uid: Some(990), ..Somebody::default() };
        assert_eq!(evidence(&somebody), None, "he was never refused");
        let count = super::super::Count { before: 1, ..Default::default() };
        somebody.services.insert("sshd".to_owned(), count);
        assert!(evidence(&somebody).is_some());
        for person in [
            Somebody { at_terminal: true, ..Somebody::default() },
            Somebody { granted: true, ..Somebody::default() },
        ] {
            let services = BTreeMap::from([(
                "sshd".to_owned(),
                super::super::Count { before: 1, ..Default::default() },
            )]);
            assert_eq!(evidence(&Somebody { uid: Some(990), services, ..person }), None);
        }
    }

    #[test]
    fn often_alone_is_not_enough() {
        let times: Vec<i64> = (0..30).map(|n| DAY + 9 * 3_600 + n * 601).collect();
        let services = || {
            BTreeMap::from([("sshd".to_owned(), super::super::Count { before: 30, ..Default::default() })])
        };
        let somebody = |sessions| Somebody {
            uid: Some(5001),
            services: services(),
            times: BTreeMap::from([("sshd".to_owned(), times.clone())]),
            sessions,
            ..Somebody::default()
        };
        assert_eq!(evidence(&somebody((30, 2))), None);
        assert!(evidence(&somebody((30, 30))).is_some());
    }
}
