//! At most so many at once, and so many if there is enough to do.

use fourfold::{
    Clock, Permits, TaskSet, batch,
    clock::SimulatedClock,
    scope::{batch_with, task_group_with, worker_pool_with},
    task_group, worker_pool,
};
use futures_lite::future::zip;

use super::{Gauge, ms, nz, turn};

const LIMITS: [usize; 5] = [1, 2, 5, 16, 64];
const TASKS: u64 = 200;

/// A task of its own length, sometimes of none.
async fn work(gauge: &Gauge, clock: &SimulatedClock, n: u64) -> u64 {
    let _inside = gauge.enter();
    if !n.is_multiple_of(4) {
        clock.sleep(ms(n * 7 % 13)).await;
    }
    n
}

#[test]
fn each_reaches_its_limit_and_never_passes_it() {
    for limit in LIMITS {
        let clock = SimulatedClock::new();
        for scope in ["set", "batch", "pool", "group"] {
            let gauge = Gauge::new(limit);
            let work = |n| work(&gauge, &clock, n);
            let run = async {
                match scope {
                    "set" => {
                        let mut set = TaskSet::new(nz(limit)).unwrap();
                        for n in 0..TASKS {
                            set.spawn(work(n)).await;
                            assert!(set.len() <= limit);
                        }
                        assert_eq!(set.join().await.len(), TASKS as usize);
                    }
                    "batch" => {
                        let results = batch(limit, 0..TASKS, work).await.unwrap();
                        assert!(results.into_iter().eq(0..TASKS), "in order");
                    }
                    "pool" => {
                        let handler = async |n, _: &_| {
                            work(n).await;
                        };
                        worker_pool(nz(limit), nz(3), handler, async |queue| {
                            for n in 0..TASKS {
                                queue.push(n).await.unwrap();
                                assert!(queue.len() <= 3);
                            }
                        })
                        .await
                        .unwrap();
                    }
                    _ => {
                        let output = task_group(nz(limit), async |group| {
                            for n in 0..TASKS {
                                group.spawn("task", async move { Ok(work(n).await) }).await;
                                assert!(group.permits().held() <= limit);
                            }
                            Ok::<_, ()>(())
                        });
                        assert_eq!(output.await.unwrap().results.len(), TASKS as usize);
                    }
                }
            };
            clock.run(run).unwrap();
            assert_eq!(gauge.read(), (0, limit, TASKS as usize), "{scope} with {limit}");
        }
    }
}

#[test]
fn scopes_with_the_same_permits_share_one_limit() {
    let clock = SimulatedClock::new();
    let permits = Permits::new(nz(5));
    let gauge = Gauge::new(5);
    let work = |n| work(&gauge, &clock, n);
    let handler = async |n, _: &_| {
        work(n).await;
    };
    let pool = worker_pool_with(&permits, nz(16), nz(4), handler, async |queue| {
        for n in 0..TASKS {
            queue.push(n).await.unwrap();
        }
    });
    let group = task_group_with(&permits, async |group| {
        for n in 0..TASKS {
            group.spawn("task", async move { Ok(work(n).await) }).await;
        }
        Ok::<_, ()>(())
    });
    let (pool, (results, output)) = clock.run(zip(pool, zip(batch_with(&permits, 0..TASKS, work), group))).unwrap();
    pool.unwrap();
    assert_eq!((results.len(), output.unwrap().results.len()), (TASKS as usize, TASKS as usize));
    assert_eq!(gauge.read(), (0, 5, 3 * TASKS as usize));
    assert_eq!((permits.held(), permits.waiting()), (0, 0));
}

#[test]
fn a_pool_that_has_nothing_to_do_holds_no_permit_and_no_place_in_the_line() {
    let clock = SimulatedClock::new();
    let permits = Permits::new(nz(1));
    let idle = worker_pool_with(
        &permits,
        nz(2),
        nz(2),
        async |(), _: &_| (),
        async |queue| {
            queue.push(()).await.unwrap();
            queue.join().await;
            assert_eq!((permits.held(), permits.waiting()), (0, 0));
            // Comes while somebody else has the permit, and is taken back before the pool's turn comes.
            let held = permits.acquire().await;
            queue.push(()).await.unwrap();
            turn().await;
            assert_eq!(permits.waiting(), 1);
            assert_eq!(queue.take_rest(), [()]);
            turn().await;
            assert_eq!(permits.waiting(), 0);
            drop(held);
            assert_eq!(permits.held(), 0);
        },
    );
    clock.run(idle).unwrap().unwrap();
}

