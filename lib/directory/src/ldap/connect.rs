//! One connection: found, secured, authenticated, and asked what it can do. Everything has a deadline. Must never send a
//! name or a password before TLS stands (but to loopback and Unix sockets), and never go on when it does not.

use std::io;
use std::time::Duration;

use jit_model::dn::Dn;
use ldap3::asn1::{PL, StructureTag, parse_tag};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::config::{Bind, ClientCertificate, LdapConfig};
use super::gssapi;
use super::search::Search;
use super::server::{Route, Server};
use super::tls;
use super::trouble::{Cause, Step, Trouble};

/// RFC 4533: the server can push.
const SYNC_REQUEST: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.1";

/// How long a peer may leave sent data unacknowledged.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that is ready to be asked. Dropping it closes it.
pub(crate) struct Connection {
    pub(crate) search: Search,
    pub(crate) server: Server,
    pub(crate) features: Features,
    driver: JoinSet<Result<(), LdapError>>,
}

/// What the server says it can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// RFC 4533
    pub(crate) push: bool,
    /// The tops of its trees.
    pub(crate) contexts: Vec<Dn>,
}

impl Features {
    /// The tree in which `dn` stands.
    pub(crate) fn context_of(&self, dn: &Dn) -> Option<&Dn> {
        let above = |context: &&Dn| dn == *context || dn.is_below(context);
        self.contexts.iter().filter(above).max_by_key(|context| context.to_string().len())
    }
}

/// Connects, secures, binds, looks.
pub(crate) async fn connect(config: &LdapConfig, server: &Server) -> Result<Connection, Trouble> {
    let trouble = |step, cause| Trouble { server: server.to_string(), step, cause };
    let patience = config.patience;
    let connecting = open(config, server);
    let (connection, ldap) = timeout(patience.connect, connecting)
        .await
        .map_err(|_| trouble(Step::Connect, Cause::Silence(patience.connect)))?
        .map_err(|(step, cause)| trouble(step, cause))?;
    // The crate panics on some malformed messages; in a task of its own that is the end of a connection, and no more.
    let mut driver = JoinSet::new();
    driver.spawn(connection.drive());
    let mut ready = Connection {
        search: Search::new(ldap, patience.operation),
        server: server.clone(),
        features: Features::default(),
        driver,
    };
    if let Err((step, cause)) = ready.introduce(&config.bind).await {
        return Err(trouble(step, ready.better(cause).await));
    }
    Ok(ready)
}

impl Connection {
    async fn introduce(&mut self, bind: &Bind) -> Result<(), (Step, Cause)> {
        authenticate(&mut self.search, &self.server, bind).await?;
        self.features = look(&self.search).await.map_err(|cause| (Step::Look, cause))?;
        Ok(())
    }

    /// Waits for the end of the connection and tells it.
    pub(crate) async fn ended(&mut self) -> Cause {
        match self.driver.join_next().await {
            None | Some(Ok(Ok(()))) => Cause::Connection("the server closed the connection".to_owned()),
            Some(Ok(Err(error))) => Cause::of(error, Duration::ZERO),
            Some(Err(_)) => Cause::Nonsense("it sent what is not LDAP".to_owned()),
        }
    }

    /// A request that was cut short knows only that the connection is gone; the connection itself may know why.
    pub(crate) async fn better(&mut self, cause: Cause) -> Cause {
        match cause {
            Cause::Connection(_) => timeout(Duration::from_millis(100), self.ended()).await.unwrap_or(cause),
            other => other,
        }
    }
}

