//! The release build of libnss_jit.so.2, as a file and as glibc calls it, on throw-away hosts whose group map is the test's own.

mod answers;
mod guest;
mod library;
mod no_map;

use std::path::PathBuf;

use jit_tests::host::Host;
use jit_tests::nss::{Place, empty, group, person};
use jit_tests::trouble::Result;
use jitd::groups::encode::Content;

const DRIVER: &str = "/usr/local/bin/nss_driver";

/// A host with the module and the driver, and where its map is to be.
fn host(name: &str, services: &str) -> Result<(Host, Place)> {
    let host = Host::named(name).up()?;
    host.name_service(services)?;
    host.install(&PathBuf::from(env!("CARGO_BIN_EXE_nss_driver")), DRIVER, 0o755)?;
    let place = Place::of(&host)?;
    Ok((host, place))
}

fn drive(host: &Host, words: &[&str]) -> Result<String> {
    host.exec([DRIVER].iter().chain(words)).run()?.must()
}

/// With alice in dba and adm, both local names and a number of our own, and one group without anybody.
fn company() -> Content {
    let mut content = empty();
    content.groups.insert("adm".to_owned(), group(4, ["alice"]));
    content.groups.insert("dba".to_owned(), group(50_000, ["alice", "bob"]));
    content.groups.insert("idle".to_owned(), group(50_001, []));
    content.people.insert("alice".to_owned(), person("alice", 20_001));
    content
}
