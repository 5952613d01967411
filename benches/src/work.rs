//! What a task does.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::{Future, pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::Poll;

use async_channel::{Receiver, Sender};

/// Which task is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Workload {
    /// Ready at once.
    Y0,
    /// Yields once.
    Y1,
    /// Yields ten times.
    Y10,
    /// Awaits a reply from a sibling future through a channel.
    Xwake,
}

impl Workload {
    pub const ALL: [Self; 4] = [Self::Y0, Self::Y1, Self::Y10, Self::Xwake];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Y0 => "y0",
            Self::Y1 => "y1",
            Self::Y10 => "y10",
            Self::Xwake => "xwake",
        }
    }

    /// Whether a task stays in flight past its first poll, so that the limit can be reached.
    pub const fn waits(self) -> bool {
        !matches!(self, Self::Y0)
    }
}

/// The tasks of a workload. A task is `Send` and `'static`, because some peers ask for it.
pub trait Work: Copy + Send + 'static {
    /// Whether [`serve`](Self::serve) has to be polled beside the tasks.
    const SERVED: bool = false;

    /// The task with this number; it gives its number back.
    fn task(self, id: u64) -> impl Future<Output = u64> + Send + 'static;

    /// The sibling that replies; never ends.
    fn serve(self) -> impl Future<Output = ()> + Send + 'static {
        pending()
    }
}

/// Tasks that yield so many times.
#[derive(Clone, Copy)]
pub struct Yields<const N: u32>;

impl<const N: u32> Work for Yields<N> {
    async fn task(self, id: u64) -> u64 {
        if N > 0 {
            let mut left = N;
            poll_fn(|cx| {
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
        id
    }
}

/// Tasks that ask a sibling through one channel and get the reply through another.
#[derive(Clone, Copy)]
pub struct CrossWake {
    exchange: &'static Exchange,
}

struct Exchange {
    requests: (Sender<Request>, Receiver<Request>),
    /// One for each task that may be in flight, used again and again.
    replies: Vec<(Sender<u64>, Receiver<u64>)>,
}

struct Request {
    id: u64,
    reply_to: usize,
}

thread_local! {
    /// The reply channels that no task has; all tasks of a run share a thread.
    static FREE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

impl CrossWake {
    /// For a run on this thread with so many in flight; one more would find no channel and panic.
    pub fn new(limit: usize) -> Self {
        FREE.replace((0..limit).collect());
        Self { exchange: Exchange::of(limit) }
    }
}

impl Exchange {
    /// Made once for each limit, for a task cannot borrow it: it has to be `'static`.
    fn of(limit: usize) -> &'static Self {
        static MADE: OnceLock<Mutex<HashMap<usize, &'static Exchange>>> = OnceLock::new();
        let mut made = MADE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(limit).or_insert_with(|| {
            let replies = (0..limit).map(|_| async_channel::bounded(1)).collect();
            Box::leak(Box::new(Self { requests: async_channel::unbounded(), replies }))
        })
    }
}

impl Work for CrossWake {
    const SERVED: bool = true;

    async fn task(self, id: u64) -> u64 {
        let slot = FREE.with_borrow_mut(Vec::pop).expect("no more tasks in flight than the limit");
        self.exchange.requests.0.send(Request { id, reply_to: slot }).await.expect("the exchange is never closed");
        let reply = self.exchange.replies[slot].1.recv().await.expect("the exchange is never closed");
        FREE.with_borrow_mut(|free| free.push(slot));
        reply
    }

    async fn serve(self) {
        while let Ok(Request { id, reply_to }) = self.exchange.requests.1.recv().await {
            self.exchange.replies[reply_to].0.send(id).await.expect("the exchange is never closed");
        }
    }
}

/// The same tasks, watched: how many were in flight at most.
#[derive(Clone, Copy)]
pub struct Watched<W>(W);

static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct InFlight;

impl InFlight {
    fn enter() -> Self {
        let now = IN_FLIGHT.fetch_add(1, Relaxed) + 1;
        PEAK.fetch_max(now, Relaxed);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        IN_FLIGHT.fetch_sub(1, Relaxed);
    }
}

impl<W: Work> Work for Watched<W> {
    const SERVED: bool = W::SERVED;

    async fn task(self, id: u64) -> u64 {
        let _in_flight = InFlight::enter();
        self.0.task(id).await
    }

    fn serve(self) -> impl Future<Output = ()> + Send + 'static {
        self.0.serve()
    }
}

/// Watches one run; only one at a time, as the counters are shared.
pub fn watch<W: Work, T>(work: W, run: impl FnOnce(Watched<W>) -> T) -> (T, usize) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    IN_FLIGHT.store(0, Relaxed);
    PEAK.store(0, Relaxed);
    let outcome = run(Watched(work));
    (outcome, PEAK.load(Relaxed))
}
