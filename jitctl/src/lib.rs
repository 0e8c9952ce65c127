//! What people type. Each command asks the daemon, or writes one file as root, and hands back a [`report::Report`]: the same
//! answer as JSON for programs and as text for people, and the exit status. Decides nothing about access itself, and
//! prints nothing from a directory that it has not cleaned.

pub mod account;
pub mod audit;
pub mod cli;
pub mod command;
pub mod context;
pub mod doctor;
pub mod foresee;
pub mod person;
pub mod report;
pub mod screen;
pub mod terminal;
pub mod when;

use std::io::{self, Write};
use std::process::ExitCode;

use jit_control::Answer;

use crate::cli::{AuditCommand, Cli, ClockCommand, Command, GrantCommand, GrantsArgs, SessionsCommand};
use crate::context::Context;
use crate::report::{Failure, Report};

/// Runs a command line: prints, and returns the exit status.
pub fn run(cli: &Cli) -> ExitCode {
    let context = Context::of_process(cli);
    let done = dispatch(cli, &context);
    let exit = match &done {
        Ok(report) => report.exit,
        Err(failure) => failure.exit,
    };
    // Somebody who closed the pipe (`jitctl grants | head`) has seen enough; there is nobody left to tell.
    let _ = if cli.json { print_json(done) } else { print_text(done) };
    ExitCode::from(exit)
}

/// Says what is wrong with a command line, or what was asked of the program itself (`--help`), and returns the exit status: as one line of
/// JSON too, where that was asked for.
pub fn unparsed(error: &clap::Error, json: bool) -> ExitCode {
    if error.use_stderr() && json {
        let _ = print_json(Err(Failure::usage(error.render().to_string().trim_end())));
    } else {
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn dispatch(cli: &Cli, context: &Context) -> Result<Report, Failure> {
    match &cli.command {
        Command::Status => command::status::run(context),
        Command::Why(args) => command::why::run(context, args),
        Command::Grants(args) if asks_the_directory(cli, args) => command::asked::run(context, cli, args),
        Command::Grants(args) => command::grants::run(context, args),
        Command::Request(args) => command::request::run(context, cli, args),
        Command::Approve(args) => command::approve::run(context, cli, args),
        Command::Deny(args) => command::take::deny(context, cli, args),
        Command::Revoke(args) => command::take::revoke(context, cli, args),
        Command::Release(args) => command::take::release(context, cli, args),
        Command::Extend(args) => command::extend::run(context, cli, args),
        Command::Role(which) => command::role::run(context, cli, which),
        Command::Watch => command::watch::run(context, cli),
        Command::Directory(which) => command::directory::run(context, cli, which),
        Command::Grant(GrantCommand::Add(args)) => command::grant_add::run(context, args),
        Command::Grant(GrantCommand::Revoke(args)) => command::grant_revoke::run(context, args),
        Command::Sessions(args) => match &args.command {
            None => command::sessions::list(context),
            Some(SessionsCommand::Terminate(args)) => command::sessions::terminate(context, args),
        },
        Command::Mode(args) => command::mode::run(context, args),
        Command::Doctor(args) => command::doctor::run(context, args),
        Command::Audit(AuditCommand::Verify(files)) => command::audit::verify(context, files),
        Command::Audit(AuditCommand::Report(args)) => command::audit::report(context, args),
        Command::Audit(AuditCommand::Replay(args)) => command::audit::replay(context, args),
        Command::Clock(ClockCommand::Accept) => command::clock::accept(context),
        Command::AuthorizedKeys(args) => command::authorized_keys::run(context, args),
    }
}

/// Some questions only the directory can answer; and where there is no daemon, somebody who has a directory configured means that.
fn asks_the_directory(cli: &Cli, args: &GrantsArgs) -> bool {
    args.directory
        || args.pending
        || args.mine
        || args.live
        || args.resting_on.is_some()
        || (!cli.socket.exists() && person::config::load(cli).is_ok())
}

fn print_json(done: Result<Report, Failure>) -> io::Result<()> {
    let answer = match done {
        Ok(report) => report.answer,
        Err(failure) => Answer::Refused { code: failure.code.to_owned(), text: failure.text },
    };
    let json = serde_json::to_string(&answer).map_err(io::Error::other)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", terminal::clean_json(&json))?;
    out.flush()
}

fn print_text(done: Result<Report, Failure>) -> io::Result<()> {
    match done {
        Ok(report) => {
            let mut out = io::stdout().lock();
            out.write_all(report.text.as_bytes())?;
            out.flush()?;
            for note in report.notes {
                writeln!(io::stderr().lock(), "jitctl: {}", terminal::clean(&note))?;
            }
        }
        Err(failure) => {
            for line in format!("jitctl: {}", failure.text).lines() {
                writeln!(io::stderr().lock(), "{}", terminal::clean(line))?;
            }
        }
    }
    Ok(())
}
