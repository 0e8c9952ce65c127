//! An approval as it is written: as its author means it, or otherwise.

use std::path::PathBuf;

use jit_tests::ldif::{Grant, person};

/// An approval to be.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    grant: Grant,
    name: String,
    approver: String,
    digest: String,
    signature: Option<PathBuf>,
    more: Vec<(&'static str, String)>,
}

impl Paper {
    /// Somebody's approval of a grant as it is.
    pub(crate) fn of(grant: &Grant, approver: &str) -> Paper {
        Paper {
            grant: grant.clone(),
            name: format!("by-{approver}"),
            approver: person(approver),
            digest: grant.digest(),
            signature: None,
            more: Vec::new(),
        }
    }

    /// Under another name.
    pub(crate) fn named(mut self, name: &str) -> Paper {
        self.name = name.to_owned();
        self
    }

    /// Of these words.
    pub(crate) fn of_words(mut self, digest: String) -> Paper {
        self.digest = digest;
        self
    }

    /// With what is in this file as its signature.
    pub(crate) fn signed(mut self, signature: PathBuf) -> Paper {
        self.signature = Some(signature);
        self
    }

    /// With one more attribute.
    pub(crate) fn and(mut self, name: &'static str, value: impl Into<String>) -> Paper {
        self.more.push((name, value.into()));
        self
    }

    /// What it claims to be by its author's hand: only whom no rule binds can have it taken.
    pub(crate) fn stamped(self, author: &str, at: &str) -> Paper {
        let author = person(author);
        self.and("creatorsName", &*author)
            .and("modifiersName", author)
            .and("createTimestamp", at)
            .and("modifyTimestamp", at)
    }

    /// Where it stands.
    pub(crate) fn dn(&self) -> String {
        format!("cn={},{}", self.name, self.grant.dn())
    }

    /// The LDIF that adds it.
    pub(crate) fn added(&self) -> String {
        let mut text = format!(
            "dn: {}\nchangetype: add\nobjectClass: jitApproval\ncn: {}\njitApprover: {}\njitGrantDigest: {}\njitHost: {}\n",
            self.dn(),
            self.name,
            self.approver,
            self.digest,
            jit_tests::door::NAME
        );
        if let Some(file) = &self.signature {
            text.push_str(&format!("jitSignature:< file://{}\n", file.display()));
        }
        for (name, value) in &self.more {
            text.push_str(&format!("{name}: {value}\n"));
        }
        text + "\n"
    }
}
