//! Connections: accepted, seated, answered.

use alloc::rc::Rc;
use core::{convert::Infallible, time::Duration};

use futures_lite::future::{poll_fn, poll_once, yield_now};
use hyper::{server::conn::http1, service::service_fn};
use smol::{Timer, io::AsyncWriteExt, net::TcpStream};
use smol_hyper::rt::{FuturesIo, SmolTimer};

use super::{Listener, connection::Connection, io_budget::Budgeted, routes, seats::Seat, stall::StallGuard};

/// Before another is accepted, where the system has no room for one.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the head of a request may take to come, the first or the next.
const HEAD_MAX: Duration = Duration::from_secs(20);
/// The same where connections are scarce.
const RESERVED_HEAD_MAX: Duration = Duration::from_secs(5);
/// How much of a response is in hand, and how long the head of a request may be.
const BUFFER: usize = 32 * 1024;
/// What one connection too many is told.
const REFUSAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";

/// Accepts connections for ever.
pub(super) async fn accept(listener: &Listener) -> Infallible {
    loop {
        match listener.socket.accept().await {
            Ok((stream, _)) => admit(listener, stream).await,
            Err(_) => {
                // It may be that no descriptor is left, and then tasks lack them, too.
                listener.seats.give_way();
                Timer::after(PAUSE).await;
            }
        }
        // One in a turn: connections that come without a pause do not hold the run either.
        yield_now().await;
    }
}

/// Gives a connection its seat, or turns it away.
async fn admit(listener: &Listener, mut stream: TcpStream) {
    let (descriptor, max) = descriptors(&stream);
    let Some(seat) = listener.seats.choose(descriptor, max) else {
        // One write, into an empty buffer; who does not read it learns the same from the end.
        let _ = poll_once(stream.write_all(REFUSAL)).await;
        return;
    };
    let connection = Connection::new(Rc::clone(&listener.shared), seat);
    listener.seats.take(seat, listener.connections.spawn(serve(connection, stream)));
}

/// The number of this connection's descriptor, and how many the process may have.
#[cfg(unix)]
fn descriptors(stream: &TcpStream) -> (u64, u64) {
    use rustix::process::{Resource, getrlimit};
    use std::os::fd::AsRawFd;

    let number = u64::try_from(stream.as_raw_fd()).unwrap_or_default();
    (number, getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

#[cfg(not(unix))]
fn descriptors(_: &TcpStream) -> (u64, u64) {
    (0, u64::MAX)
}

/// Answers the requests on a connection until it ends.
async fn serve(connection: Connection, stream: TcpStream) {
    // Events come in small writes. Without it they come later, and all the same.
    let _ = stream.set_nodelay(true);
    let budget = &connection.shared.budget;
    let service = service_fn(async |request| {
        // One that has sent a thousand requests at once has no more of a turn than others.
        poll_fn(|cx| budget.poll_spend(cx)).await;
        Ok::<_, Infallible>(routes::answer(&connection, request).await)
    });
    let head_max = if connection.seat == Seat::Reserved { RESERVED_HEAD_MAX } else { HEAD_MAX };
    let stream = Budgeted::new(StallGuard::new(stream), budget.clone());
    let mut http = http1::Builder::new();
    http.timer(SmolTimer::new()).title_case_headers(true).header_read_timeout(head_max).max_buf_size(BUFFER);
    // A client that goes away, or speaks no HTTP, is its own affair.
    let _ = http.serve_connection(FuturesIo::new(stream), service).await;
}