async fn open(config: &LdapConfig, server: &Server) -> Result<(LdapConnAsync, Ldap), (Step, Cause)> {
    let io = |error: io::Error| (Step::Connect, Cause::Connection(error.to_string()));
    let settings = LdapConnSettings::new();
    // The crate gets connections that stand and URLs made here: it has no say in where to, and StartTLS is already
    // done, so that nothing that came before TLS is ever looked at by it.
    let (url, settings) = match &server.route {
        Route::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(io)?.into_std().map_err(io)?;
            ("ldapi:///".to_owned(), settings.set_std_stream(StdStream::Unix(stream)))
        }
        Route::Plain(address) => {
            let stream = kept_alive(TcpStream::connect(address).await.map_err(io)?).map_err(io)?;
            (format!("ldap://{address}"), settings.set_std_stream(StdStream::Tcp(stream)))
        }
        Route::StartTls { host, port } | Route::Tls { host, port } => {
            let own = match &config.bind {
                Bind::External { certificate } => certificate.as_ref(),
                Bind::Simple { .. } | Bind::Password { .. } | Bind::Gssapi { .. } | Bind::Anonymous => None,
            };
            let tls = tls_config(config, own).map_err(|what| (Step::Prepare, Cause::File(what)))?;
            let mut stream = reach(host, *port, config.patience.connect).await.map_err(io)?;
            if matches!(server.route, Route::StartTls { .. }) {
                start_tls(&mut stream).await.map_err(|cause| (Step::Connect, cause))?;
            }
            let stream = kept_alive(stream).map_err(io)?;
            let settings = settings.set_config(tls).set_std_stream(StdStream::Tcp(stream));
            (format!("ldaps://{host}:{port}"), settings)
        }
    };
    LdapConnAsync::with_settings(settings, &url)
        .await
        .map_err(|error| (Step::Connect, Cause::of(error, config.patience.connect)))
}

fn tls_config(
    config: &LdapConfig,
    own: Option<&ClientCertificate>,
) -> Result<std::sync::Arc<rustls::ClientConfig>, String> {
    let ca = config.ca.as_deref().ok_or("ca names no file with certificates to trust")?;
    tls::client_config(ca, own)
}

/// Tries all addresses of a name, each for its share of the time, so that one that swallows packets does not use up the
/// whole of it.
async fn reach(host: &str, port: u16, patience: Duration) -> io::Result<TcpStream> {
    let addresses: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
    let share = patience / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, format!("no answer from {address}")),
        }
    }
    Err(last)
}

fn kept_alive(stream: TcpStream) -> io::Result<std::net::TcpStream> {
    let socket = socket2::SockRef::from(&stream);
    let s = Duration::from_secs;
    let probes = socket2::TcpKeepalive::new().with_time(s(30)).with_interval(s(10)).with_retries(3);
    socket.set_tcp_keepalive(&probes)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    stream.set_nodelay(true)?;
    stream.into_std()
}

/// The StartTLS operation (RFC 4511 §4.14), reading not a byte beyond its answer: what an attacker slips in behind it
/// ends up in the TLS handshake, which fails.
async fn start_tls(stream: &mut TcpStream) -> Result<(), Cause> {
    const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    /// An answer that is longer is none; this also bounds how deep it can be nested.
    const MOST: usize = 1024;
    let io = |error: io::Error| Cause::Connection(format!("StartTLS: {error}"));
    let nonsense = || Cause::Nonsense("no answer to StartTLS".to_owned());
    stream.write_all(REQUEST).await.map_err(io)?;
    let mut answer = vec![0; 2];
    stream.read_exact(&mut answer).await.map_err(io)?;
    let rest = match answer.as_slice() {
        [0x30, len @ 0..=0x7f] => usize::from(*len),
        [0x30, count @ 0x81..=0x84] => {
            let mut len = vec![0; usize::from(count - 0x80)];
            stream.read_exact(&mut len).await.map_err(io)?;
            answer.extend(&len);
            len.iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte))
        }
        _ => return Err(nonsense()),
    };
    if rest > MOST {
        return Err(nonsense());
    }
    let mut body = vec![0; rest];
    stream.read_exact(&mut body).await.map_err(io)?;
    answer.extend(body);
    let message = parse_tag(&answer).map_err(|_| nonsense())?.1;
    match result_of(message).ok_or_else(nonsense)? {
        (0, _) => Ok(()),
        (code, text) => Err(Cause::Refused { code, text: format!("StartTLS: {text}") }),
    }
}

/// Result code and text of an extended response.
fn result_of(message: StructureTag) -> Option<(u32, String)> {
    let response = message.expect_constructed()?.into_iter().nth(1)?.match_id(24)?;
    let mut fields = response.expect_constructed()?.into_iter();
    let code = match fields.next()?.payload {
        PL::P(bytes) => {
            bytes.iter().try_fold(0_u32, |sum, byte| sum.checked_mul(256)?.checked_add((*byte).into()))?
        }
        PL::C(_) => return None,
    };
    let text = fields.nth(1)?.expect_primitive()?;
    Some((code, String::from_utf8_lossy(&text).into_owned()))
}

