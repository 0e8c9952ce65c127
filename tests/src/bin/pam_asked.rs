//! `pam_asked SERVICE USER UID`: what the PAM stacks of the host in which it runs say to a service, by the real libpam: the codes of
//! pam_acct_mgmt and of pam_open_session, on one line. UID is the caller's, as in a set-uid program.

use std::process::ExitCode;

use jit_tests::libpam::Call;
use jit_tests::libpam::ffi::{Item, Speech, Transaction};
use jit_tests::trouble::{Result, Trouble};
use rustix::thread::Uid;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match ask(&arguments) {
        Ok((account, session)) => {
            println!("{account} {session}");
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::FAILURE
        }
    }
}

fn ask(arguments: &[String]) -> Result<(i32, i32)> {
    let [service, user, uid] = arguments else {
        return Err(Trouble::new("usage: pam_asked SERVICE USER UID"));
    };
    let uid: u32 = uid.parse().map_err(|e| Trouble::new(format!("{uid}: {e}")))?;
    rustix::thread::set_thread_res_uid(Uid::from_raw(uid), Uid::ROOT, Uid::ROOT)
        .map_err(|e| Trouble::new(format!("real uid {uid}: {e}")))?;
    let mut transaction = Transaction::start(service, Some(user), "/etc/pam.d")?;
    transaction.set(Item::Ruser, user)?;
    // Not a console, where root and a few others have a way in.
    transaction.set(Item::Tty, "pts/0")?;
    let account = transaction.call(Call::Account, Speech::Silent);
    Ok((account, transaction.call(Call::OpenSession, Speech::Silent)))
}
