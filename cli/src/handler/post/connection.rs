//! One connection, and requests on it, one after the other.

use std::{
    error::Error as _,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::Poll,
};

use fourfold::listen::io_budget::IoBudget;
use futures_lite::future::poll_once;
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
};
use smol_hyper::rt::FuturesIo;

use super::dial::{Dial, OPERATIONS_PER_TURN, Transport};

/// How long the head of a response may be, and how much of anything is in hand.
const BUFFER: usize = 32 * 1024;

/// Why there is no response.
#[derive(Debug)]
pub(super) enum NoResponse {
    /// There was no connection, or it broke.
    Io(io::Error),
    /// The server closed the connection without an answer.
    Closed,
    /// What the server said is not HTTP.
    Invalid(hyper::Error),
    /// The connection was closed before the request was on its way: nobody has processed it.
    Unsent,
}

/// A connection that is only driven while an attempt waits for something on it: nothing happens in the background, and
/// dropped it is closed.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended.
    driver: Option<Pin<Box<dyn Future<Output = hyper::Result<()>>>>>,
}

impl Connection {
    /// Opens a connection.
    pub(super) async fn open(dial: &Dial) -> Result<Self, NoResponse> {
        let budget = IoBudget::default();
        let transport: Box<dyn Transport> = dial.connect(&budget).await.map_err(NoResponse::Io)?;
        let mut http = http1::Builder::new();
        http.title_case_headers(true).max_buf_size(BUFFER);
        let (sender, connection) = http.handshake(FuturesIo::new(transport)).await.map_err(NoResponse::Invalid)?;
        let driver = Box::pin(async move { budget.in_turns(OPERATIONS_PER_TURN, connection).await });
        Ok(Self { sender, driver: Some(driver) })
    }

    /// Returns whether another request can be sent: the server may have closed the connection while nobody looked.
    pub(super) async fn is_usable(&mut self) -> bool {
        if let Some(driver) = &mut self.driver
            && poll_once(driver).await.is_some()
        {
            self.driver = None;
        }
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of its response.
    pub(super) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, NoResponse> {
        let Self { sender, driver } = self;
        let response = async {
            sender.ready().await.map_err(|_| NoResponse::Unsent)?;
            sender.send_request(request).await.map_err(NoResponse::from)
        };
        drive(driver, response).await
    }

    /// Waits for something that comes over this connection.
    pub(super) async fn drive<F: Future>(&mut self, future: F) -> F::Output {
        drive(&mut self.driver, future).await
    }
}

/// Polls a connection and what waits for it.
async fn drive<F: Future>(
    driver: &mut Option<Pin<Box<dyn Future<Output = hyper::Result<()>>>>>,
    future: F,
) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        // Why it ended is said to whoever waits for a response.
        if let Some(connection) = driver
            && let Poll::Ready(_) = connection.as_mut().poll(cx)
        {
            *driver = None;
        }
        future.as_mut().poll(cx)
    })
    .await
}

impl From<hyper::Error> for NoResponse {
    fn from(error: hyper::Error) -> Self {
        let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        match io {
            _ if error.is_canceled() => Self::Unsent,
            // It was not taken whole.
            Some(io) if io.kind() == io::ErrorKind::BrokenPipe => Self::Unsent,
            Some(io) => Self::Io(io::Error::new(io.kind(), io.to_string())),
            None if error.is_incomplete_message() => Self::Closed,
            None => Self::Invalid(error),
        }
    }
}
