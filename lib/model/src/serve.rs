//! Which people of a directory this host shows as accounts, for those who hold or lately held a grant: so that they can log in where they
//! have no local account, and files keep the names of their owners. A function of values. Opens no door: the account phase still denies.
//!
//! Must never show an account with the number of root, with the number or the name of another local account, or with a primary group
//! that would make its holder a member of a local group. Nor may a directory choose a program or a place that the host did not mean: a
//! home directory is made by root (pam_mkhomedir) and given to its owner, so one below /etc would be a way to root, and so would one
//! below a directory of somebody's, who may point it there.

use std::collections::BTreeMap;

use crate::confer::{ConferredGroup, DYNAMIC, IdRange, Local, RESERVED, Unfit, unfit};
use crate::name::{Login, UnixGroup};
use crate::people::Account;
use crate::text::plain;
use crate::time::{Span, Timestamp};

mod fields;

/// What the host takes of a directory's people: `[people]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleRules {
    /// Where uidNumber and gidNumber must lie.
    pub ids: IdRange,
    /// Login shells that are taken as they are; for any other the first of these. Never empty.
    pub shells: Vec<String>,
    /// A home directory must be named as its login, and lie in one of these; for any other the login's own in the first of them.
    /// Absolute, never empty.
    pub homes: Vec<String>,
    /// How long somebody is shown after his last grant.
    pub linger: Span,
}

impl Default for PeopleRules {
    fn default() -> PeopleRules {
        PeopleRules {
            ids: IdRange { first: 10_000, last: 2_000_000_000 },
            shells: vec!["/bin/bash".to_owned(), "/bin/sh".to_owned()],
            homes: vec!["/home".to_owned()],
            linger: Span(30 * 86_400),
        }
    }
}

/// Somebody who holds or held a grant here, as the directory has him, or had him when it last showed him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPerson {
    /// uidNumber.
    pub uid_number: Option<u32>,
    /// What else it says.
    pub account: Account,
    /// The end of the last of his grants here, known so far; it may lie ahead.
    pub last: Timestamp,
    /// Whether the directory shows him now. Of two who claim one number, one who is only remembered gives way.
    pub shown: bool,
}

/// An account as passwd(5) has it, fit for a line of it: no colon, no control character anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedPerson {
    /// Number.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Real name.
    pub gecos: String,
    /// Home directory, absolute.
    pub home: String,
    /// Login shell.
    pub shell: String,
    /// Until when he is shown, which is not included.
    pub until: Timestamp,
}

/// Who is shown, and who is not though he should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// By login.
    pub people: BTreeMap<Login, ServedPerson>,
    /// Why somebody is not shown, or not as the directory has him: a sentence with the way out.
    pub refused: BTreeMap<Login, String>,
}

/// Why somebody is not shown as an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Hidden {
    #[error(
        "the local account of this name has uid {local}, and the directory says {}: the local one stays; change one of the numbers",
        said(*.directory)
    )]
    LocalName { local: u32, directory: Option<u32> },
    #[error("{0}: give the person another login in the directory")]
    Name(Unfit),
    #[error(
        "{0} reads as an account and a group of this host, as in chown {0}: give the person another login in the directory"
    )]
    Owner(Login),
    #[error(
        "{0} is an account that every host has or may get: give the person another login in the directory"
    )]
    Everywhere(Login),
    #[error("it differs only in case from the local account {0}: give one of them another login")]
    Lookalike(Login),
    #[error(
        "it differs only in case from {0}, who holds or held a grant here, too: give one of them another login"
    )]
    Twin(Login),
    #[error("the directory gives no {0}: add it to the entry")]
    Missing(&'static str),
    #[error("{0} {1} lies outside [people] ids ({2}) of this host's jitd.toml: change the one or the other")]
    Outside(&'static str, u32, IdRange),
    #[error("{0} {1} is kept for nobody: change it in the directory")]
    Reserved(&'static str, u32),
    #[error("{0} {1} is one of those that systemd gives to services ({DYNAMIC}): change it in the directory")]
    Dynamic(&'static str, u32),
    #[error("uidNumber {0} is that of the local account {1}, which stays: change one of the numbers")]
    LocalUid(u32, Login),
    #[error(
        "uidNumber {0} is that of {1}, too, in what is known of the directory: change one of the numbers"
    )]
    Shared(u32, Login),
    #[error(
        "gidNumber {0} is that of the local group {1}, whose member this person would be: change it in the directory"
    )]
    LocalGid(u32, UnixGroup),
    #[error("gidNumber {0} is the primary group of the local account {1}: change it in the directory")]
    LocalPrimary(u32, Login),
    #[error(
        "{0} {1} stands in a line of /etc/passwd or /etc/group here that jitd cannot read (its name is there twice, or has characters \
         that jitd does not take): change one of the numbers"
    )]
    Nameless(&'static str, u32),
    #[error("gidNumber {0} is that of the group {1}, which only grants confer: change it in the directory")]
    Conferred(u32, UnixGroup),
}