async fn authenticate(search: &mut Search, server: &Server, bind: &Bind) -> Result<(), (Step, Cause)> {
    let file = |what| (Step::Prepare, Cause::File(what));
    let waited = search.patience();
    let ldap = search.handle().with_timeout(waited);
    // An empty password would be an anonymous bind that reports success (RFC 4513 §5.1.2).
    let result = match bind {
        Bind::Anonymous => return Ok(()),
        Bind::Gssapi { credentials } => {
            // Once more than the configuration's check: without TLS the crate would go on, and wrap messages by itself.
            let name = server.name().filter(|_| server.has_tls());
            let name =
                name.ok_or_else(|| file("GSSAPI is used under TLS only, to servers by name".to_owned()))?;
            return gssapi::bind(search, name, credentials).await;
        }
        Bind::External { .. } => ldap.sasl_external_bind().await,
        Bind::Simple { dn, password_file } => {
            let bytes = tls::secret(password_file).map_err(file)?;
            let text = String::from_utf8(bytes)
                .map_err(|_| file(format!("{}: not UTF-8", password_file.display())))?;
            let password = text.strip_suffix('\n').unwrap_or(&text);
            let password = password.strip_suffix('\r').unwrap_or(password);
            if password.is_empty() {
                return Err(file(format!("{}: is empty", password_file.display())));
            }
            ldap.simple_bind(&dn.to_string(), password).await
        }
        Bind::Password { dn, password } => {
            if password.expose().is_empty() {
                return Err(file(format!("the password of {dn} is empty")));
            }
            ldap.simple_bind(&dn.to_string(), password.expose()).await
        }
    };
    let result = result.map_err(|error| (Step::Bind, Cause::of(error, waited)))?;
    if result.rc == 0 { Ok(()) } else { Err((Step::Bind, Cause::refused(&result))) }
}

async fn look(search: &Search) -> Result<Features, Cause> {
    let root = search.entry("", &["supportedControl", "namingContexts"]).await?;
    let root = root.ok_or_else(|| Cause::Hidden("the root DSE is not to be seen".to_owned()))?;
    let values = |name: &str| root.attributes.get(name).into_iter().flatten();
    let contexts =
        values("namingcontexts").filter_map(|value| Dn::parse(std::str::from_utf8(value).ok()?).ok());
    Ok(Features {
        push: values("supportedcontrol").any(|control| control == SYNC_REQUEST),
        contexts: contexts.collect(),
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What comes of StartTLS when the server says this, and what it has said beyond that and nobody has read.
    fn answered(answer: &[u8]) -> (Result<(), Cause>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            server.write_all(answer).await.unwrap();
            server.shutdown().await.unwrap();
            let outcome = start_tls(&mut client).await;
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.unwrap();
            let mut asked = vec![0; 31];
            server.read_exact(&mut asked).await.unwrap();
            assert!(asked.ends_with(b"1.3.6.1.4.1.1466.20037"));
            (outcome, rest)
        })
    }

    #[test]
    fn nothing_behind_the_answer_to_start_tls_is_read() {
        let yes = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00".as_slice();
        assert_eq!(answered(yes), (Ok(()), Vec::new()));
        let injected = b"\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00".as_slice();
        assert_eq!(answered(&[yes, injected].concat()), (Ok(()), injected.to_vec()));
        let long = b"\x30\x84\x00\x00\x00\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
        assert_eq!(answered(long).0, Ok(()));
    }

    #[test]
    fn a_server_that_will_not_is_not_spoken_to() {
        let no = b"\x30\x0f\x02\x01\x01\x78\x0a\x0a\x01\x34\x04\x00\x04\x03bah";
        assert_eq!(answered(no).0, Err(Cause::Refused { code: 52, text: "StartTLS: bah".to_owned() }));
        for bad in [
            b"".as_slice(),
            b"\x30",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x80",
            b"\x30\x82\x10\x00",
            b"\x30\x00",
            b"\x30\x03\x02\x01\x01",
            // A bind's answer is none to StartTLS.
            b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00",
            b"\x30\x08\x02\x01\x01\x78\x03\x30\x01\x00",
        ] {
            assert!(answered(bad).0.is_err(), "{bad:02x?}");
        }
    }
}
