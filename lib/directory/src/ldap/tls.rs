//! TLS as we accept it: rustls on ring, version 1.2 or newer, the server's name verified against our own trust, a client
//! certificate where one is configured. All files are read anew for each connection, so that a renewed certificate
//! needs no restart. There must be no switch that turns verification off.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::config::ClientCertificate;

/// A bundle of all the world's authorities has 0.2 MiB.
const MAX_BUNDLE: u64 = 8 << 20;
/// A password or a key.
const MAX_SECRET: u64 = 64 << 10;

/// What to verify the server by, and what to show it.
pub(crate) fn client_config(ca: &Path, own: Option<&ClientCertificate>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let (used, ignored) = roots.add_parsable_certificates(certificates(ca)?);
    if used == 0 {
        return Err(format!("{}: none of its {ignored} certificates can be used as trust", ca.display()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(ClientCertificate { cert, key }) => {
            let chain = certificates(cert)?;
            let secret = secret(key)?;
            let key_der = PrivateKeyDer::from_pem_slice(&secret)
                .map_err(|error| format!("{}: holds no private key (PEM): {error}", key.display()))?;
            builder
                .with_client_auth_cert(chain, key_der)
                .map_err(|error| format!("{} and {}: {error}", cert.display(), key.display()))?
        }
    };
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let bytes = all(path, file, MAX_BUNDLE)?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = parsed.map_err(|error| format!("{}: not PEM: {error}", path.display()))?;
    if certificates.is_empty() {
        return Err(format!("{}: holds no certificate (PEM)", path.display()));
    }
    Ok(certificates)
}

/// Reads a file that is nobody's business: others may neither read nor write it.
pub(crate) fn secret(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let meta = file.metadata().map_err(|error| format!("{}: {error}", path.display()))?;
    if !meta.is_file() {
        return Err(format!("{}: is no regular file", path.display()));
    }
    if meta.mode() & 0o007 != 0 {
        let (mode, shown) = (meta.mode() & 0o7777, path.display());
        return Err(format!("{shown}: everybody may read or write it (mode {mode:04o}): chmod o= {shown}"));
    }
    all(path, file, MAX_SECRET)
}

fn all(path: &Path, file: File, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    if bytes.len() as u64 > most {
        return Err(format!("{}: is longer than {most} bytes", path.display()));
    }
    Ok(bytes)
}
