//! A TCP proxy that can be told to misbehave towards the client: to cut, to corrupt, to refuse. For tests of what happens
//! when a conversation breaks at any byte.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::trouble::{Result, Trouble};

/// What happens to what the server says, in each connection made from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manners {
    /// Nothing.
    #[default]
    Honest,
    /// It ends after so many bytes.
    CutAfter(usize),
    /// The byte at this place is changed by exclusive or.
    Flip(usize, u8),
    /// Connections are closed at once.
    Refuse,
}

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    manners: Arc<Mutex<Manners>>,
    /// Counts up: connections of an older number end.
    epoch: watch::Sender<u64>,
    open: watch::Receiver<usize>,
    heard: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Before a port of this machine, on this loopback address.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn before(port: u16, on: Ipv4Addr) -> Result<Proxy> {
        let io = |e: std::io::Error| Trouble::new(format!("proxy: {e}"));
        let listener = TcpListener::bind((on, 0)).await.map_err(io)?;
        let address = listener.local_addr().map_err(io)?;
        let manners = Arc::new(Mutex::new(Manners::Honest));
        let (epoch, epochs) = watch::channel(0);
        let (count, open) = watch::channel(0);
        let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (current, ear) = (manners.clone(), heard.clone());
        let task = tokio::spawn(async move {
            let count = Arc::new(count);
            while let Ok((client, _)) = listener.accept().await {
                let manners = *current.lock().unwrap_or_else(PoisonError::into_inner);
                let (mut epochs, count, ear) = (epochs.clone(), count.clone(), ear.clone());
                epochs.borrow_and_update();
                if manners == Manners::Refuse {
                    continue;
                }
                tokio::spawn(async move {
                    count.send_modify(|count| *count += 1);
                    if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                        let ((from_client, to_client), (from_server, to_server)) =
                            (client.into_split(), server.into_split());
                        tokio::select! {
                            () = pass(from_client, to_server, Manners::Honest, Some(&ear)) => {}
                            () = pass(from_server, to_client, manners, None) => {}
                            _ = epochs.changed() => {}
                        }
                    }
                    count.send_modify(|count| *count -= 1);
                });
            }
        });
        Ok(Proxy { address, manners, epoch, open, heard, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often clients have said this, in all connections together.
    pub fn heard(&self, word: &[u8]) -> usize {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.windows(word.len()).filter(|said| *said == word).count()
    }

    /// Sets the manners of new connections, and ends all that there are.
    pub fn behave(&self, manners: Manners) {
        *self.manners.lock().unwrap_or_else(PoisonError::into_inner) = manners;
        self.epoch.send_modify(|epoch| *epoch += 1);
    }

    /// Waits until so many connections are open.
    ///
    /// # Errors
    /// When the proxy has ended.
    pub async fn until_open(&mut self, wanted: usize) -> Result<()> {
        let waited = self.open.wait_for(|count| *count == wanted).await;
        waited.map(drop).map_err(|_| Trouble::new("the proxy has ended"))
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    manners: Manners,
    ear: Option<&Mutex<Vec<u8>>>,
) {
    let mut passed = 0;
    let mut buffer = vec![0; 4096];
    while let Ok(count) = from.read(&mut buffer).await {
        let Some(bytes) = buffer.get_mut(..count).filter(|bytes| !bytes.is_empty()) else { return };
        if let Some(ear) = ear {
            ear.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        }
        let mut end = bytes.len();
        match manners {
            Manners::CutAfter(most) => end = end.min(most.saturating_sub(passed)),
            Manners::Flip(at, bits) => {
                if let Some(byte) = at.checked_sub(passed).and_then(|at| bytes.get_mut(at)) {
                    *byte ^= bits;
                }
            }
            Manners::Honest | Manners::Refuse => {}
        }
        if to.write_all(bytes.get(..end).unwrap_or_default()).await.is_err() || end < bytes.len() {
            return;
        }
        passed += bytes.len();
    }
}
