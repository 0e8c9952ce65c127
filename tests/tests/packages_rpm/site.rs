//! A host on which rpm installs and removes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jit_tests::host::Host;
use jit_tests::host::exec::Output;
use jit_tests::root::RPM;
use jit_tests::trouble::{Result, Trouble};

use crate::rpms::{OURS, Rpms};

/// Where the packages lie in the host.
const PACKAGES: &str = "/root/rpms";

pub(crate) struct Site {
    pub(crate) host: Host,
    pub(crate) rpms: Rpms,
}

/// A file of /etc: mode, owner, group, and the bytes or where a link leads.
type Entry = (u32, u32, u32, Vec<u8>);

impl Site {
    /// Without a package of ours, and with what they require.
    pub(crate) fn new(name: &str) -> Result<Site> {
        let site = Site { host: Host::named(name).of(RPM).up()?, rpms: Rpms::built()? };
        site.host.write(
            "/etc/nsswitch.conf",
            0o644,
            "# names\npasswd:  files\ngroup:   files\nshadow:  files\n",
        )?;
        let host = site.rpms.host();
        site.rpm("-i", &[host])?.must()?;
        Ok(site)
    }

    /// The same with ours.
    pub(crate) fn with_ours(name: &str) -> Result<Site> {
        let site = Site::new(name)?;
        site.install("1")?.must()?;
        Ok(site)
    }

    /// rpm with these packages of this machine.
    pub(crate) fn rpm(&self, how: &str, packages: &[PathBuf]) -> Result<Output> {
        let mut line = vec!["rpm".to_owned(), how.to_owned()];
        for path in packages {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
            let inside = format!("{PACKAGES}/{folder}-{name}");
            self.host.install(path, &inside, 0o644)?;
            line.push(inside);
        }
        self.host.exec(line).run()
    }

    /// The four of this release, newly or in place of another.
    pub(crate) fn install(&self, release: &str) -> Result<Output> {
        let paths = OURS.iter().map(|name| self.rpms.ours(name, release)).collect::<Result<Vec<_>>>()?;
        self.rpm("-U", &paths)
    }

    pub(crate) fn erase(&self, names: &[&str]) -> Result<Output> {
        self.host.exec(["rpm", "-e"].into_iter().chain(names.iter().copied())).run()
    }

    /// /etc, but for what adding a user or a library writes anyway.
    pub(crate) fn etc(&self) -> Result<BTreeMap<String, Entry>> {
        const OTHERS: [&str; 11] = [
            "passwd",
            "passwd-",
            "group",
            "group-",
            "shadow",
            "shadow-",
            "gshadow",
            "gshadow-",
            "subuid",
            "subgid",
            "ld.so.cache",
        ];
        let root = self.host.path("/etc");
        let mut entries = BTreeMap::new();
        let mut waiting = vec![root.clone()];
        while let Some(path) = waiting.pop() {
            let metadata = fs::symlink_metadata(&path).map_err(|e| Trouble::io(&path, e))?;
            let mut content = Vec::new();
            if metadata.is_dir() {
                let list = fs::read_dir(&path).map_err(|e| Trouble::io(&path, e))?;
                waiting.extend(list.flatten().map(|entry| entry.path()));
            } else if metadata.is_symlink() {
                let link = fs::read_link(&path).map_err(|e| Trouble::io(&path, e))?;
                content = link.to_string_lossy().into_owned().into_bytes();
            } else {
                content = fs::read(&path).map_err(|e| Trouble::io(&path, e))?;
            }
            let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
            if !OTHERS.contains(&name.as_str()) && !name.starts_with("sub") {
                entries
                    .insert(name, (metadata.permissions().mode(), metadata.uid(), metadata.gid(), content));
            }
        }
        Ok(entries)
    }
}

/// What differs between two looks at /etc.
pub(crate) fn differences(before: &BTreeMap<String, Entry>, after: &BTreeMap<String, Entry>) -> Vec<String> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}
