//! The name that programs look for, and a link that fails where something is missing: a panic that could be reached would call
//! a function that nobody has (see src/lib.rs). And it stays loaded once it is: no dlclose(3) takes the code away from under a thread that
//! is in it, or leaves a mapping behind that nobody knows any more.

fn main() {
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libnss_jit.so.2");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,defs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
