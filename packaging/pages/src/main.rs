//! `jit-pages DIR`: writes jitctl's man pages (jitctl.1 and one for each command) and its completions for bash, zsh and fish below DIR, in the
//! folders man, bash, zsh and fish. Run while packages are made, never installed. What it writes depends on the definitions in
//! `jitctl::cli` alone, so that two builds write the same.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;
use jitctl::cli::Cli;

fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1) else {
        eprintln!("usage: jit-pages DIR");
        return ExitCode::from(2);
    };
    match write(Path::new(&dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jit-pages: {}: {error}", Path::new(&dir).display());
            ExitCode::FAILURE
        }
    }
}

fn write(dir: &Path) -> io::Result<()> {
    for (shell, folder) in [(Shell::Bash, "bash"), (Shell::Zsh, "zsh"), (Shell::Fish, "fish")] {
        let folder = dir.join(folder);
        fs::create_dir_all(&folder)?;
        generate_to(shell, &mut Cli::command(), "jitctl", &folder)?;
    }
    let man = dir.join("man");
    fs::create_dir_all(&man)?;
    let mut whole = Cli::command().disable_help_subcommand(true);
    whole.build();
    pages(&whole, "jitctl", &man)
}

/// The page of a command, and those of the commands below it: `jitctl-grant-add.1`.
fn pages(command: &Command, name: &str, into: &Path) -> io::Result<()> {
    let page = Man::new(command.clone()).title(name.to_uppercase()).section("1");
    let mut text = Vec::new();
    // No date: it would be that of the build.
    page.date("").source("jit").manual("jit").render(&mut text)?;
    fs::write(into.join(format!("{name}.1")), text)?;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        pages(below, &format!("{name}-{}", below.get_name()), into)?;
    }
    Ok(())
}
