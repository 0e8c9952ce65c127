//! The stand-in for authselect(8) in throw-away hosts: see `jit_tests::authselect`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match jit_tests::authselect::run(&arguments) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            eprintln!("[error] {trouble}");
            ExitCode::FAILURE
        }
    }
}
