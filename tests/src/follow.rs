//! Follows a directory as the daemon does, and waits for what it should say.

use std::sync::Arc;
use std::time::Duration;

use jit_directory::decode::Bases;
use jit_directory::entry::{Entries, Entry};
use jit_directory::ldap::{Bind, LdapConfig, Link, Patience, StartTls, Way, follow};
use jit_directory::update::{Membership, Update, Word};
use jit_model::dn::Dn;
use jit_model::host::HostNames;
use jit_model::name::SourceName;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::server::Server;
use crate::trouble::{Result, Trouble};

/// The end of a hopeless wait; never what is tested.
const LIMIT: Duration = Duration::from_secs(30);

/// The name of the host that bind and filter use.
pub const HOST: &str = "web1.prod.example.com";

/// A configuration for these servers as a host would have it, with short waits.
///
/// # Errors
/// When a URL cannot be used.
pub fn config(server: &Server, uris: &[String], start_tls: StartTls) -> Result<LdapConfig> {
    let trouble = |error: &dyn std::error::Error| Trouble::new(error.to_string());
    let base = dn("dc=example,dc=com");
    let bases = Bases::under(&base).map_err(|error| trouble(&error))?;
    let host = HostNames::new(HOST, ["web"]).map_err(|error| trouble(&error))?;
    let mut config = LdapConfig::new(uris, start_tls, bases, host).map_err(|error| trouble(&error))?;
    let ms = Duration::from_millis;
    config.ca = Some(server.tls_file("ca.crt"));
    let password_file = server.secret("host-secret")?;
    config.bind = Bind::Simple { dn: dn("cn=web1,ou=hosts,dc=example,dc=com"), password_file };
    config.patience = Patience {
        connect: ms(2_000),
        operation: ms(2_000),
        heartbeat: ms(200),
        poll: ms(300),
        refresh: Duration::from_secs(3_600),
        retry: (ms(50), ms(400)),
    };
    Ok(config)
}

/// A name that is known to be one.
///
/// # Panics
/// When it is none.
pub fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A directory that is being followed.
#[derive(Debug)]
pub struct Following {
    words: mpsc::Receiver<Update>,
    /// How it is connected.
    pub link: watch::Receiver<Link>,
    task: JoinHandle<()>,
    /// The newest whole set.
    pub entries: Arc<Entries>,
    /// How its people and groups came into it.
    pub membership: Option<Membership>,
    /// How many whole sets there were.
    pub sets: usize,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Following {
    /// Begins.
    pub fn begin(config: LdapConfig) -> Following {
        Following::begin_with(config, None)
    }

    /// Begins with what an earlier run knew.
    pub fn begin_with(config: LdapConfig, last: Option<Arc<Entries>>) -> Following {
        let (tx, words) = mpsc::channel(64);
        let (to, link) = watch::channel(Link::default());
        let source = SourceName::new("ldap").unwrap_or_else(|error| panic!("{error}"));
        let task = tokio::spawn(async move { match follow(config, source, last, tx, to).await {} });
        Following { words, link, task, entries: Arc::default(), membership: None, sets: 0 }
    }

    async fn word(&mut self, until: Instant, what: &str) -> Result<Word> {
        match timeout_at(until, self.words.recv()).await {
            Ok(Some(update)) => {
                if let Word::Whole { entries, membership, .. } = &update.word {
                    self.entries = entries.clone();
                    self.membership = Some(*membership);
                    self.sets += 1;
                }
                Ok(update.word)
            }
            Ok(None) => Err(Trouble::new("it ended, which it never should")),
            Err(_) => Err(Trouble::new(format!("waited in vain until {what}; it knows {}", self.shown()))),
        }
    }

    /// Waits for a whole set in which `holds`.
    ///
    /// # Errors
    /// When none comes.
    pub async fn until(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&Entries) -> bool,
    ) -> Result<Arc<Entries>> {
        let until = Instant::now() + LIMIT;
        if self.sets > 0 && holds(&self.entries) {
            return Ok(self.entries.clone());
        }
        let mut troubles = Vec::new();
        loop {
            match self.word(until, what).await {
                Ok(Word::Whole { entries, .. }) if holds(&entries) => return Ok(entries),
                Ok(Word::Trouble { why }) => troubles.push(why),
                Ok(_) => {}
                Err(trouble) => {
                    troubles.dedup();
                    return Err(Trouble::new(format!("{trouble}\n{}", troubles.join("\n"))));
                }
            }
        }
    }

