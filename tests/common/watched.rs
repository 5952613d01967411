//! A memory source under watch: it keeps books on every delivery, and misbehaves as it is told.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt,
    num::NonZeroUsize,
    time::Duration,
};

use fourfold::{
    Attempt, Clock, MemorySource, Report, Source, Task, TaskId,
    clock::SimulatedClock,
    source::{ClaimStatus, Claims, Delivery, Settlement, Verdict},
};

use super::{Random, nz};

/// How a source fails or dawdles. Nothing by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// How long a claim waits before it hands anything out.
    pub(crate) claim_delay: Duration,
    /// How long it then holds on to what it has pushed.
    pub(crate) claim_lingers: Duration,
    /// The most it hands out at once.
    pub(crate) claim_most: Option<usize>,
    /// How long it takes to settle.
    pub(crate) settle_delay: Duration,
    /// Delays are drawn between nothing and these, by this seed.
    pub(crate) seed: Option<u64>,
    /// The claim with this number, from 0, fails, and those after it.
    pub(crate) claim_fails_at: Option<u64>,
    /// The claim with this number panics.
    pub(crate) panics_at_claim: Option<u64>,
    /// The settling with this number, from 0, fails half way, and those after it at once.
    pub(crate) settle_fails_at: Option<u64>,
    /// From this settling on none ends.
    pub(crate) settle_hangs_at: Option<u64>,
    /// When the background work fails.
    pub(crate) drive_fails_after: Option<Duration>,
    /// Saying goodbye fails.
    pub(crate) close_fails: bool,
    /// How long saying goodbye takes.
    pub(crate) close_delay: Duration,
    /// One settlement in so many is refused: the lease had ended.
    pub(crate) loses_one_in: Option<u64>,
    /// One claim in so many brings something that is no task.
    pub(crate) malformed_one_in: Option<u64>,
}

/// The source failed as it was told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fell {
    Claim,
    Settle,
    Drive,
    Close,
}

impl fmt::Display for Fell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} failed as told")
    }
}

impl std::error::Error for Fell {}

/// What has become of all deliveries.
#[derive(Debug, Default)]
pub(crate) struct Books {
    open: BTreeMap<u64, (TaskId, Attempt)>,
    expected: BTreeMap<TaskId, Attempt>,
    pub(crate) claimed: u64,
    pub(crate) malformed: u64,
    pub(crate) done: BTreeSet<TaskId>,
    pub(crate) dead: BTreeMap<TaskId, String>,
    pub(crate) lost: BTreeSet<TaskId>,
    pub(crate) retried: u64,
    pub(crate) released: Vec<TaskId>,
    pub(crate) abandoned: u64,
    /// Settled, with an error for an answer.
    untold: u64,
    pub(crate) claims: u64,
    pub(crate) settles: u64,
    pub(crate) closes: u64,
    /// The most settlements in one message.
    pub(crate) most_settled: usize,
    /// The most deliveries that were out at once.
    pub(crate) most_open: usize,
}

pub(crate) type Receipt = u64;

/// See the module.
pub(crate) struct Watched<'a> {
    inner: MemorySource<'a, u64>,
    clock: SimulatedClock,
    faults: Faults,
    random: RefCell<Random>,
    tasks: u64,
    serial: Cell<u64>,
    claiming: Cell<bool>,
    settling: Cell<bool>,
    pub(crate) books: RefCell<Books>,
    rest: RefCell<Vec<Task<u64>>>,
}

/// Sets a flag while it lives: what it stands for never happens twice at once.
struct Once<'a>(&'a Cell<bool>);

impl<'a> Once<'a> {
    fn new(flag: &'a Cell<bool>, what: &str) -> Self {
        assert!(!flag.replace(true), "{what} twice at once");
        Self(flag)
    }
}

impl Drop for Once<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl<'a> Watched<'a> {
    pub(crate) fn new(clock: &SimulatedClock, tasks: std::ops::Range<u64>, faults: Faults) -> Self {
        Self {
            inner: MemorySource::new(tasks.clone()),
            clock: clock.clone(),
            random: RefCell::new(Random(faults.seed.unwrap_or(0))),
            faults,
            tasks: tasks.end,
            serial: Cell::new(0),
            claiming: Cell::new(false),
            settling: Cell::new(false),
            books: RefCell::default(),
            rest: RefCell::default(),
        }
    }

    async fn dawdle(&self, most: Duration) {
        let delay = match self.faults.seed {
            Some(_) => Duration::from_millis(self.random.borrow_mut().below(most.as_millis() as u64 + 1)),
            None => most,
        };
        if !delay.is_zero() {
            self.clock.sleep(delay).await;
        }
    }

