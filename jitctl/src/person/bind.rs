//! The password, typed unseen at the terminal when neither a ticket nor a file says who somebody is. Never on the command line, never from standard
//! input, where a script would leave it lying about.

use std::io;

use jit_directory::ldap::{Bind, Credentials, LdapConfig, Secret, gssapi};
use jit_model::dn::Dn;

use super::config::{ClientConfig, Identity};
use super::uninterrupted::password;
use crate::report::Failure;
use crate::terminal;

impl ClientConfig {
    /// How to connect, with everything that it takes: asks for a password when one is needed.
    ///
    /// # Errors
    /// When there is no terminal to ask on, or nothing was typed.
    pub fn bound(&self) -> Result<LdapConfig, Failure> {
        let bind = match &self.identity {
            Identity::Said(bind) => bind.clone(),
            Identity::Asked(dn) => self.asked(dn)?,
            Identity::TicketOrAsked(dn) => match self.by_ticket() {
                Some(bind) => bind,
                None => self.asked(dn)?,
            },
        };
        Ok(LdapConfig { bind, ..self.directory.clone() })
    }

    /// By the ticket, if there is one and the servers are such that it can be shown to them.
    fn by_ticket(&self) -> Option<Bind> {
        let bind = Bind::Gssapi { credentials: Credentials::Ticket };
        let config = LdapConfig { bind: bind.clone(), ..self.directory.clone() };
        (config.check().is_ok() && gssapi::has_ticket()).then_some(bind)
    }

    fn asked(&self, dn: &Dn) -> Result<Bind, Failure> {
        let server = self.directory.servers.first().map(ToString::to_string).unwrap_or_default();
        let prompt =
            format!("Password of {} at {}: ", terminal::clean(dn.as_str()), terminal::clean(&server));
        let typed = password(&prompt).map_err(|error| self.not_asked(dn, &error))?;
        if typed.is_empty() {
            return Err(Failure::no("no-password", "no password was typed"));
        }
        Ok(Bind::Password { dn: dn.clone(), password: Secret::new(typed) })
    }

    fn not_asked(&self, dn: &Dn, error: &io::Error) -> Failure {
        let text = format!(
            "the password of {dn} cannot be asked for, for there is no terminal ({error}): with password_file in `bind` of {} it is read from a file",
            self.path.display()
        );
        Failure::no("no-terminal", text)
    }
}
