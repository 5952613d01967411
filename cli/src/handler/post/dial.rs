//! Connections to the server: on this thread, and within a time.

use std::{io, sync::Arc, time::Duration};

use fourfold::listen::io_budget::{Budgeted, IoBudget};
use futures_lite::{AsyncRead, AsyncWrite, future::or};
use futures_rustls::TlsConnector;
use rustls::{ClientConfig, pki_types::ServerName};
use smol::{Timer, net::TcpStream};
use url::Host;

use super::target::Target;
use crate::exit::CliError;

/// The number of reads and writes of a connection in one poll: few, as all permits may have one like it.
pub(super) const OPERATIONS_PER_TURN: u32 = 16;
/// How long a connection may take until it can be used, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Bytes in both directions, encrypted or not.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Transport for T {}

/// Opens connections.
pub(super) struct Dial {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Dial {
    pub(super) fn new(target: &Target, config: Option<Arc<ClientConfig>>) -> Result<Self, CliError> {
        let wrong = || CliError::usage("--post: the URL has no host that a certificate could name");
        let host = match target.url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            // Without the brackets that it has in a URL.
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(Host::Ipv4(address)) => address.to_string(),
            None => return Err(wrong()),
        };
        let port = target.url.port_or_known_default().ok_or_else(wrong)?;
        let tls = match config {
            Some(config) => {
                let name = ServerName::try_from(host.clone()).map_err(|_| wrong())?;
                Some((TlsConnector::from(config), name))
            }
            None => None,
        };
        Ok(Self { host, port, tls })
    }

    /// Connects; all that is read and written draws on `budget`.
    pub(super) async fn connect(&self, budget: &IoBudget) -> io::Result<Box<dyn Transport>> {
        let late = async {
            Timer::after(CONNECT_MAX).await;
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {CONNECT_MAX:?}")))
        };
        or(self.open(budget), late).await
    }

    async fn open(&self, budget: &IoBudget) -> io::Result<Box<dyn Transport>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // Held back, the rest of a long request would wait for word that its beginning has arrived.
        stream.set_nodelay(true)?;
        let stream = Budgeted::new(stream, budget.clone());
        let Some((connector, name)) = &self.tls else { return Ok(Box::new(stream)) };
        let handshake = connector.connect(name.clone(), stream);
        let stream = budget.in_turns(OPERATIONS_PER_TURN, handshake).await?;
        // One read of what is encrypted may hold many small pieces of text.
        Ok(Box::new(Budgeted::new(stream, budget.clone())))
    }
}