    fn is_one_in(&self, n: Option<u64>) -> bool {
        n.is_some_and(|n| self.random.borrow_mut().one_in(n))
    }

    fn number(&self, delivery: Delivery<u64, ()>) -> Delivery<u64, Receipt> {
        let serial = self.serial.replace(self.serial.get() + 1);
        let (id, attempt) = (delivery.task.id, delivery.task.attempt);
        let mut books = self.books.borrow_mut();
        let expected = *books.expected.entry(id).or_insert(Attempt::FIRST);
        assert_eq!(attempt, expected, "the attempt of task {id}");
        assert!(books.open.values().all(|(open, _)| *open != id), "task {id} is out twice");
        books.open.insert(serial, (id, attempt));
        books.claimed += 1;
        books.most_open = books.most_open.max(books.open.len());
        Delivery::new(delivery.task, serial)
    }

    /// Takes a delivery off the open ones; panics if it is not among them.
    fn end(&self, delivery: Delivery<u64, Receipt>, how: &str) -> Delivery<u64, ()> {
        let Delivery { task, receipt, .. } = delivery;
        let open = self.books.borrow_mut().open.remove(&receipt);
        assert_eq!(open, Some((task.id, task.attempt)), "{how}: delivery {receipt} of task {} is not open", task.id);
        Delivery::new(task, ())
    }

    async fn settle_one(&self, settlement: &mut Settlement<u64, Receipt>) {
        let verdict = settlement.verdict().clone();
        let delivery = settlement.take().expect("nobody else takes deliveries out");
        assert_eq!((delivery.task.id, delivery.task.attempt), (settlement.task(), settlement.attempt()));
        let delivery = self.end(delivery, "settled");
        let id = delivery.task.id;
        if self.is_one_in(self.faults.loses_one_in) {
            settlement.mark_lease_lost();
            self.books.borrow_mut().lost.insert(id);
            self.pass_on(delivery, Verdict::Done).await;
            return;
        }
        {
            let mut books = self.books.borrow_mut();
            match &verdict {
                Verdict::Done => assert!(books.done.insert(id), "task {id} is done twice"),
                Verdict::Dead { reason } => {
                    assert!(books.dead.insert(id, reason.clone()).is_none(), "task {id} dies twice")
                }
                Verdict::Retry { .. } => {
                    books.retried += 1;
                    books.expected.insert(id, delivery.task.attempt.next());
                }
                Verdict::Release => books.released.push(id),
            }
        }
        if verdict != Verdict::Release {
            self.pass_on(delivery, verdict).await;
        } else {
            // In one go, further down, to keep their order.
            self.rest.borrow_mut().push(delivery.task);
        }
    }

    async fn pass_on(&self, delivery: Delivery<u64, ()>, verdict: Verdict) {
        let Ok(()) = self.inner.settle(&mut [Settlement::new(delivery, verdict)], &self.clock).await;
    }

    async fn settle_some(&self, settlements: &mut [Settlement<u64, Receipt>]) {
        for settlement in settlements {
            self.settle_one(settlement).await;
        }
        let released = self.rest.take().into_iter().map(|task| Delivery::new(task, ()));
        let mut released: Vec<_> = released.map(|delivery| Settlement::new(delivery, Verdict::Release)).collect();
        let Ok(()) = self.inner.settle(&mut released, &self.clock).await;
    }

    /// Every delivery has ended once, the report says the same, and no task is gone. What is left is in [`rest`](Self::rest) then.
    pub(crate) fn assert_books(&self, report: &Report) {
        {
            let (books, counters) = (self.books.borrow(), &report.counters);
            assert!(books.open.is_empty(), "never ended: {:?}", books.open);
            assert_eq!(books.claimed, counters.claimed);
            assert_eq!(books.malformed, counters.malformed);
            let told = counters.done + counters.dead + counters.retried + counters.released;
            let settled = (books.done.len() + books.dead.len() + books.released.len()) as u64 + books.retried;
            if books.untold == 0 {
                assert_eq!((books.done.len(), books.dead.len()), (counters.done as usize, counters.dead as usize));
                assert_eq!((books.retried, books.released.len()), (counters.retried, counters.released as usize));
                assert_eq!(books.abandoned, counters.abandoned);
            }
            assert_eq!(settled - books.untold, told);
            assert_eq!(books.abandoned + books.untold, counters.abandoned);
            assert!(books.closes <= 1, "closed {} times", books.closes);
        }
        self.assert_conserved();
    }

