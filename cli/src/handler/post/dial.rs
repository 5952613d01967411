//! Connections to the server: on this thread, within a time, and never in the background.

use std::{
    future::{self, Future},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use futures_lite::{Stream, StreamExt, future::or};
use smol::Timer;
use trillium_client::{Connector, Url};
use trillium_rustls::{RustlsClientConfig, RustlsConfig};
use trillium_server_common::{Destination, DroppableFuture, Runtime, RuntimeTrait};
use trillium_smol::ClientConfig;

/// How long a connection may take until it can be used, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Opens connections.
#[derive(Clone, Debug)]
pub(super) struct Dial(RustlsConfig<ClientConfig>);

impl Dial {
    pub(super) fn new(tls: Arc<rustls::ClientConfig>) -> Self {
        // A request is written in two pieces; held back, the second would wait for word that the first has arrived.
        Self(RustlsConfig::new(RustlsClientConfig::from(tls), ClientConfig::new().with_nodelay(true)))
    }
}

impl Connector for Dial {
    type Transport = <RustlsConfig<ClientConfig> as Connector>::Transport;
    type Runtime = Attempt;
    type Udp = ();

    async fn connect(&self, url: &Url) -> io::Result<Self::Transport> {
        self.connect_to(Destination::from_url(url)?).await
    }

    async fn connect_to(&self, destination: Destination) -> io::Result<Self::Transport> {
        let late = async {
            Timer::after(CONNECT_MAX).await;
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {CONNECT_MAX:?}")))
        };
        or(self.0.connect_to(destination), late).await
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.0.resolve(host, port).await
    }

    fn runtime(&self) -> Attempt {
        Attempt
    }
}

/// The runtime of an attempt: nothing outlives it. What the client would finish in the background (to read a response that
/// nobody waits for to its end, to look for connections that have been idle for long) is dropped, and its connection with it.
/// So no other thread comes into being, and an attempt that is dropped closes its connection at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt;

impl From<Attempt> for Runtime {
    fn from(attempt: Attempt) -> Self {
        Arc::new(attempt).into()
    }
}

impl RuntimeTrait for Attempt {
    fn spawn<F>(&self, future: F) -> DroppableFuture<impl Future<Output = Option<F::Output>> + Send + 'static>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        drop(future);
        DroppableFuture::new(future::ready(None))
    }

    async fn delay(&self, duration: Duration) {
        Timer::after(duration).await;
    }

    fn interval(&self, period: Duration) -> impl Stream<Item = ()> + Send + 'static {
        Timer::interval(period).map(|_| ())
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        smol::block_on(future)
    }
}
