#![doc = include_str!("listen/PROTOCOL.md")]

mod address;
mod connection;
mod exposition;
mod guard;
#[doc(hidden)]
pub mod io_budget;
mod metrics;
mod negotiate;
mod page;
mod reply;
mod ring;
mod routes;
mod scrape;
mod seats;
mod server;
mod stall;
mod stream;
mod watch;

use alloc::rc::Rc;
use core::{
    cell::{Cell, RefCell},
    convert::Infallible,
    time::Duration,
};
use std::{io, net::SocketAddr};

use event_listener::Event as Bell;
use futures_lite::future::{or, yield_now};
use smol::{LocalExecutor, Timer};

pub use self::{
    address::{InvalidAddress, ListenAddress},
    metrics::{Exposed, expose},
    page::{File, Page},
    watch::Watch,
};
use self::{guard::Hosts, io_budget::IoBudget, ring::Ring, scrape::Scrapes, seats::Seats};
use crate::metrics::State;

/// How long the last events may take to reach those who follow.
const FLUSH_MAX: Duration = Duration::from_secs(2);
/// Reads, writes and requests of all connections together, between two turns of the run.
const OPERATIONS_PER_TURN: u32 = 64;

/// A server beside runs, on their thread: metrics, events, health and the page.
///
/// ```
/// use core::convert::Infallible;
/// use fourfold::{MemorySource, Run, Task, listen::Listener};
/// use futures_lite::future::or;
///
/// let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap())?;
/// assert!(listener.url().starts_with("http://127.0.0.1:"));
/// let mut watch = listener.watch();
/// let source = MemorySource::new(0..3_u8);
/// let run = Run::new(&source, async |_: &Task<u8>| Ok::<_, Infallible>(())).observer(&mut watch);
/// let report = smol::block_on(or(async { run.await.unwrap() }, async { match listener.serve().await {} }));
/// smol::block_on(listener.finish());
/// assert_eq!(report.counters.done, watch.state().borrow().counters().done);
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    socket: smol::net::TcpListener,
    address: SocketAddr,
    shared: Rc<Shared>,
    seats: Seats,
    connections: LocalExecutor<'static>,
}

/// What connections share.
#[derive(Debug)]
struct Shared {
    hosts: Hosts,
    page: Cell<Page>,
    /// `None` where there is no run, but the page alone.
    live: Option<Rc<Live>>,
    /// What connections may still do before the run has its turn.
    budget: IoBudget,
    /// How many connections follow the events.
    followers: Cell<usize>,
    /// A follower is gone.
    left: Bell,
}

/// What can be seen of runs.
#[derive(Debug)]
struct Live {
    ring: RefCell<Ring>,
    /// Of the latest run.
    state: RefCell<Rc<RefCell<State>>>,
    /// Whether anybody sleeps until there is news.
    asleep: Cell<bool>,
    news: Bell,
    /// Nothing comes any more.
    over: Cell<bool>,
    scrapes: Scrapes,
}

impl Listener {
    /// Listens at this address; nobody is answered before [`serve`](Self::serve) is polled.
    ///
    /// # Errors
    /// The address is not one of this machine's, is taken, or its name is unknown.
    pub fn bind(address: &ListenAddress) -> io::Result<Self> {
        let live = Live {
            ring: RefCell::new(Ring::new()),
            state: RefCell::default(),
            asleep: Cell::new(false),
            news: Bell::new(),
            over: Cell::new(false),
            scrapes: Scrapes::default(),
        };
        Self::open(address, Some(live))
    }

    /// Serves the page alone: there are no metrics and no events.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_page(address: &ListenAddress) -> io::Result<Self> {
        Self::open(address, None)
    }

    fn open(address: &ListenAddress, live: Option<Live>) -> io::Result<Self> {
        let socket = address.bind()?;
        let bound = socket.local_addr()?;
        let shared = Shared {
            hosts: Hosts::new(address.host(), bound.ip()),
            page: Cell::default(),
            live: live.map(Rc::new),
            budget: IoBudget::default(),
            followers: Cell::new(0),
            left: Bell::new(),
        };
        let socket = smol::net::TcpListener::try_from(socket)?;
        let (shared, seats) = (Rc::new(shared), Seats::default());
        Ok(Self { socket, address: bound, shared, seats, connections: LocalExecutor::new() })
    }

    /// Sets the page that it serves; without one it says that there is none.
    #[must_use]
    pub fn page(self, page: Page) -> Self {
        self.shared.page.set(page);
        self
    }

    /// Returns the address on which the listener accepts connections.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the page.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Returns the observer of the next run, which is the one that is shown from now on.
    pub fn watch(&self) -> Watch {
        let watch = Watch::new(&self.shared);
        if let Some(live) = &self.shared.live {
            live.ring.borrow_mut().begin_run();
            *live.state.borrow_mut() = Rc::clone(watch.state());
        }
        watch
    }

    /// Answers, as long as it is polled. Dropped and called again, it goes on with the same connections.
    pub async fn serve(&self) -> Infallible {
        or(server::accept(self), self.drive()).await
    }

    /// Polls connections in the order in which they can go on. When what they may do in a turn is done, the caller has one.
    async fn drive(&self) -> Infallible {
        let budget = &self.shared.budget;
        loop {
            budget.refill(OPERATIONS_PER_TURN);
            while !budget.is_spent() {
                self.connections.tick().await;
                budget.spend(1);
            }
            yield_now().await;
        }
    }

    /// Says that no run comes any more, and sees to it that those who follow get what they have not yet got, within two seconds.
    pub async fn finish(&self) {
        if let Some(live) = &self.shared.live {
            live.over.set(true);
            live.news.notify(usize::MAX);
        }
        let flushed = async {
            while self.shared.followers.get() > 0 {
                let left = self.shared.left.listen();
                if self.shared.followers.get() > 0 {
                    left.await;
                }
            }
        };
        let late = async {
            Timer::after(FLUSH_MAX).await;
        };
        or(or(flushed, late), async { match self.drive().await {} }).await;
    }
}
