use super::*;
use crate::sessions::process::Uids;
use crate::sessions::testing::{self, session};

const US: ProcessId = ProcessId { pid: 5000, start: 5000 };
const ALICE: u32 = 1000;

fn process(pid: i32, parent: i32, name: &str, uid: u32, login: Option<u32>) -> Process {
    Process {
        name: name.to_owned(),
        uids: Uids { real: uid, effective: uid, saved: uid, fs: uid },
        audit: login.map(|session| AuditMark { login_uid: ALICE, session }),
        ..testing::process(ProcessId { pid, start: u64::try_from(pid).unwrap() }, parent)
    }
}

/// Those that are found, by the number of their leader.
fn found(processes: Vec<Process>, known: &[Session]) -> Vec<(i32, Sort)> {
    let common = [process(1, 0, "systemd", 0, None), process(5000, 1, "jitd", 900, None)];
    let table = Table::of(common.into_iter().chain(processes));
    strangers(&table, known, US).into_iter().map(|found| (found.mark.leader.pid, found.login)).collect()
}

#[test]
fn a_login_is_known_by_its_oldest_process_and_where_that_comes_from() {
    let sshd = || {
        vec![
            process(10, 1, "sshd", 0, None),
            process(20, 10, "sshd", 0, Some(4)),
            process(21, 20, "sshd", ALICE, Some(4)),
            process(22, 21, "bash", ALICE, Some(4)),
        ]
    };
    assert_eq!(found(sshd(), &[]), [(20, Sort::By("sshd"))]);
    let mut newer = sshd();
    newer[1].name = "sshd-session".to_owned();
    assert_eq!(found(newer, &[]), [(20, Sort::By("sshd"))]);
    let job = vec![process(10, 1, "cron", 0, None), process(20, 10, "cron", 0, Some(4))];
    assert_eq!(found(job, &[]), [(20, Sort::By("cron"))]);
    let console = vec![process(20, 1, "login", 0, Some(4)), process(21, 20, "bash", ALICE, Some(4))];
    assert_eq!(found(console, &[]), [(20, Sort::By("login"))]);
    let mut manager = vec![process(20, 1, "systemd", ALICE, Some(4))];
    manager[0].cgroup = "/user.slice/user-1000.slice/user@1000.service/init.scope".to_owned();
    assert_eq!(found(manager, &[]), [(20, Sort::By("systemd-user"))]);
    // What a person left running is his.
    assert_eq!(found(vec![process(20, 1, "tmux: server", ALICE, Some(4))], &[]), [(20, Sort::Remains)]);
}

#[test]
fn a_daemon_that_somebody_started_again_is_no_login() {
    // The person has gone, and the daemon bears his login's mark, as does what it starts.
    let cron = vec![process(20, 1, "cron", 0, Some(4)), process(30, 20, "cron", 0, Some(4))];
    assert_eq!(found(cron, &[]), [(20, Sort::Unclear)]);
    let sshd = vec![process(20, 1, "sshd", 0, Some(4)), process(30, 20, "sshd", 0, Some(5))];
    assert_eq!(found(sshd, &[]), [(20, Sort::Unclear), (30, Sort::By("sshd"))]);
    assert_eq!(found(vec![process(20, 1, "nginx", 33, Some(4))], &[]), [(20, Sort::Unclear)]);
}

#[test]
fn a_name_alone_proves_nothing() {
    // No mark, no name is out of reach for somebody who wants to be taken for another's login.
    let fake = |uid: u32| vec![process(10, 1, "sshd", uid, None), process(20, 10, "sshd", uid, Some(4))];
    assert_eq!(found(fake(1007), &[]), [(20, Sort::Unclear)]);
    assert_eq!(found(fake(0), &[]), [(20, Sort::By("sshd"))]);
}

#[test]
fn a_login_by_a_service_that_cannot_be_told_is_one_all_the_same() {
    let desktop = |uid: u32, parent: i32| {
        vec![
            process(10, 1, "gdm3", 0, None),
            process(20, parent, "gdm-session-wor", uid, Some(4)),
            process(21, 20, "gnome-session-b", ALICE, Some(4)),
        ]
    };
    assert_eq!(found(desktop(0, 10), &[]), [(20, Sort::Other)]);
    assert_eq!(found(desktop(0, 1), &[]), [(20, Sort::Unclear)], "so would be a daemon of hers");
    assert_eq!(found(desktop(ALICE, 10), &[]), [(20, Sort::Remains)]);
    // With logind's word it is clear; and by which service an sshd came, too.
    let sorted = |name: &str| {
        let table = Table::of([process(1, 0, "systemd", 0, None), process(20, 1, name, 0, Some(4))]);
        let mark = AuditMark { login_uid: ALICE, session: 4 };
        sort(&table, table.get(20).unwrap(), mark, Some("/user.slice/user-1000.slice/session-4.scope"))
    };
    assert_eq!(sorted("sshd"), Sort::By("sshd"));
    assert_eq!(sorted("gdm-session-wor"), Sort::Other);
}

#[test]
fn who_is_in_by_an_unguarded_service_may_stay() {
    let here = |guarded: &str| {
        let text = format!(
            "[host]\nname = \"web1.example.com\"\n[guard]\nservices = [{guarded}]\n[source.ldif]\n\
                            path = \"/etc/jitd/grants.ldif\"\n[default_role]\nmax_duration = \"8h\"\n"
        );
        let policy = crate::config::parse(&text).unwrap().policy;
        let table = Table::of([
            process(1, 0, "systemd", 0, None),
            process(10, 1, "sshd", 0, None),
            process(20, 10, "sshd", 0, Some(4)),
            process(21, 20, "bash", ALICE, Some(4)),
        ]);
        let desktop = Table::of([
            process(1, 0, "systemd", 0, None),
            process(10, 1, "gdm3", 0, None),
            process(20, 10, "gdm-session-wor", 0, Some(5)),
        ]);
        assert_eq!(unguarded(&desktop, &[], &policy), BTreeSet::from([ALICE]), "by whatever service");
        unguarded(&table, &[], &policy)
    };
    assert_eq!(here("\"sudo\""), BTreeSet::from([ALICE]));
    assert_eq!(here("\"sudo\", \"sshd\""), BTreeSet::new());
}

#[test]
fn who_is_known_or_came_later_is_not_found() {
    let login = |pid: i32| vec![process(10, 1, "sshd", 0, None), process(pid, 10, "sshd", 0, Some(4))];
    let known = |pid: i32, audit: Option<AuditMark>| {
        let mut known = session(pid);
        known.mark.leader.start = u64::try_from(pid).unwrap();
        known.mark.audit = audit;
        known
    };
    let mark = AuditMark { login_uid: ALICE, session: 4 };
    assert_eq!(found(login(20), &[known(77, Some(mark))]), []);
    assert_eq!(found(login(20), &[known(20, None)]), []);
    // What somebody became within it does not make the login known.
    let mut sudo = known(77, Some(mark));
    sudo.mark.kind = Kind::Become;
    assert_eq!(found(login(20), &[sudo]), [(20, Sort::By("sshd"))]);
    assert_eq!(found(login(6000), &[]), []);
    // The daemon itself was started from it.
    let mut ours = login(20);
    ours.push(process(5000, 1, "jitd", 900, Some(4)));
    assert_eq!(found(ours, &[]), []);
    // root's.
    let mut roots = login(20);
    roots[1].audit = Some(AuditMark { login_uid: 0, session: 4 });
    assert_eq!(found(roots, &[]), []);
}
