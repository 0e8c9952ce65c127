//! Stands empty for now.
fn main() {}
