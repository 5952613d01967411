//! What is known to be lost is not begun, and what runs is cancelled or told.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    convert::Infallible,
    num::NonZeroUsize,
};

use fourfold::{
    Clock, Config, MemorySource, Pattern, Run, Source, Task,
    check::Invariants,
    clock::SimulatedClock,
    config::OnLost,
    source::{ClaimStatus, Claims, Delivery, Settlement},
};

use crate::common::*;

/// A source that loses deliveries on its way.
struct Leases<'a> {
    tasks: MemorySource<'a, u64>,
    lost: RefCell<BTreeSet<u64>>,
    losses: Cell<usize>,
}

impl Leases<'_> {
    fn new(tasks: u64) -> Self {
        Self { tasks: MemorySource::new(0..tasks), lost: RefCell::default(), losses: Cell::new(0) }
    }

    fn lose(&self, tasks: impl IntoIterator<Item = u64>) {
        self.lost.borrow_mut().extend(tasks);
        self.losses.set(self.losses.get() + 1);
    }
}

impl Source for Leases<'_> {
    type Payload = u64;
    type Receipt = u64;
    type Error = Infallible;

    async fn claim(
        &self,
        max: NonZeroUsize,
        claims: &mut Claims<u64, u64>,
        clock: &impl Clock,
    ) -> Result<ClaimStatus, Infallible> {
        let mut got = Claims::new();
        let status = self.tasks.claim(max, &mut got, clock).await?;
        for Delivery { task, .. } in got.drain() {
            let receipt = task.payload;
            claims.push(Delivery::new(task, receipt));
        }
        Ok(status)
    }

    async fn settle(&self, settlements: &mut [Settlement<u64, u64>], clock: &impl Clock) -> Result<(), Infallible> {
        for settlement in settlements {
            let verdict = settlement.verdict().clone();
            let Some(Delivery { task, receipt, .. }) = settlement.take() else { continue };
            if self.is_lost(&receipt) {
                settlement.mark_lease_lost();
            }
            // What is lost is another process's now: it does not come again here.
            let verdict = if self.is_lost(&receipt) { fourfold::source::Verdict::Done } else { verdict };
            let mut inner = [Settlement::new(Delivery::new(task, ()), verdict)];
            self.tasks.settle(&mut inner, clock).await?;
        }
        Ok(())
    }

    fn losses(&self) -> usize {
        self.losses.get()
    }

    fn is_lost(&self, receipt: &u64) -> bool {
        self.lost.borrow().contains(receipt)
    }

    fn abandon(&self, delivery: Delivery<u64, u64>) {
        self.tasks.abandon(Delivery::new(delivery.task, ()));
    }
}

#[test]
fn what_waits_and_is_lost_never_starts() {
    for pattern in [Pattern::SemaphoreBatch, Pattern::WorkerPool] {
        for per_key in [false, true] {
            let (clock, source) = (SimulatedClock::new(), Leases::new(30));
            let (mut invariants, started) = (Invariants::new(), RefCell::new(BTreeSet::new()));
            let run = Run::new(&source, async |task: &Task<u64>| {
                started.borrow_mut().insert(task.payload);
                clock.sleep(ms(5)).await;
                if task.payload == 0 {
                    source.lose([3, 4, 5, 6]);
                }
                Ok::<_, Infallible>(())
            });
            let mut run = run.config(Config::new(pattern, 2).queue_capacity(12).batch_size(12));
            if per_key {
                run = run.per_key(|task| u64::from(task.payload >= 10), 1);
            }
            let report = clock.run(run.clock(&clock).observer(&mut invariants).into_future()).unwrap().unwrap();
            assert_eq!(invariants.violation(), None, "{pattern}");
            let expected: BTreeSet<u64> = (0..30).filter(|n| !(3..7).contains(n)).collect();
            assert_eq!((&*started.borrow(), report.counters.done), (&expected, 26), "{pattern}");
            assert_eq!(report.counters.lease_lost, 0, "no attempt was made");
        }
    }
}

#[test]
fn a_handler_whose_lease_is_lost_is_dropped_at_once() {
    for pattern in Pattern::ALL {
        let (clock, source) = (SimulatedClock::new(), Leases::new(10));
        let (mut invariants, finished) = (Invariants::new(), RefCell::new(BTreeSet::new()));
        let run = Run::new(&source, async |task: &Task<u64>| {
            if task.payload == 2 {
                clock.sleep(ms(3)).await;
                source.lose([0, 1]);
            } else {
                clock.sleep(ms(if task.payload < 2 { 3_600_000 } else { 10 })).await;
            }
            finished.borrow_mut().insert(task.payload);
            Ok::<_, Infallible>(())
        });
        let run = run.pattern(pattern).limit(4).clock(&clock).observer(&mut invariants);
        let report = clock.run(run.into_future()).unwrap().unwrap();
        assert_eq!(invariants.violation(), None, "{pattern}");
        assert_eq!(*finished.borrow(), (2..10).collect(), "{pattern}");
        let counters = report.counters;
        assert_eq!((counters.done, counters.lease_lost, counters.cancelled, counters.dead), (8, 2, 0, 0));
        assert!(report.elapsed < ms(100));
    }
}

#[test]
fn a_handler_that_is_to_be_told_goes_on_and_hears_of_it() {
    for pattern in Pattern::ALL {
        let (clock, source) = (SimulatedClock::new(), Leases::new(4));
        let (heard, ended) = (Cell::new(0), Cell::new(0));
        let run = Run::new(&source, async |task: &Task<u64>| {
            match task.payload {
                0 => {
                    clock.sleep(ms(3)).await;
                    source.lose([1, 2]);
                }
                1 => {
                    task.lost().await;
                    assert_eq!(clock.now().as_nanos(), 3_000_000);
                    heard.set(heard.get() + 1);
                }
                _ => clock.sleep(ms(10)).await,
            }
            assert_eq!(task.is_lost(), [1, 2].contains(&task.payload));
            ended.set(ended.get() + 1);
            Ok::<_, Infallible>(())
        });
        let run = run.pattern(pattern).limit(4).on_lost(OnLost::Tell).clock(&clock);
        let counters = clock.run(run.into_future()).unwrap().unwrap().counters;
        assert_eq!((heard.get(), ended.get()), (1, 4), "{pattern}");
        assert_eq!((counters.done, counters.lease_lost, counters.cancelled), (2, 2, 0));
    }
}