fn said(number: Option<u32>) -> String {
    number.map_or_else(|| "nothing".to_owned(), |number| number.to_string())
}

/// Who is shown, of those who hold or lately held a grant: the caller leaves out whoever's `last` plus `linger` is over, so that he stands
/// in nobody's way. Everybody here who claims a number counts, even one who is not shown for another reason: two owners of one number are
/// two owners of the same files, and the host cannot tell whose they are.
pub fn serve(
    known: &BTreeMap<Login, KnownPerson>,
    rules: &PeopleRules,
    local: &Local,
    groups: &BTreeMap<UnixGroup, ConferredGroup>,
) -> Served {
    let host = Host::new(known, rules, local, groups);
    let mut served = Served::default();
    for (login, person) in known {
        match host.account(login, person) {
            Ok(Some((uid, gid))) => {
                let home = fields::home(login, person.account.home.as_deref(), &rules.homes);
                let shell = fields::shell(person.account.shell.as_deref(), &rules.shells);
                let remarks: Vec<String> = [home.remark, shell.remark].into_iter().flatten().collect();
                if !remarks.is_empty() {
                    served.refused.insert(login.clone(), remarks.join("; "));
                }
                let gecos = fields::gecos(person.account.gecos.as_deref().unwrap_or_default());
                let until = person.last.plus(rules.linger);
                let (home, shell) = (home.value, shell.value);
                served.people.insert(login.clone(), ServedPerson { uid, gid, gecos, home, shell, until });
            }
            // The local account is the same one.
            Ok(None) => {}
            Err(hidden) => drop(served.refused.insert(login.clone(), hidden.to_string())),
        }
    }
    served
}

/// Everything that a person must not collide with.
struct Host<'a> {
    rules: &'a PeopleRules,
    local: &'a Local,
    /// Local accounts by uid and by their names in lower case.
    uids: BTreeMap<u32, &'a Login>,
    lower: BTreeMap<String, &'a Login>,
    /// Local and conferred groups by number, and the local accounts whose primary group one is.
    gids: BTreeMap<u32, &'a UnixGroup>,
    conferred: BTreeMap<u32, &'a UnixGroup>,
    primary: BTreeMap<u32, &'a Login>,
    /// Who claims a number, and whether the directory shows him; who has a name, in lower case.
    claims: BTreeMap<u32, Vec<(&'a Login, bool)>>,
    twins: BTreeMap<String, Vec<&'a Login>>,
}

