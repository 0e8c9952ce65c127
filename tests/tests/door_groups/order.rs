//! The moment in which a grant begins or ends: whoever is let in has its groups, and whoever has none any more is not let in later.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use jit_proto::Verdict;
use jit_tests::bench::place::ask;
use jit_tests::door::{Mode, SOON};
use jit_tests::ldif::Ldif;
use jit_tests::trouble::{Result, Trouble};

use crate::{group_line, groups_of, install_asks, up};

const ROUNDS: u32 = 50;

/// Each round, a grant begins while somebody knocks without pause: sshd does, and one that asks as pam_jit does and looks at the groups some
/// ten microseconds after it was let in.
#[test]
fn who_is_let_in_has_the_groups() -> Result<()> {
    let door = up("files jit", Mode::Enforcing, &Ldif::new())?;
    let host = door.host();
    install_asks(host)?;
    let (gid, _) = group_line(host, "jit-dba")?;
    let mut asks = host.spawn(["asks"], [Stdio::piped(), Stdio::piped(), Stdio::null()])?;
    let (Some(mut questions), Some(answers)) = (asks.stdin.take(), asks.stdout.take()) else {
        return Err(Trouble::new("asks has no streams"));
    };
    let mut answers = BufReader::new(answers);
    let mut is_in = || -> std::io::Result<bool> {
        questions.write_all(b"groups alice\n")?;
        let mut line = String::new();
        answers.read_line(&mut line)?;
        Ok(line.split_whitespace().any(|number| number == gid.to_string()))
    };
    let mut is_in = || is_in().map_err(|e| Trouble::new(format!("asks: {e}")));
    // Without a pause: what is to be seen is the moment after.
    let knocks = |wanted: Verdict| {
        let start = Instant::now();
        while !ask(host, "alice", 5001).is_ok_and(|verdict| verdict == wanted) {
            assert!(start.elapsed() < SOON, "alice does not find {wanted:?}");
        }
    };
    assert!(!is_in()?);
    for round in 0..ROUNDS {
        let logs_in = host.sh("until ssh alice@web1.prod.example.com id -nG 2>/dev/null; do :; done");
        let login = thread::spawn(move || logs_in.run());
        let add =
            door.jitctl(["grant", "add", "alice", "--for", "1h", "--role", "dba", "--reason", "x", "--json"]);
        let adds = thread::spawn(move || add.run());
        knocks(Verdict::Allow);
        assert!(is_in()?, "round {round}: let in without her group");
        let added = join(adds)?.must()?;
        let session = join(login)?.must()?;
        assert!(session.split_whitespace().any(|name| name == "jit-dba"), "round {round}: {session}");

        let added: serde_json::Value = serde_json::from_str(&added).unwrap_or_default();
        let id = added["id"].as_str().unwrap_or_default();
        let revoke = door.jitctl(["grant", "revoke", id]);
        let revokes = thread::spawn(move || revoke.run());
        knocks(Verdict::Deny);
        assert!(!is_in()?, "round {round}: kept out, and in her group still");
        join(revokes)?.must()?;
        assert_eq!(groups_of(host, "alice")?, ["alice", "people"]);
    }
    drop(questions);
    let _ = asks.wait();
    Ok(())
}

fn join<T>(thread: thread::JoinHandle<Result<T>>) -> Result<T> {
    thread.join().map_err(|_| Trouble::new("a thread panicked"))?
}
