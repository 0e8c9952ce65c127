//! Asks glibc for groups without pause, in a throw-away host: see `jit_tests::nss_map::reader`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match jit_tests::nss_map::reader::run(&words) {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            println!("{trouble}");
            ExitCode::FAILURE
        }
    }
}
