//! From a map to what glibc wants: which row, and what of it goes where in the buffer. Functions of values.
//!
//! Must never give half an answer: what does not fit or cannot be read wholly is a [`Failure`], and nothing is said.

use core::ffi::c_long;
use core::ptr;

use jit_proto::map::read::{Damaged, Group, Map, Now, Person};
use jit_proto::sys::Errno;

use crate::room::Room;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The map says that there is no such thing.
    NotFound,
    /// There is no map that could be asked, or it is damaged.
    Unavailable,
    /// The buffer is too small.
    TooSmall,
    /// There is no memory for a longer list.
    NoMemory,
    /// This process, or the host, has no descriptor or no memory left with which to look for a map.
    Exhausted,
}

impl From<Errno> for Failure {
    /// Why a map cannot be opened. That there is nothing left is to be told from that there is no map: by the latter, programs go as if
    /// nobody had that name, and for good (a mail server sends the letter back).
    fn from(errno: Errno) -> Failure {
        match errno.0 {
            libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EAGAIN => Failure::Exhausted,
            _ => Failure::Unavailable,
        }
    }
}

impl From<Damaged> for Failure {
    fn from(_: Damaged) -> Failure {
        Failure::Unavailable
    }
}

/// Where an answer comes from, and for when.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) map: Map<'a>,
    pub(crate) now: Now,
}

/// No password, and none that would fit: pam_unix takes `*`, where it would look for a shadow entry after an `x`.
const PASSWORD: &[u8] = b"*";

impl<'a> Asked<'a> {
    /// The group of this name.
    pub(crate) fn group_named(self, name: &[u8], room: Room<'_>) -> Result<libc::group, Failure> {
        self.group(&self.map.group(name)?.ok_or(Failure::NotFound)?, room)
    }

    /// The group of this number.
    pub(crate) fn group_numbered(self, gid: u32, room: Room<'_>) -> Result<libc::group, Failure> {
        self.group(&self.map.group_of_gid(gid)?.ok_or(Failure::NotFound)?, room)
    }

    /// The group at a place in the enumeration, and the place after it.
    pub(crate) fn next_group(self, place: u32, room: Room<'_>) -> Result<(libc::group, u32), Failure> {
        let group = self.map.group_at(place)?.ok_or(Failure::NotFound)?;
        Ok((self.group(&group, room)?, place.saturating_add(1)))
    }

    /// The person of this login.
    pub(crate) fn person_named(self, name: &[u8], room: Room<'_>) -> Result<libc::passwd, Failure> {
        person(&self.map.person(name, self.now)?.ok_or(Failure::NotFound)?, room)
    }

    /// The person of this number.
    pub(crate) fn person_numbered(self, uid: u32, room: Room<'_>) -> Result<libc::passwd, Failure> {
        person(&self.map.person_of_uid(uid, self.now)?.ok_or(Failure::NotFound)?, room)
    }

    /// The next person from a place in the enumeration on, and the place after him.
    pub(crate) fn next_person(self, place: u32, room: Room<'_>) -> Result<(libc::passwd, u32), Failure> {
        let mut place = place;
        loop {
            let found = self.map.person_at(place, self.now)?.ok_or(Failure::NotFound)?;
            place = place.checked_add(1).ok_or(Failure::NotFound)?;
            if let Some(found) = found {
                return Ok((person(&found, room)?, place));
            }
        }
    }

    /// Hands over the numbers of all groups of somebody, but for his primary one.
    pub(crate) fn groups_of(
        self,
        user: &[u8],
        primary: u32,
        mut add: impl FnMut(u32) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for gid in self.map.groups_of(user, self.now)? {
            let gid = gid?;
            if gid != primary {
                add(gid)?;
            }
        }
        Ok(())
    }

    fn group(self, group: &Group<'a>, mut room: Room<'_>) -> Result<libc::group, Failure> {
        let members = self.map.members(group, self.now)?;
        // Room for all whom it ever has, and for the end of the list: to count those of now first would be to look at each of them twice.
        let most = usize::try_from(members.most()).ok().and_then(|most| most.checked_add(1));
        let places = room.pointers(most.ok_or(Failure::TooSmall)?)?;
        let mut free = places.iter_mut();
        for member in members {
            free.next().ok_or(Failure::TooSmall)?.write(room.text(member?)?);
        }
        free.next().ok_or(Failure::TooSmall)?.write(ptr::null_mut());
        Ok(libc::group {
            gr_name: room.text(group.name)?,
            gr_passwd: room.text(PASSWORD)?,
            gr_gid: group.gid,
            gr_mem: places.as_mut_ptr().cast(),
        })
    }
}

/// How long the host's list of groups may become when it is full; `None` when it may not. As glibc's own modules do it: twice as long, and
/// without a limit where that is not positive.
pub(crate) fn grown(size: c_long, limit: c_long) -> Option<c_long> {
    if limit > 0 && size >= limit {
        return None;
    }
    let twice = size.max(1).checked_mul(2)?;
    Some(if limit > 0 { twice.min(limit) } else { twice })
}

fn person(person: &Person<'_>, mut room: Room<'_>) -> Result<libc::passwd, Failure> {
    Ok(libc::passwd {
        pw_name: room.text(person.name)?,
        pw_passwd: room.text(PASSWORD)?,
        pw_uid: person.uid,
        pw_gid: person.gid,
        pw_gecos: room.text(person.gecos)?,
        pw_dir: room.text(person.home)?,
        pw_shell: room.text(person.shell)?,
    })
}

#[cfg(test)]
mod tests {
    use super::grown;

    #[test]
    fn a_list_grows_as_glibcs_own_modules_make_it_grow() {
        assert_eq!(
            [(1, -1), (16, 0), (64, 65_536)].map(|(size, limit)| grown(size, limit)),
            [Some(2), Some(32), Some(128)]
        );
        assert_eq!(grown(40_000, 65_536), Some(65_536));
        assert_eq!(
            [(65_536, 65_536), (70_000, 65_536)].map(|(size, limit)| grown(size, limit)),
            [None, None]
        );
        assert_eq!([(0, -1), (-5, 3)].map(|(size, limit)| grown(size, limit)), [Some(2), Some(2)]);
        assert_eq!(grown(core::ffi::c_long::MAX, -1), None);
    }
}
