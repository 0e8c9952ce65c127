//! POSIX access control lists (acl(5)): whom a file's list lets read or write besides its owner and its group. The mode alone does not tell: with a list, its
//! group bits are the list's mask.

use std::path::Path;

/// Where the kernel keeps a file's list (include/uapi/linux/posix_acl_xattr.h).
const NAME: &str = "system.posix_acl_access";
const VERSION: [u8; 4] = [2, 0, 0, 0];
const USER: u16 = 0x02;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
/// May read.
pub(super) const READ: u16 = 0x04;
/// May write.
pub(super) const WRITE: u16 = 0x02;
/// Longer lists than any file system keeps.
const LONGEST: usize = 64 << 10;

/// Somebody whom a list names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// By uid.
    User(u32),
    /// By gid.
    Group(u32),
}

/// Everybody but root whom the list of this file lets do that; nobody where there is no list.
pub(super) fn allowed(path: &Path, what: u16) -> Vec<Who> {
    let mut room = vec![0_u8; LONGEST];
    let length = rustix::fs::getxattr(path, NAME, room.as_mut_slice()).unwrap_or_default();
    parse(room.get(..length).unwrap_or_default(), what)
}

fn parse(list: &[u8], what: u16) -> Vec<Who> {
    let entries = list.strip_prefix(&VERSION).unwrap_or_default().chunks_exact(8).filter_map(|entry| {
        let (tag, rest) = entry.split_first_chunk::<2>()?;
        let (may, rest) = rest.split_first_chunk::<2>()?;
        let id = rest.first_chunk::<4>()?;
        Some((u16::from_le_bytes(*tag), u16::from_le_bytes(*may), u32::from_le_bytes(*id)))
    });
    let all: Vec<(u16, u16, u32)> = entries.collect();
    let mask = all.iter().find(|(tag, _, _)| *tag == MASK).map_or(u16::MAX, |(_, may, _)| *may);
    let writing = all.into_iter().filter(|(_, may, id)| may & mask & what != 0 && *id != 0);
    let named = writing.filter_map(|(tag, _, id)| match tag {
        USER => Some(Who::User(id)),
        GROUP => Some(Who::Group(id)),
        _ => None,
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut list = VERSION.to_vec();
        for (tag, may, id) in entries {
            list.extend([tag.to_le_bytes(), may.to_le_bytes()].concat());
            list.extend(id.to_le_bytes());
        }
        list
    }

    #[test]
    fn whom_a_list_lets_write() {
        let none = u32::MAX;
        let with = |more: &[(u16, u16, u32)]| {
            parse(&list(&[&[(1, 6, none), (4, 6, none)], more, &[(32, 4, none)]].concat()), WRITE)
        };
        assert_eq!(with(&[]), []);
        assert_eq!(with(&[(USER, 6, 1000), (MASK, 6, none)]), [Who::User(1000)]);
        assert_eq!(with(&[(USER, 4, 1000), (GROUP, 7, 50), (MASK, 7, none)]), [Who::Group(50)]);
        // The mask takes it away; root may anyhow.
        assert_eq!(with(&[(USER, 6, 1000), (MASK, 4, none)]), []);
        assert_eq!(with(&[(USER, 6, 0), (MASK, 6, none)]), []);
        assert_eq!(parse(b"", WRITE), []);
        assert_eq!(parse(&[1, 0, 0, 0, 2, 0, 6, 0, 1, 1, 0, 0], WRITE), []);
    }
}