    /// Waits for trouble whose text holds `part`; a whole set that comes first is an error.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn trouble(&mut self, part: &str) -> Result<String> {
        let until = Instant::now() + LIMIT;
        let mut others = Vec::new();
        loop {
            match self.word(until, &format!("trouble speaks of `{part}`")).await {
                Ok(Word::Trouble { why }) if why.contains(part) => return Ok(why),
                Ok(Word::Trouble { why }) => others.push(why),
                Ok(Word::Whole { .. }) => {
                    return Err(Trouble::new(format!(
                        "a whole set where `{part}` should be: {}",
                        self.shown()
                    )));
                }
                Ok(Word::Alive { .. }) => {}
                Err(trouble) => {
                    others.dedup();
                    return Err(Trouble::new(format!("{trouble}\n{}", others.join("\n"))));
                }
            }
        }
    }

    /// Waits for so many signs of life; trouble or a whole set that comes between is an error.
    ///
    /// # Errors
    /// When they do not come.
    pub async fn quiet(&mut self, beats: usize) -> Result<()> {
        let until = Instant::now() + LIMIT;
        let mut heard = 0;
        while heard < beats {
            match self.word(until, "it is quiet").await? {
                Word::Alive { .. } => heard += 1,
                Word::Whole { .. } => return Err(Trouble::new(format!("a new set: {}", self.shown()))),
                Word::Trouble { why } => return Err(Trouble::new(why)),
            }
        }
        Ok(())
    }

    /// Waits for trouble (true) or for signs of life (false); every whole set on the way must be such that `holds`.
    ///
    /// # Errors
    /// When neither comes, or a set is not.
    pub async fn trouble_or_quiet(&mut self, holds: impl Fn(&Entries) -> bool) -> Result<bool> {
        let until = Instant::now() + LIMIT;
        let mut beats = 0;
        while beats < 2 {
            match self.word(until, "there is trouble, or quiet").await? {
                Word::Trouble { .. } => return Ok(true),
                Word::Alive { .. } => beats += 1,
                Word::Whole { entries, .. } if holds(&entries) => {}
                Word::Whole { .. } => return Err(Trouble::new(format!("a wrong set: {}", self.shown()))),
            }
        }
        Ok(false)
    }

    /// Waits for a word of any kind.
    ///
    /// # Errors
    /// When none comes.
    pub async fn any_word(&mut self) -> Result<()> {
        self.word(Instant::now() + LIMIT, "it says anything").await.map(drop)
    }

    /// Waits until it is connected, and tells how.
    ///
    /// # Errors
    /// When it does not connect.
    pub async fn connected(&mut self) -> Result<(String, Way)> {
        let until = Instant::now() + LIMIT;
        let link =
            timeout_at(until, self.link.wait_for(|link| link.server.is_some() && link.way.is_some())).await;
        match link {
            Ok(Ok(link)) => Ok((link.server.clone().unwrap_or_default(), link.way.unwrap_or(Way::Poll))),
            _ => Err(Trouble::new("it does not connect")),
        }
    }

    fn shown(&self) -> String {
        let names = |set: &std::collections::BTreeMap<_, Arc<Entry>>| {
            set.values().map(|entry| entry.dn.to_string()).collect::<Vec<_>>().join(" ; ")
        };
        format!("access: {} | people: {}", names(&self.entries.access), names(&self.entries.people))
    }
}

