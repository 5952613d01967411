//! One connection to the server. Its driver is a future of ours, polled beside what uses it: no other thread, no runtime.

use core::{
    cell::Cell,
    convert::Infallible,
    future::{Future, pending},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::{
    boxed::Box,
    io,
    rc::Rc,
    string::String,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    vec::Vec,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, Pipeline, Value,
    aio::MultiplexedConnection,
};
use smol::{
    Timer,
    future::or,
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_util::compat::FuturesAsyncReadCompatExt;

use super::{
    error::{ConnectionError, Kind, Place, RedisError},
    options::RedisOptions,
};

/// The oldest Redis that has what the scripts need.
const VERSION_MIN: (u32, u32) = (6, 2);

/// A connection: what sends commands over it, what has to be polled for them to be answered, and whether anything arrives.
pub(super) struct Connection {
    client: MultiplexedConnection,
    driver: Driver,
    pulse: Pulse,
}

/// Ends when the connection does.
type Driver = Pin<Box<dyn Future<Output = ()>>>;

impl Connection {
    /// Connects to one server, which has that long to answer the first time.
    pub(super) async fn open_at(
        options: &RedisOptions,
        info: &ConnectionInfo,
        limit: Duration,
    ) -> Result<Self, ConnectionError> {
        let late = async {
            Timer::after(limit).await;
            Err(ConnectionError::Connection(format!("no answer within {limit:?}")))
        };
        or(Self::connect(options, info), late).await
    }

    async fn connect(options: &RedisOptions, info: &ConnectionInfo) -> Result<Self, ConnectionError> {
        let failed = |error: redis::RedisError| ConnectionError::from_client(&error, &options.place());
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
                stream.set_nodelay(true).map_err(unreachable)?;
                Self::over(stream, options, info, config).await
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                let stream = smol::net::unix::UnixStream::connect(path).await.map_err(unreachable)?;
                Self::over(stream, options, info, config).await
            }
            // The client sets TLS up best, but hands such a connection out only with its driver on smol's own thread.
            _ => {
                choose_cryptography();
                let client = Client::open(info.clone()).map_err(failed)?;
                let client = client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)?;
                Ok(Self { client, driver: Box::pin(pending()), pulse: Pulse { is_unseen: true, ..Pulse::default() } })
            }
        }
    }

    async fn over<S>(
        stream: S,
        options: &RedisOptions,
        info: &ConnectionInfo,
        config: AsyncConnectionConfig,
    ) -> Result<Self, ConnectionError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let pulse = Pulse::default();
        let stream = Watched { stream, heard: pulse.heard.clone() }.compat();
        let opened = MultiplexedConnection::new_with_config(info.redis_settings(), stream, config).await;
        let (client, driver) = opened.map_err(|error| ConnectionError::from_client(&error, &options.place()))?;
        Ok(Self { client, driver: Box::pin(driver), pulse })
    }

    /// Something to send on.
    pub(super) fn on<'a>(&self, place: Place<'a>) -> On<'a> {
        On { client: self.client.clone(), place, pulse: self.pulse.clone() }
    }

    /// Runs `work`, which uses this connection, with the driver beside it. Ends with an error when the connection ends or
    /// falls silent for `limit` while it owes a reply.
    pub(super) async fn drive<T>(
        &mut self,
        limit: Duration,
        work: impl Future<Output = Result<T, ConnectionError>>,
    ) -> Result<T, ConnectionError> {
        let Self { driver, pulse, .. } = self;
        let ended = async {
            driver.await;
            Err(ConnectionError::Connection("the server closed the connection".into()))
        };
        or(work, or(ended, async { Err(pulse.silence(limit).await) })).await
    }

    /// Looks whether the server is new enough.
    pub(super) async fn check_version(&mut self, options: &RedisOptions) -> Result<(), ConnectionError> {
        let on = self.on(options.place());
        let reply = self.drive(options.silence(), on.send(&redis::cmd("HELLO"))).await;
        let version = match reply {
            Ok(reply) => version(&reply),
            Err(ConnectionError::Fatal(error)) if error.to_string().to_lowercase().contains("unknown command") => {
                Some("older than 6".into())
            }
            Err(ConnectionError::Passing(_) | ConnectionError::Fatal(_)) => None,
            Err(error) => return Err(error),
        };
        match version.filter(|version| is_old(version)) {
            None => Ok(()),
            Some(version) => {
                let (major, minor) = VERSION_MIN;
                let message = format!(
                    "{}: the server is Redis {version}; a queue needs Redis {major}.{minor} or newer, or Valkey",
                    options.address
                );
                Err(ConnectionError::Fatal(RedisError::new(Kind::Refused, message)))
            }
        }
    }
}