#[test]
fn a_batch_is_over_when_its_inputs_are_even_if_the_permits_are_elsewhere() {
    let clock = SimulatedClock::new();
    let permits = Permits::new(nz(2));
    let _elsewhere = permits.try_acquire();
    // A filter does not know that nothing is left.
    let inputs = (0..3).filter(|n| *n < 1);
    assert_eq!(clock.run(batch_with(&permits, inputs, async |n| n)), Ok(vec![0]));
    let _all = permits.try_acquire();
    assert_eq!(clock.run(batch_with(&permits, 0..0, async |n: u8| n)), Ok(vec![]));
}

#[test]
fn inputs_are_pulled_one_ahead_at_most() {
    let clock = SimulatedClock::new();
    let gauge = Gauge::new(3);
    let inputs = (0..50).inspect(|n| {
        let started = gauge.read().2;
        assert!(*n <= started, "{n} was pulled when {started} had been started");
    });
    clock.run(batch(nz(3), inputs, async |n| work(&gauge, &clock, n as u64).await)).unwrap().unwrap();
    assert_eq!(gauge.read(), (0, 3, 50));
}

#[test]
fn a_full_queue_holds_the_producer_up() {
    let clock = SimulatedClock::new();
    let handler = async |_, _: &_| clock.sleep(ms(10)).await;
    let pushed_at = clock.run(worker_pool(nz(2), nz(3), handler, async |queue| {
        let mut pushed_at = Vec::new();
        for n in 0..9 {
            queue.push(n).await.unwrap();
            pushed_at.push(clock.now().as_nanos() / 1_000_000);
        }
        pushed_at
    }));
    // Three places at once, two more as soon as the workers have started; from then on two every ten.
    assert_eq!(pushed_at.unwrap().unwrap(), [0, 0, 0, 0, 0, 10, 10, 20, 20]);
}

#[test]
fn a_limit_that_shrinks_and_grows_on_the_way_is_kept() {
    let clock = SimulatedClock::new();
    let permits = Permits::new(nz(8));
    let gauge = Gauge::new(8);
    let change = async {
        clock.sleep(ms(25)).await;
        permits.set_limit(nz(2));
        assert_eq!(gauge.read().0, 8, "nobody is interrupted");
        clock.sleep(ms(10)).await;
        gauge.limit.set(2);
        clock.sleep(ms(100)).await;
        assert_eq!(gauge.read().0, 2, "what was released did not come back");
        gauge.limit.set(4);
        permits.set_limit(nz(4));
        clock.sleep(ms(12)).await;
        assert_eq!(gauge.read().0, 4);
    };
    let handler = async |_, _: &_| {
        let _inside = gauge.enter();
        clock.sleep(ms(10)).await;
    };
    let pool = worker_pool_with(&permits, nz(8), nz(8), handler, async |queue| {
        for n in 0..100 {
            queue.push(n).await.unwrap();
        }
    });
    clock.run(zip(pool, change)).unwrap().0.unwrap();
    assert_eq!(gauge.read(), (0, 8, 100));
}

#[test]
fn a_set_keeps_a_limit_that_changed() {
    let clock = SimulatedClock::new();
    let gauge = Gauge::new(4);
    clock
        .run(async {
            let mut set = TaskSet::new(nz(4)).unwrap();
            for n in 1..=4 {
                set.spawn(work(&gauge, &clock, n)).await;
            }
            set.set_limit(2).unwrap();
            set.spawn(work(&gauge, &clock, 5)).await;
            assert_eq!(set.len(), 2, "three had to end first");
            set.set_limit(3).unwrap();
            assert!(set.try_spawn(work(&gauge, &clock, 6)).is_ok());
            assert!(set.try_spawn(work(&gauge, &clock, 7)).is_err());
            set.join().await;
        })
        .unwrap();
    assert_eq!(gauge.read().2, 6);
}
