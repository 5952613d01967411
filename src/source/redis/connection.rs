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
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use redis::{AsyncConnectionConfig, Client, ConnectionAddr, aio::MultiplexedConnection};
use smol::{
    Timer,
    future::or,
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_util::compat::FuturesAsyncReadCompatExt;

use super::{error::ConnectionError, options::RedisOptions};

/// How long a server may take to answer the first time.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A connection: what sends commands over it, what has to be polled for them to be answered, and whether anything arrives.
pub(super) struct Connection {
    pub(super) client: MultiplexedConnection,
    pub(super) driver: Driver,
    pub(super) pulse: Pulse,
}

/// Ends when the connection does.
pub(super) type Driver = Pin<Box<dyn Future<Output = ()>>>;

impl Connection {
    pub(super) async fn open(options: &RedisOptions) -> Result<Self, ConnectionError> {
        let late = async {
            Timer::after(CONNECT_MAX).await;
            Err(ConnectionError::Connection(format!("no answer within {CONNECT_MAX:?}")))
        };
        or(Self::connect(options), late).await
    }

    async fn connect(options: &RedisOptions) -> Result<Self, ConnectionError> {
        let failed = |error: redis::RedisError| ConnectionError::from_client(&error, &options.place());
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        match options.info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
                stream.set_nodelay(true).map_err(unreachable)?;
                Self::over(stream, options, config).await
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                let stream = smol::net::unix::UnixStream::connect(path).await.map_err(unreachable)?;
                Self::over(stream, options, config).await
            }
            // The client sets TLS up best, but hands such a connection out only with its driver on smol's own thread.
            _ => {
                choose_cryptography();
                let client = Client::open(options.info.clone()).map_err(failed)?;
                let client = client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)?;
                Ok(Self { client, driver: Box::pin(pending()), pulse: Pulse::unknown() })
            }
        }
    }

    async fn over<S>(stream: S, options: &RedisOptions, config: AsyncConnectionConfig) -> Result<Self, ConnectionError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let pulse = Pulse::default();
        let stream = Watched { stream, heard: pulse.heard.clone() }.compat();
        let opened = MultiplexedConnection::new_with_config(options.info.redis_settings(), stream, config).await;
        let (client, driver) = opened.map_err(|error| ConnectionError::from_client(&error, &options.place()))?;
        Ok(Self { client, driver: Box::pin(driver), pulse })
    }

    /// Runs `work`, which uses this connection, and its driver beside it.
    pub(super) async fn drive<T>(
        &mut self,
        work: impl Future<Output = Result<T, ConnectionError>>,
    ) -> Result<T, ConnectionError> {
        or(work, async { Err(ended(&mut self.driver).await) }).await
    }
}

pub(super) async fn ended(driver: &mut Driver) -> ConnectionError {
    driver.await;
    ConnectionError::Connection("the server closed the connection".into())
}

/// Whoever embeds this may have chosen before. With features of several crates there is no choice by default, and none is a panic.
fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody on another thread was faster: then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err wants")]
fn unreachable(error: io::Error) -> ConnectionError {
    ConnectionError::Connection(error.to_string())
}

/// Whether bytes have arrived since last asked: a slow reply is not a dead server.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulse {
    heard: Arc<AtomicBool>,
    unknown_for: Cell<u8>,
    is_unknown: bool,
}

impl Pulse {
    /// Of a connection that does not tell. It is given the benefit of the doubt a few times.
    fn unknown() -> Self {
        Self { is_unknown: true, ..Self::default() }
    }

    pub(super) fn take(&self) -> bool {
        if self.is_unknown {
            self.unknown_for.set((self.unknown_for.get() + 1) % 4);
            return self.unknown_for.get() != 0;
        }
        self.heard.swap(false, Ordering::Relaxed)
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