fn is_old(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < VERSION_MIN
}

/// The version in a reply to HELLO, which is names and values in turn.
fn version(reply: &Value) -> Option<String> {
    let fields: Vec<Value> = match reply {
        Value::Array(fields) => fields.clone(),
        Value::Map(pairs) => pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect(),
        _ => return None,
    };
    fields.chunks_exact(2).find_map(|pair| {
        let name = String::from_redis_value_ref(&pair[0]).ok()?;
        (name == "version").then(|| String::from_redis_value_ref(&pair[1]).ok())?
    })
}

/// Whoever embeds this may have chosen before. With features of several crates there is no choice by default, and none is a panic.
fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread was faster: then there is a provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err wants")]
fn unreachable(error: io::Error) -> ConnectionError {
    let hint = match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => "; is the server running there?",
        _ => "",
    };
    ConnectionError::Connection(format!("{error}{hint}"))
}

/// Whether bytes arrive while replies are awaited: a slow reply is not a dead server, and a silent one is not a slow one.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulse {
    heard: Arc<AtomicBool>,
    /// How many replies are awaited.
    awaited: Rc<Cell<usize>>,
    /// The bytes of this connection pass unseen: only whole replies are heard.
    is_unseen: bool,
}

impl Pulse {
    fn hear(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Ends when nothing was heard for `limit` while a reply was awaited. What counts are looks at it, not the time: a
    /// thread that was held up elsewhere has not listened meanwhile.
    async fn silence(&self, limit: Duration) -> ConnectionError {
        const LOOKS: u32 = 4;
        let limit = if self.is_unseen { limit * 4 } else { limit };
        let mut silent = 0;
        while silent < LOOKS {
            Timer::after(limit / LOOKS).await;
            let is_heard = self.heard.swap(false, Ordering::Relaxed);
            silent = if is_heard || self.awaited.get() == 0 { 0 } else { silent + 1 };
        }
        ConnectionError::Connection(format!("no answer for {limit:?}"))
    }
}

/// A connection to send on and the names for messages.
#[derive(Clone)]
pub(super) struct On<'a> {
    client: MultiplexedConnection,
    pub(super) place: Place<'a>,
    pulse: Pulse,
}

impl On<'_> {
    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, ConnectionError> {
        self.ask(command).await.map_err(|error| self.error(&error))
    }

    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, redis::RedisError> {
        let _awaited = self.awaited();
        self.client.clone().send_packed_command(command).await?.extract_error()
    }

    /// Sends commands at once; the first error among the replies is the error.
    pub(super) async fn send_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, ConnectionError> {
        let _awaited = self.awaited();
        commands.query_async(&mut self.client.clone()).await.map_err(|error| self.error(&error))
    }

    pub(super) fn error(&self, error: &redis::RedisError) -> ConnectionError {
        ConnectionError::from_client(error, &self.place)
    }

    fn awaited(&self) -> Awaited<'_> {
        if self.pulse.awaited.get() == 0 {
            self.pulse.hear();
        }
        self.pulse.awaited.set(self.pulse.awaited.get() + 1);
        Awaited(&self.pulse)
    }
}

/// A reply that is awaited, until it is there or nobody wants it any more.
struct Awaited<'a>(&'a Pulse);

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.0.awaited.set(self.0.awaited.get() - 1);
        self.0.hear();
    }
}

struct Watched<S> {
    stream: S,
    heard: Arc<AtomicBool>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if poll.is_ready() {
            self.heard.store(true, Ordering::Relaxed);
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// What a loop that only ends with error returns.
pub(super) type Ended = Result<Infallible, ConnectionError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_known_by_its_version() {
        for (version, old) in [
            ("older than 6", true),
            ("5.0.14", true),
            ("6.0.16", true),
            ("6.2.0", false),
            ("7.0.15", false),
            ("9.0", false),
        ] {
            assert_eq!(is_old(version), old, "{version}");
        }
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let reply = Value::Array(vec![text("server"), text("redis"), text("version"), text("7.0.15"), text("proto")]);
        assert_eq!(version(&reply).as_deref(), Some("7.0.15"));
        assert_eq!(version(&Value::Nil), None);
    }
}