    /// Every task is done, dead, lost or left, and only one of these.
    pub(crate) fn assert_conserved(&self) {
        let books = self.books.borrow();
        assert!(books.open.is_empty(), "never ended: {:?}", books.open);
        assert_eq!(self.inner.held(), 0);
        let rest = self.inner.take_rest();
        let mut all: Vec<u64> = books.done.iter().chain(books.dead.keys()).chain(&books.lost).map(|id| id.0).collect();
        all.extend(rest.iter().map(|task| task.id.0));
        all.sort_unstable();
        assert!(
            all.iter().copied().eq(0..self.tasks),
            "done, dead, lost and left are not all of {}: {all:?}",
            self.tasks
        );
        for task in &rest {
            let expected = books.expected.get(&task.id).copied().unwrap_or(Attempt::FIRST);
            assert_eq!(task.attempt, expected, "the attempt of task {}, which is left", task.id);
        }
        drop(books);
        *self.rest.borrow_mut() = rest;
    }

    /// What was left when the run had ended, in order.
    pub(crate) fn rest(&self) -> Vec<u64> {
        self.rest.borrow().iter().map(|task| task.id.0).collect()
    }

    /// How many deliveries are claimed and have not ended.
    pub(crate) fn open(&self) -> usize {
        self.books.borrow().open.len()
    }

    pub(crate) fn claims(&self) -> u64 {
        self.books.borrow().claims
    }
}

impl Source for Watched<'_> {
    type Payload = u64;
    type Receipt = Receipt;
    type Error = Fell;

    async fn claim(
        &self,
        max: NonZeroUsize,
        claims: &mut Claims<u64, Receipt>,
        _: &impl Clock,
    ) -> Result<ClaimStatus, Fell> {
        let _once = Once::new(&self.claiming, "claiming");
        let number = self.books.borrow().claims;
        self.books.borrow_mut().claims += 1;
        self.dawdle(self.faults.claim_delay).await;
        if self.faults.claim_fails_at.is_some_and(|at| number >= at) {
            return Err(Fell::Claim);
        }
        assert_ne!(self.faults.panics_at_claim, Some(number), "in a claim");
        if self.is_one_in(self.faults.malformed_one_in) {
            self.books.borrow_mut().malformed += 1;
            claims.malformed("no task at all");
        }
        let most = self.faults.claim_most.map_or(max, |most| nz(most).min(max));
        let mut got = Claims::new();
        let Ok(supply) = self.inner.claim(most, &mut got, &self.clock).await;
        got.drain().for_each(|delivery| claims.push(self.number(delivery)));
        self.dawdle(self.faults.claim_lingers).await;
        Ok(supply)
    }

    async fn settle(&self, settlements: &mut [Settlement<u64, Receipt>], _: &impl Clock) -> Result<(), Fell> {
        let _once = Once::new(&self.settling, "settling");
        assert!(!settlements.is_empty(), "told of nothing");
        let number = {
            let mut books = self.books.borrow_mut();
            books.most_settled = books.most_settled.max(settlements.len());
            books.settles += 1;
            books.settles - 1
        };
        self.dawdle(self.faults.settle_delay).await;
        if self.faults.settle_hangs_at.is_some_and(|at| number >= at) {
            std::future::pending::<()>().await;
        }
        match self.faults.settle_fails_at {
            Some(at) if number == at => {
                let half = settlements.len() / 2;
                self.settle_some(&mut settlements[..half]).await;
                let lost = settlements[..half].iter().filter(|settlement| settlement.is_lease_lost()).count();
                // Lost ones are in no other book.
                self.books.borrow_mut().untold += (half - lost) as u64;
                assert_eq!(lost, 0, "faults that cannot be told apart");
                Err(Fell::Settle)
            }
            Some(at) if number > at => Err(Fell::Settle),
            _ => {
                self.settle_some(settlements).await;
                Ok(())
            }
        }
    }

    async fn drive(&self, _: &impl Clock) -> Result<Infallible, Fell> {
        match self.faults.drive_fails_after {
            Some(after) => {
                self.clock.sleep(after).await;
                Err(Fell::Drive)
            }
            None => std::future::pending().await,
        }
    }

    fn abandon(&self, delivery: Delivery<u64, Receipt>) {
        let delivery = self.end(delivery, "abandoned");
        self.books.borrow_mut().abandoned += 1;
        self.inner.abandon(delivery);
    }

    async fn close(&self) -> Result<(), Fell> {
        assert!(!self.claiming.get() && !self.settling.get(), "closed while it is talked to");
        self.books.borrow_mut().closes += 1;
        assert_eq!(self.open(), 0, "closed with deliveries out");
        self.dawdle(self.faults.close_delay).await;
        if self.faults.close_fails { Err(Fell::Close) } else { Ok(()) }
    }
}
