//! Until when certificates are good: of the authorities in a `ca` file, of what this host shows, of what a directory's server shows.

use std::path::Path;

use jit_model::time::Timestamp;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What counts of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) subject: String,
    pub(super) issuer: String,
    /// The last second of it.
    pub(super) ends: Timestamp,
}

/// Of one in DER; `None` if it is none.
pub(super) fn of_der(der: &[u8]) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(Certificate {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        ends: Timestamp(certificate.validity().not_after.timestamp()),
    })
}

/// All of a PEM file.
///
/// # Errors
/// When it cannot be read, or holds none.
pub(super) fn of_file(path: &Path) -> Result<Vec<Certificate>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let all: Vec<Certificate> = Pem::iter_from_buffer(&bytes)
        .filter_map(Result::ok)
        .filter(|block| block.label == "CERTIFICATE")
        .filter_map(|block| of_der(&block.contents))
        .collect();
    if all.is_empty() { Err("holds no certificate (PEM)".to_owned()) } else { Ok(all) }
}
