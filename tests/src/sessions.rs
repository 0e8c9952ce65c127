//! The cases of sessions, each a function that raises its own host, so that they run alike on plain hosts and on booted ones: without
//! logind a session is known by the kernel's marks and the tree alone. [`session_cases`] lists them for both.

pub mod between;
pub mod doubt;
pub mod ends;
pub mod faults;
pub mod jobs;
pub mod ordinary;
pub mod standing;
pub mod words;

use serde_json::Value;

use crate::door::{CONFIG, Door, Mode, SOON};
use crate::host::Host;
use crate::ldif::{Grant, Ldif};
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// On what kind of host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Without systemd and logind.
    Plain,
    /// With them.
    Booted,
}

/// Warned three seconds before the end, killed one second after it.
pub const QUICK: &str = "[session]\nwarn = [\"3s\"]\ngrace = \"1s\"\n";

/// Who is on these hosts.
pub const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

impl Kind {
    /// A guarded host of this kind with [`PEOPLE`], enforcing, whose sessions end quickly.
    ///
    /// # Errors
    /// When something is not built, or does not come up.
    pub fn door(self, entries: &Ldif) -> Result<Door> {
        self.door_with("", Mode::Enforcing, QUICK, entries)
    }

    /// The same with more lines above the configuration's first table, in this mode, with this `[session]` table.
    ///
    /// # Errors
    /// When something is not built, or does not come up.
    pub fn door_with(self, more: &str, mode: Mode, session: &str, entries: &Ldif) -> Result<Door> {
        let config = format!("{CONFIG}{session}{more}");
        match self {
            Kind::Plain => Door::up(&PEOPLE, mode, &config, entries),
            Kind::Booted => Door::booted(&PEOPLE, mode, &config, entries),
        }
    }

    /// A host of this kind whose jitd does not run yet.
    ///
    /// # Errors
    /// When something is not built, or does not come up.
    pub fn bare(self, config: &str) -> Result<Door> {
        let plan = Host::named(crate::door::NAME);
        let host = if self == Kind::Booted { plan.booted().up()? } else { plan.up()? };
        Door::on(host, &PEOPLE, config)
    }
}

/// Entries of the people, without any grant.
pub fn people() -> Ldif {
    PEOPLE.iter().fold(Ldif::new(), |ldif, person| ldif.person(person))
}

/// A grant for everything that ends in so many seconds.
pub fn for_seconds(id: &str, login: &str, seconds: i64) -> Grant {
    Grant::live(id, login).between(-60, seconds)
}

/// Whether an audit event is about a session of `name` and in this state.
pub fn is(event: &Value, state: &str, name: &str) -> bool {
    event["event"] == "session" && event["state"] == state && event["name"] == name
}

impl Door {
    /// Waits until the audit says that a session of `name` through `service` is in this state.
    ///
    /// # Errors
    /// When it does not; with what the audit says.
    pub fn session_is(&self, state: &str, name: &str, service: &str) -> Result<Value> {
        self.audited(&format!("a {service} session of {name} {state}"), |event| {
            is(event, state, name) && event["service"] == service
        })
    }

    /// The sessions that jitd knows but those of user managers, which systemd opens for whoever comes in.
    ///
    /// # Errors
    /// When jitctl fails.
    pub fn known(&self) -> Result<Vec<Value>> {
        let all = self.sessions()?.into_iter();
        Ok(all.filter(|session| session["service"] != "systemd-user").collect())
    }

    /// The session that `jitctl sessions` shows of this person and service, if it is exactly one.
    ///
    /// # Errors
    /// When it is not; with all that it shows.
    pub fn session_of(&self, name: &str, service: &str) -> Result<Value> {
        let all = self.sessions()?;
        let mut his = all.iter().filter(|session| session["user"] == name && session["service"] == service);
        match (his.next(), his.next()) {
            (Some(one), None) => Ok(one.clone()),
            _ => Err(Trouble::new(format!(
                "expected one {service} session of {name}; there are: {}",
                Value::Array(all)
            ))),
        }
    }

    /// Waits until the ssh session of `name` rests on this grant and on no other.
    ///
    /// # Errors
    /// When it does not; with what it rests on.
    pub fn session_rests_on(&self, name: &str, grant: &str) -> Result<()> {
        let grants = || self.session_of(name, "sshd").map(|session| session["grants"].clone());
        until(SOON, &format!("the session of {name} rests on {grant} alone"), || {
            grants().is_ok_and(|grants| grants == serde_json::json!([grant]))
        })
        .map_err(|e| Trouble::new(format!("{e}; but: {:?}", grants())))
    }
}

/// Makes a test of each case, on hosts of this kind.
#[macro_export]
macro_rules! session_cases {
    ($kind:expr) => {
        $crate::session_cases! { $kind =>
            ends: everything_ends_at_the_deadline, each_way_to_stay_ends, a_console_login_ends, what_obeys_no_signal_is_killed,
                what_forks_without_pause_ends, a_stopped_job_ends, what_a_closed_session_left_ends, sudo_without_a_session_ends;
            words: every_terminal_of_a_connection_is_told, a_terminal_inside_a_terminal_is_told_once, without_a_terminal_the_log_has_it, the_last_words_say_why,
                an_admin_ends_one_with_a_reason;
            standing: on_end_warn_only_warns, going_permissive_lifts_all_deadlines, exempt_and_break_glass_have_no_deadline,
                opened_while_permissive_has_no_deadline, extensions_and_overlaps_move_the_deadline, a_second_grant_keeps_it;
            between: sudo_ends_while_ssh_goes_on, another_session_of_the_same_person_goes_on, denied_when_it_opens,
                revoked_between_the_phases;
            doubt: a_restart_finds_its_sessions, what_is_overdue_ends_first, an_ending_goes_on_after_a_kill, what_is_gone_is_forgotten,
                who_came_in_meanwhile_is_found, a_damaged_file_hides_nothing, silence_ends_nothing;
            ordinary: at_and_cron_jobs_end_with_the_last_grant;
        }
    };
    ($kind:expr => $($module:ident: $($case:ident),+;)+) => {
        $($(
            #[test]
            fn $case() -> $crate::trouble::Result<()> {
                $crate::sessions::$module::$case($kind)
            }
        )+)+
    };
}