/// The entry with this name among grants, roles and what is under them.
pub fn access<'a>(entries: &'a Entries, name: &str) -> Option<&'a Entry> {
    let name = dn(name);
    entries.access.values().find(|entry| entry.dn == name).map(Arc::as_ref)
}

/// The entry with this name among people and groups.
pub fn person<'a>(entries: &'a Entries, name: &str) -> Option<&'a Entry> {
    let name = dn(name);
    entries.people.values().find(|entry| entry.dn == name).map(Arc::as_ref)
}

/// What every way of following must show: the beginning, alice's new grant `g1`, which `asks` writes, a revocation, its removal, the
/// grant's deletion. Returns the grant as it was shown.
///
/// # Errors
/// When something does not come, or the server refuses.
///
/// # Panics
/// When what comes is not what it should be.
pub async fn life_of_a_grant(
    server: &Server,
    following: &mut Following,
    asks: impl FnOnce() -> Result<()>,
) -> Result<Entry> {
    let alice = "uid=alice,ou=people,dc=example,dc=com";
    let (g1, r1) =
        ("cn=g1,ou=grants,ou=jit,dc=example,dc=com", "cn=r,cn=g1,ou=grants,ou=jit,dc=example,dc=com");
    let first = following.until("the role is there", |e| !e.access.is_empty()).await?;
    assert!(access(&first, "cn=operator,ou=roles,ou=jit,dc=example,dc=com").is_some());
    assert!(person(&first, "cn=operators,ou=groups,dc=example,dc=com").is_some());
    assert!(person(&first, "cn=leads,ou=groups,dc=example,dc=com").is_some());
    assert!(person(&first, "uid=carol,ou=people,dc=example,dc=com").is_none(), "nobody needs carol");

    asks()?;
    let with = following.until("the grant is there", |e| access(e, g1).is_some()).await?;
    let shown = access(&with, g1).expect("a grant");
    for name in ["creatorsname", "modifiersname", "createtimestamp", "modifytimestamp", "jitsubject"] {
        assert_eq!(shown.attributes.get(name).map(Vec::len), Some(1), "{name}");
    }
    // One identity, by push and by search: it is what people sign.
    let written = server.search(g1, &["-s", "base", "entryUUID"])?;
    let written = written.lines().find_map(|line| line.strip_prefix("entryUUID: ")).unwrap_or_default();
    assert_eq!(shown.uuid.to_string(), written);
    let subject = person(&with, alice).expect("a grant is never shown without its subject");
    assert_eq!(subject.attributes["uid"], [b"alice"]);
    assert_eq!(subject.attributes["uidnumber"], [b"2001"]);
    assert!(!subject.attributes.contains_key("userpassword"));

    server.add(&revocation("g1"))?;
    following.until("the revocation is there", |e| access(e, r1).is_some()).await?;
    server.delete(r1)?;
    following.until("the revocation is gone", |e| access(e, r1).is_none()).await?;
    server.delete(g1)?;
    following
        .until("the grant and its subject are gone", |e| {
            access(e, g1).is_none() && person(e, alice).is_none()
        })
        .await?;
    following.quiet(2).await?;
    Ok(shown.clone())
}

/// A grant of the role `operator` for a person or group, for [`HOST`], as LDIF.
pub fn grant(cn: &str, subject: &str) -> String {
    format!(
        "dn: cn={cn},ou=grants,ou=jit,dc=example,dc=com\nobjectClass: jitGrant\ncn: {cn}\njitSubject: {subject}\n\
         jitRoleDN: cn=operator,ou=roles,ou=jit,dc=example,dc=com\njitHost: {HOST}\njitDuration: 3600\n"
    )
}

/// A revocation of a grant, as LDIF.
pub fn revocation(grant: &str) -> String {
    format!(
        "dn: cn=r,cn={grant},ou=grants,ou=jit,dc=example,dc=com\nobjectClass: jitRevocation\ncn: r\njitHost: {HOST}\n"
    )
}
