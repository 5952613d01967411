//! Connections: accepted, counted, answered.

use alloc::{rc::Rc, sync::Arc};
use core::{cell::Cell, convert::Infallible, time::Duration};

use async_channel::Sender;
use smol::{LocalExecutor, Timer, io::AsyncWriteExt, net::TcpStream};
use trillium_http::{HttpConfig, HttpContext, SERVICE_UNAVAILABLE};

use super::{
    Listener, Shared, routes,
    stream::{self, Place},
    transport::Timed,
};

/// How many connections are open at once; a browser opens six.
const CONNECTIONS_MAX: usize = 64;
/// Before another is accepted, where the system has no room for one.
const PAUSE: Duration = Duration::from_millis(100);
/// So much of a response is in hand and of a request is read.
const BUFFER: usize = 32 * 1024;

/// Accepts connections for ever.
pub(super) async fn accept(listener: &Listener) -> Infallible {
    let config = HttpConfig::default()
        .with_body_write_chunk_len(BUFFER)
        .with_response_buffer_max_len(BUFFER)
        .with_received_body_max_len(BUFFER as u64);
    let context = Arc::new(HttpContext::new().with_config(config));
    loop {
        let Ok((mut stream, _)) = listener.socket.accept().await else {
            Timer::after(PAUSE).await;
            continue;
        };
        let shared = &listener.shared;
        if shared.open.get() >= CONNECTIONS_MAX {
            // One write, into an empty buffer; who does not read it learns the same from the end.
            let _ = futures_lite::future::poll_once(stream.write_all(SERVICE_UNAVAILABLE)).await;
            continue;
        }
        let connection = Connection::new(Rc::clone(shared));
        listener.connections.spawn(connection.serve(Arc::clone(&context), stream)).detach();
    }
}

/// An open connection, counted as long as it is.
struct Connection {
    shared: Rc<Shared>,
    follows: Cell<bool>,
}

impl Connection {
    fn new(shared: Rc<Shared>) -> Self {
        shared.open.set(shared.open.get() + 1);
        Self { shared, follows: Cell::new(false) }
    }

    async fn serve(self, context: Arc<HttpContext>, stream: TcpStream) {
        // Events come in small writes. Without it they come later, and all the same.
        let _ = stream.set_nodelay(true);
        // What fills the response that follows the events: dropped with the connection, as the response is.
        let feeds = LocalExecutor::new();
        let follow = |place: Place, sender: Sender<Vec<u8>>| {
            if !self.follows.replace(true) {
                self.shared.followers.set(self.shared.followers.get() + 1);
            }
            feeds.spawn(stream::feed(Rc::clone(&self.shared), place, sender)).detach();
        };
        let answer = async |conn| routes::answer(&self.shared, &follow, conn);
        // A client that goes away, or speaks no HTTP, is its own affair.
        let _ = feeds.run(context.run(Timed::new(stream), answer)).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.open.set(self.shared.open.get() - 1);
        if self.follows.get() {
            self.shared.followers.set(self.shared.followers.get() - 1);
            self.shared.left.notify(usize::MAX);
        }
    }
}
