//! Whether a login is an account of this host. Asks the name service, which may hang on the very night for which `grant add`
//! is made: so it gets a second, and its silence stops nothing.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use jit_model::name::Login;
use nix::unistd::User;

/// How long the name service may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the name service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// There is one, with this uid.
    Uid(u32),
    /// There is none.
    NotThere,
    /// It says nothing, or not in time.
    Silent,
}

/// Asks for a login. A thread that hangs in the name service is left behind; the process ends soon.
pub fn look_up(login: &Login) -> Account {
    let (tell, told) = mpsc::channel();
    let name = login.as_str().to_owned();
    let asking = thread::Builder::new().spawn(move || {
        let _ = tell.send(User::from_name(&name));
    });
    match (asking, told.recv_timeout(PATIENCE)) {
        (Ok(_), Ok(Ok(Some(user)))) => Account::Uid(user.uid.as_raw()),
        (Ok(_), Ok(Ok(None))) => Account::NotThere,
        _ => Account::Silent,
    }
}
