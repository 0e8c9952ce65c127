//! The daemon's door: see the library.
fn main() {}