impl<'a> Host<'a> {
    fn new(
        known: &'a BTreeMap<Login, KnownPerson>,
        rules: &'a PeopleRules,
        local: &'a Local,
        groups: &'a BTreeMap<UnixGroup, ConferredGroup>,
    ) -> Host<'a> {
        let mut claims: BTreeMap<u32, Vec<(&Login, bool)>> = BTreeMap::new();
        let mut twins: BTreeMap<String, Vec<&Login>> = BTreeMap::new();
        for (login, person) in known {
            if let Some(uid) = person.uid_number {
                claims.entry(uid).or_default().push((login, person.shown));
            }
            twins.entry(login.as_str().to_ascii_lowercase()).or_default().push(login);
        }
        Host {
            rules,
            local,
            uids: local.users.iter().map(|(login, user)| (user.uid, login)).collect(),
            lower: local.users.keys().map(|login| (login.as_str().to_ascii_lowercase(), login)).collect(),
            gids: local.groups.iter().map(|(group, gid)| (*gid, group)).collect(),
            conferred: groups.iter().map(|(group, conferred)| (conferred.gid, group)).collect(),
            primary: local.users.iter().map(|(login, user)| (user.gid, login)).collect(),
            claims,
            twins,
        }
    }

    /// The numbers of an account; none if the local one is the same.
    fn account(&self, login: &Login, person: &KnownPerson) -> Result<Option<(u32, u32)>, Hidden> {
        if let Some(user) = self.local.users.get(login) {
            return match person.uid_number {
                Some(uid) if uid != user.uid => {
                    Err(Hidden::LocalName { local: user.uid, directory: Some(uid) })
                }
                Some(_) | None => Ok(None),
            };
        }
        self.name(login)?;
        let uid = self.number("uidNumber", person.uid_number)?;
        if let Some(by) = self.uids.get(&uid) {
            return Err(Hidden::LocalUid(uid, (*by).clone()));
        }
        let nameless = &self.local.nameless;
        if nameless.users.iter().any(|user| user.uid == uid) {
            return Err(Hidden::Nameless("uidNumber", uid));
        }
        if let Some(by) = self.rival(login, person, uid) {
            return Err(Hidden::Shared(uid, by.clone()));
        }
        let gid = self.number("gidNumber", person.account.gid_number)?;
        if let Some(group) = self.gids.get(&gid) {
            return Err(Hidden::LocalGid(gid, (*group).clone()));
        }
        if let Some(group) = self.conferred.get(&gid) {
            return Err(Hidden::Conferred(gid, (*group).clone()));
        }
        if let Some(by) = self.primary.get(&gid) {
            return Err(Hidden::LocalPrimary(gid, (*by).clone()));
        }
        if nameless.groups.contains(&gid) || nameless.users.iter().any(|user| user.gid == gid) {
            return Err(Hidden::Nameless("gidNumber", gid));
        }
        Ok(Some((uid, gid)))
    }

    fn name(&self, login: &Login) -> Result<(), Hidden> {
        if let Some(unfit) = unfit(login.as_str()) {
            return Err(Hidden::Name(unfit));
        }
        if self.is_owner(login) {
            return Err(Hidden::Owner(login.clone()));
        }
        let lower = login.as_str().to_ascii_lowercase();
        if EVERYWHERE.contains(&lower.as_str()) || lower.starts_with(SYSTEMD) {
            return Err(Hidden::Everywhere(login.clone()));
        }
        if let Some(by) = self.lower.get(&lower) {
            return Err(Hidden::Lookalike((*by).clone()));
        }
        match self.twins.get(&lower).into_iter().flatten().find(|twin| **twin != login) {
            Some(twin) => Err(Hidden::Twin((*twin).clone())),
            None => Ok(()),
        }
    }

    /// Whether a login is what chown(1) takes for an owner and a group, in the old way with a dot: it asks for an account of the whole
    /// name first, so that `chown root.root FILE` in some old script would give the file to a person.
    fn is_owner(&self, login: &Login) -> bool {
        let Some((owner, group)) = login.as_str().split_once('.') else { return false };
        let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let is_local = |owner| Login::new(owner).is_ok_and(|owner| self.local.users.contains_key(&owner));
        let is_group =
            |group| UnixGroup::new(group).is_ok_and(|group| self.local.groups.contains_key(&group));
        (is_number(owner) || owner == "root" || is_local(owner))
            && (is_number(group) || group == "root" || is_group(group))
    }

    fn number(&self, what: &'static str, number: Option<u32>) -> Result<u32, Hidden> {
        let number = number.ok_or(Hidden::Missing(what))?;
        if number == 0 || !self.rules.ids.contains(number) {
            return Err(Hidden::Outside(what, number, self.rules.ids));
        }
        if RESERVED.contains(&number) {
            return Err(Hidden::Reserved(what, number));
        }
        if DYNAMIC.contains(number) {
            return Err(Hidden::Dynamic(what, number));
        }
        Ok(number)
    }

    /// Who else claims the number. One whom the directory shows need not give way to one who is only remembered.
    fn rival(&self, login: &Login, person: &KnownPerson, uid: u32) -> Option<&'a Login> {
        let others = || self.claims.get(&uid).into_iter().flatten().filter(|(other, _)| *other != login);
        let shown = others().find(|(_, shown)| *shown);
        shown.or_else(|| others().find(|_| !person.shown)).map(|(other, _)| *other)
    }
}

/// Accounts that even a host without a line for them has (nss-systemd makes them up).
const EVERYWHERE: [&str; 2] = ["root", "nobody"];

/// How the accounts of systemd's services begin. Where one is not there yet, systemd-sysusers and DynamicUser= (systemd.exec(5)) make
/// none if there is an account of that name already, and the service runs as that.
const SYSTEMD: &str = "systemd-";
