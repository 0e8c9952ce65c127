//! The name service of a host: our module where glibc looks for it, and nsswitch.conf(5).

use super::Host;
use crate::built;
use crate::trouble::Result;

impl Host {
    /// Installs the module, and has these services asked for groups, as nsswitch.conf(5) wants them: `files jit`,
    /// `files [SUCCESS=merge] jit`. For people, the same ones without what stands in brackets: passwords do not merge. There is no
    /// `initgroups:` line; who wants one adds it.
    ///
    /// # Errors
    /// When the module is not built, or a file cannot be written.
    pub fn name_service(&self, services: &str) -> Result<()> {
        let library = format!("/usr/lib/{}-linux-gnu/libnss_jit.so.2", std::env::consts::ARCH);
        // Replaced, not written over: somebody may have it mapped.
        self.install(&built::nss_jit()?, &library, 0o644)?;
        self.write("/etc/nsswitch.conf", 0o644, nsswitch(services))
    }
}

fn nsswitch(services: &str) -> String {
    let mut people = String::new();
    let mut rest = services;
    while let Some((before, after)) = rest.split_once('[') {
        people.push_str(before);
        rest = after.split_once(']').map_or("", |(_, after)| after);
    }
    people.push_str(rest);
    let people: Vec<&str> = people.split_whitespace().collect();
    format!("passwd: {}\ngroup: {services}\nshadow: files\ngshadow: files\nhosts: files\n", people.join(" "))
}

#[cfg(test)]
mod tests {
    use super::nsswitch;

    #[test]
    fn people_are_never_merged() {
        assert!(nsswitch("files jit").starts_with("passwd: files jit\ngroup: files jit\nshadow: files\n"));
        let merged = nsswitch("files [SUCCESS=merge] sss [NOTFOUND=return] jit");
        assert!(
            merged.starts_with(
                "passwd: files sss jit\ngroup: files [SUCCESS=merge] sss [NOTFOUND=return] jit\n"
            )
        );
    }
}
