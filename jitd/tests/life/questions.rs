//! What modules ask, and those that misbehave.

use std::io::{Read, Write};

use jit_proto::{Question, Verdict};

use crate::host::{Host, PEOPLE, SOMEBODY, grant, read_answer, sshd};

#[test]
fn a_grant_opens_and_its_end_closes() {
    let host = Host::new();
    host.write("enforcing", "");
    let jitd = host.start();
    let (verdict, text) = jitd.ask(&sshd("alice", SOMEBODY));
    assert_eq!(verdict, Verdict::Deny);
    assert_eq!(
        text,
        "jit: sshd on web1.prod.example.com is closed to alice: no grant\n\
         root can grant it on this host: jitctl grant add alice --for 2h --reason '...'"
    );
    host.write("grants.ldif", &format!("{PEOPLE}{}", grant("g1", "alice")));
    jitd.comes_to("alice", Verdict::Allow);
    let (_, text) = jitd.ask(&sshd("alice", SOMEBODY));
    assert_eq!(text, "", "silent when allowing");
    assert_eq!(jitd.ask(&sshd("bob", SOMEBODY)).0, Verdict::Deny);
    host.write("grants.ldif", PEOPLE);
    jitd.comes_to("alice", Verdict::Deny);
    // Once gone, gone for ever.
    host.write("grants.ldif", &format!("{PEOPLE}{}{}", grant("g1", "alice"), grant("g2", "bob")));
    jitd.comes_to("bob", Verdict::Allow);
    assert_eq!(jitd.ask(&sshd("alice", SOMEBODY)).0, Verdict::Deny);

    let denied = host.audited("a denial", |event| event["verdict"] == "deny" && event["name"] == "alice");
    assert_eq!(
        (&denied["code"], &denied["rhost"], &denied["mode"]),
        (&"no-grant".into(), &"192.0.2.7".into(), &"enforcing".into())
    );
    let allowed = host.audited("an access", |event| event["verdict"] == "allow" && event["name"] == "alice");
    assert_eq!(allowed["grants"][0]["id"], "g1");
    assert_eq!(allowed["dn"], "uid=alice,ou=people,dc=local");
    host.audited("the deletion", |event| event["event"] == "deletion" && event["grant"]["id"] == "g1");
}

#[test]
fn without_a_certain_account_the_door_stays_shut() {
    let host = Host::new();
    host.write("enforcing", "");
    let config =
        format!("{}[break_glass]\nusers = [\"alice\"]\n[[exempt]]\nuser = \"alice\"\n", host.config());
    host.write("jitd.toml", &config);
    host.write("grants.ldif", &format!("{PEOPLE}{}", grant("g1", "alice")));
    let jitd = host.start();
    jitd.comes_to("alice", Verdict::Unguarded);
    for question in [
        Question { uid: None, ..sshd("alice", 0) },
        sshd("CORP\\alice", SOMEBODY),
        sshd("al ice", SOMEBODY),
        sshd("älice", SOMEBODY),
    ] {
        let (verdict, text) = jitd.ask(&question);
        assert_eq!(verdict, Verdict::Deny, "{question:?}");
        assert!(text.contains("no account here"), "{text}");
        // Where the rule does not apply it does not apply to them either.
        let elsewhere = Question { service: "dovecot", ..question };
        assert_eq!(jitd.ask(&elsewhere).0, Verdict::Unguarded);
    }
    let strange = Question { service: "no such/service", ..sshd("bob", SOMEBODY) };
    assert_eq!(jitd.ask(&strange).0, Verdict::Unguarded, "no configuration can name it");
    let event = host.audited("it", |event| event["code"] == "no-account" && event["name"] == "al ice");
    assert_eq!(event["verdict"], "deny");
}

#[test]
fn glass_breaks_only_for_local_accounts() {
    let host = Host::new();
    host.write("enforcing", "");
    let config = format!("{}[break_glass]\nusers = [\"daemon\", \"carol\"]\n", host.config());
    host.write("jitd.toml", &config);
    let jitd = host.start();
    // uid 1 on every Linux host.
    assert_eq!(jitd.ask(&sshd("daemon", 1)).0, Verdict::Allow);
    assert_eq!(jitd.ask(&sshd("daemon", SOMEBODY)).0, Verdict::Deny, "another name service's");
    assert_eq!(jitd.ask(&sshd("carol", SOMEBODY)).0, Verdict::Deny, "not in /etc/passwd");
    let console = Question { service: "login", rhost: None, tty: Some("/dev/tty1"), ..sshd("root", 0) };
    assert_eq!(jitd.ask(&console).0, Verdict::Allow);
    assert_eq!(jitd.ask(&Question { tty: Some("pts/1"), ..console }).0, Verdict::Deny);
    assert_eq!(jitd.ask(&Question { rhost: Some("192.0.2.7"), ..console }).0, Verdict::Deny);
    host.audited("the alert", |event| event["verdict"] == "break-glass" && event["name"] == "daemon");
}

#[test]
fn whoever_dawdles_or_babbles_keeps_nobody_waiting() {
    let host = Host::granted();
    let jitd = host.start_for("alice");
    // They connect and say nothing, or only the beginning; more of them than may wait.
    let frame = sshd("alice", SOMEBODY).encode().unwrap();
    let mut waiting: Vec<_> = (0..600).map(|_| jitd.connect()).collect();
    for stream in waiting.iter_mut().skip(100).take(100) {
        stream.write_all(&frame.as_bytes()[..11]).unwrap();
    }
    assert_eq!(jitd.ask(&sshd("alice", SOMEBODY)).0, Verdict::Allow);
    // One of them goes on, byte by byte.
    let mut slow = waiting.remove(150);
    for byte in &frame.as_bytes()[11..] {
        slow.write_all(&[*byte]).unwrap();
    }
    assert_eq!(read_answer(&mut slow).unwrap().0, Verdict::Allow);
    // Nonsense is hung up on without a word.
    let mut too_much = frame.as_bytes().to_vec();
    too_much.push(0);
    let mut other_version = frame.as_bytes().to_vec();
    other_version[4] = 2;
    let garbage: [&[u8]; 4] = [b"GET / HTTP/1.1\r\n\r\n", &[0xff; 4096], &too_much, &other_version];
    for bytes in garbage {
        let mut stream = jitd.connect();
        let _ = stream.write_all(bytes);
        assert_eq!(read_answer(&mut stream), None, "{bytes:?}");
    }
    // Those who never asked are let go at the deadline.
    for mut stream in waiting {
        assert_eq!(stream.read(&mut [0; 16]).expect("jitd should hang up"), 0);
    }
    assert_eq!(jitd.ask(&sshd("alice", SOMEBODY)).0, Verdict::Allow);
}

#[test]
fn the_key_is_written_down() {
    let host = Host::new();
    let jitd = host.start();
    let key = "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS\n";
    let question = Question { auth_info: Some(key), ..sshd("alice", SOMEBODY) };
    assert_eq!(jitd.ask(&question).0, Verdict::Unguarded, "permissive");
    let event = host.audited("the decision", |event| event["verdict"] == "would-deny");
    let fingerprint = event["key"].as_str().unwrap();
    assert!(fingerprint.starts_with("SHA256:") && fingerprint.len() == 50, "{fingerprint}");
}
