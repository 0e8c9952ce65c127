//! What a directory's entries come to for a person: decoded and judged as on a host, but for no host in particular, and with no memory of
//! what was seen before. Signatures are checked by the person's own list of signers; without one they are taken as they claim, which
//! decides nothing: hosts check them.

use std::fs;

use jit_directory::decode::{Bases, Reading, decode};
use jit_directory::entry::Entries;
use jit_model::assess::{AssessedGrant, Memory, assess};
use jit_model::dn::Dn;
use jit_model::host::HostNames;
use jit_model::signature::{BadSignature, Signature, Signed};
use jit_model::source::Source;
use jit_signature::AllowedSigners;

use super::config::ClientConfig;
use crate::report::{Exit, Failure};

/// What stands for the key of a signature that nobody has checked.
pub const UNCHECKED: &str = "a key that was not checked here,";

/// What was read, and what the grants come to.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Roles, people and groups, and grants as written.
    pub source: Source,
    /// What the grants come to.
    pub grants: Vec<AssessedGrant>,
}

impl Picture {
    /// Judges what was read, as hosts do.
    pub fn of(source: Source) -> Picture {
        let grants = assess(&source, &HostNames::everywhere(), &Memory::default());
        Picture { source, grants }
    }
}

/// By what signatures are judged.
#[derive(Clone, Debug)]
pub enum Signers {
    /// By this list.
    Listed(AllowedSigners),
    /// By nothing: as they claim.
    Claimed,
}

/// How entries are read and judged.
#[derive(Clone, Debug)]
pub struct Judging {
    bases: Bases,
    reading: Reading,
    signers: Signers,
}

impl Judging {
    /// As the configuration says.
    ///
    /// # Errors
    /// When it names a list of signers that cannot be read.
    pub fn of(config: &ClientConfig) -> Result<Judging, Failure> {
        let signers = match &config.allowed_signers {
            None => Signers::Claimed,
            Some(path) => {
                let text = fs::read(path).map_err(|error| Failure {
                    exit: Exit::Usage,
                    code: "config".to_owned(),
                    text: format!(
                        "{}: {error}: it is named by sign.allowed_signers in {}",
                        path.display(),
                        config.path.display()
                    ),
                })?;
                Signers::Listed(AllowedSigners::parse(&text))
            }
        };
        Ok(Judging { signers, ..Judging::unchecked(config) })
    }

    /// Without a list of signers.
    pub fn unchecked(config: &ClientConfig) -> Judging {
        let (bases, reading) = (config.directory.bases.clone(), config.reading.clone());
        Judging { bases, reading, signers: Signers::Claimed }
    }

    /// Whether signatures are checked, and not only taken as they claim.
    pub fn checks_signatures(&self) -> bool {
        matches!(self.signers, Signers::Listed(_))
    }

    /// By what signatures are judged.
    pub fn signers(&self) -> &Signers {
        &self.signers
    }

    /// What these entries come to.
    pub fn judge(&self, entries: &Entries) -> Picture {
        let mut source = decode(entries, &self.bases, &self.reading);
        for tree in source.grants.values_mut() {
            for approval in &mut tree.approvals {
                if let Signature::Unchecked(value) = &approval.signature {
                    approval.signature = self.signers.check(value, &approval.approver);
                }
            }
        }
        Picture::of(source)
    }
}

impl Signers {
    /// What the value of a signature comes to.
    pub fn check(&self, value: &[u8], approver: &Dn) -> Signature {
        match self {
            Signers::Listed(list) => jit_signature::check(value, approver, list),
            Signers::Claimed => match jit_signature::split(value) {
                Err(error) => Signature::Bad(BadSignature::Malformed(error.to_string())),
                Ok((statement, _)) => {
                    let principal = approver.rdn_value();
                    Signature::Good(Signed {
                        // Whose key it is, nobody has looked at: one for each name.
                        key: format!("{UNCHECKED} of {principal}"),
                        principal,
                        approver: statement.approver,
                        grant: statement.grant,
                        digest: statement.digest,
                        duration: statement.duration,
                        at: statement.at,
                        latest_end: statement.latest_end,
                    })
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use jit_model::grant::{EntryUuid, GrantDigest};
    use jit_model::time::Timestamp;
    use jit_signature::Statement;

    use super::*;
    use crate::person::testing::person;

    #[test]
    fn without_a_list_of_signers_a_signature_is_what_it_claims_and_says_so() {
        let bob = person("bob");
        let statement = Statement {
            grant: EntryUuid([7; 16]),
            digest: GrantDigest([8; 32]),
            approver: bob.clone(),
            duration: None,
            at: Timestamp(100),
            latest_end: Timestamp(200),
        };
        let armored = "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n";
        let value = jit_signature::attribute(&statement, armored).unwrap();
        let Signature::Good(signed) = Signers::Claimed.check(&value, &bob) else { panic!("it is taken") };
        assert_eq!((signed.at, signed.latest_end), (Timestamp(100), Timestamp(200)));
        assert!(signed.key.starts_with(UNCHECKED));
        assert!(matches!(
            Signers::Claimed.check(b"nonsense", &bob),
            Signature::Bad(BadSignature::Malformed(_))
        ));
        let nobody = Signers::Listed(AllowedSigners::parse(""));
        assert!(matches!(nobody.check(&value, &bob), Signature::Bad(_)));
    }
}
