//! The policy a grant is written under: who is eligible, who approves and how many, how long, where, for what.

use std::collections::BTreeSet;
use std::fmt;

use crate::dn::Dn;
use crate::host::HostPattern;
use crate::name::{Service, UnixGroup};
use crate::time::Span;

/// In how many approver groups somebody can each have to be heard: with more, it could take a host too long to find out whether they are.
pub const MOST_EACH: usize = 8;

/// A role, as its entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Where it stands, directly under the base for roles. The default role of an LDIF source has none.
    pub dn: Option<Dn>,
    /// Its cn.
    pub name: String,
    /// Where grants in this role can be used.
    pub hosts: BTreeSet<HostPattern>,
    /// People and groups who may hold it. Ignored for the default role, which is for everybody.
    pub eligible: BTreeSet<Dn>,
    /// The longest a grant may be live.
    pub max_duration: Span,
    /// How many distinct approvers it takes.
    pub approvals_required: u32,
    /// Groups whose members may approve.
    pub approver_groups: BTreeSet<Dn>,
    /// At least one approval from each of the approver groups, which are no more than [`MOST_EACH`] then.
    pub approvals_from_each: bool,
    /// Approvals count only when signed.
    pub signature_required: bool,
    /// What the role can be used for; empty means all guarded services.
    pub services: BTreeSet<Service>,
    /// Unix groups that a live grant confers on its host.
    pub local_groups: BTreeSet<UnixGroup>,
    /// A grant must give a reason.
    pub reason_required: bool,
    /// What the grant's ticket must look like, as a whole.
    pub ticket_pattern: Option<TicketPattern>,
}

impl Role {
    /// The role of grants without one (`[default_role]` of an LDIF source): for everybody, everywhere, for every guarded
    /// service, without approvals.
    pub fn default_of(max_duration: Span) -> Role {
        Role {
            dn: None,
            name: "default".to_owned(),
            hosts: HostPattern::new("*").into_iter().collect(),
            eligible: BTreeSet::new(),
            max_duration,
            approvals_required: 0,
            approver_groups: BTreeSet::new(),
            approvals_from_each: false,
            signature_required: false,
            services: BTreeSet::new(),
            local_groups: BTreeSet::new(),
            reason_required: false,
            ticket_pattern: None,
        }
    }
}

/// A regular expression that must match a ticket from its first to its last character. Linear time, whatever it says.
#[derive(Clone)]
pub struct TicketPattern {
    text: String,
    regex: regex_lite::Regex,
}

impl TicketPattern {
    /// Compiles it.
    ///
    /// # Errors
    /// When it is no regular expression.
    pub fn new(text: &str) -> Result<TicketPattern, regex_lite::Error> {
        // By itself first: `a)|(?:b` must not slip out of the parentheses that make it match as a whole.
        regex_lite::RegexBuilder::new(text).size_limit(1 << 20).build()?;
        let regex = regex_lite::RegexBuilder::new(&format!("^(?:{text})$")).size_limit(1 << 20).build()?;
        Ok(TicketPattern { text: text.to_owned(), regex })
    }

    /// Whether the whole ticket matches.
    pub fn matches(&self, ticket: &str) -> bool {
        self.regex.is_match(ticket)
    }

    /// As written in the role.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for TicketPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TicketPattern").field(&self.text).finish()
    }
}

impl PartialEq for TicketPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TicketPattern {}
