//! A pool ends when all that was let in is finished: never before, and always then.

use std::cell::Cell;

use fourfold::{
    Clock, Permits,
    clock::SimulatedClock,
    scope::{PushError, worker_pool_with},
    worker_pool,
};
use futures_lite::future::zip;

use super::{Gauge, ms, nz, turn};

#[test]
fn what_is_queued_when_the_body_ends_is_finished() {
    // More, as many, and fewer workers than tasks; no task at all.
    for workers in [1, 3, 8] {
        for tasks in [0, 1, 3, 8] {
            let clock = SimulatedClock::new();
            let gauge = Gauge::new(workers);
            let handler = async |_, _: &_| {
                let _inside = gauge.enter();
                clock.sleep(ms(10)).await;
            };
            let pool = worker_pool(nz(workers), nz(8), handler, async |queue| {
                for n in 0..tasks {
                    queue.try_push(n).unwrap();
                }
            });
            clock.run(pool).unwrap().unwrap();
            assert_eq!(gauge.read(), (0, workers.min(tasks), tasks));
        }
    }
}

#[test]
fn a_closed_queue_gives_the_task_back_also_to_those_who_wait() {
    let clock = SimulatedClock::new();
    let handled = Cell::new(0);
    let handler = async |_: &str, _: &_| {
        clock.sleep(ms(10)).await;
        handled.set(handled.get() + 1);
    };
    let pool = worker_pool(nz(1), nz(1), handler, async |queue| {
        queue.push("running").await.unwrap();
        turn().await;
        queue.push("queued").await.unwrap();
        let close = async {
            turn().await;
            queue.close();
        };
        let (waited, ()) = zip(queue.push("waiting"), close).await;
        assert_eq!(waited, Err(PushError::Closed("waiting")));
        assert_eq!(queue.push("late").await.unwrap_err().into_inner(), "late");
        assert!(queue.is_closed());
        assert_eq!((clock.now().as_nanos(), queue.unfinished()), (0, 2), "nobody had to wait for that");
        queue.join().await;
        assert_eq!(clock.now().as_nanos(), 20_000_000);
    });
    clock.run(pool).unwrap().unwrap();
    assert_eq!(handled.get(), 2);
}

#[test]
fn a_join_waits_for_what_runs_too_and_can_be_repeated() {
    let clock = SimulatedClock::new();
    let finished = Cell::new(0);
    let handler = async |time, _: &_| {
        clock.sleep(ms(time)).await;
        finished.set(finished.get() + 1);
    };
    let pool = worker_pool(nz(2), nz(4), handler, async |queue| {
        queue.join().await; // nothing was pushed: nothing to wait for
        for round in 1..=3 {
            for time in [5, 10, 20, 40] {
                queue.push(time).await.unwrap();
            }
            queue.join().await;
            assert_eq!((finished.get(), queue.unfinished()), (4 * round, 0));
        }
    });
    clock.run(pool).unwrap().unwrap();
}

#[test]
fn a_join_ends_although_more_is_pushed_at_the_very_moment() {
    let clock = SimulatedClock::new();
    let handler = async |(), _: &_| clock.sleep(ms(10)).await;
    let pool = worker_pool(nz(1), nz(1), handler, async |queue| {
        queue.push(()).await.unwrap();
        let busy = async {
            // Is woken by the same end of a task as the join, and before it.
            for _ in 0..5 {
                queue.join().await;
                queue.push(()).await.unwrap();
            }
        };
        let join = async {
            queue.join().await;
            clock.now().as_nanos()
        };
        let ((), joined_at) = zip(busy, join).await;
        assert_eq!(joined_at, 10_000_000);
    });
    clock.run(pool).unwrap().unwrap();
}

#[test]
fn taking_the_rest_counts_as_finishing_it() {
    let clock = SimulatedClock::new();
    let handler = async |_, _: &_| clock.sleep(ms(10)).await;
    let pool = worker_pool(nz(1), nz(3), handler, async |queue| {
        for n in 0..4 {
            queue.push(n).await.unwrap();
        }
        let (rest, ()) = zip(async { queue.take_rest() }, queue.join()).await;
        assert_eq!((rest, clock.now().as_nanos()), (vec![1, 2, 3], 10_000_000));
        for n in 5..8 {
            queue.try_push(n).expect("its places are free again");
        }
    });
    clock.run(pool).unwrap().unwrap();
}

#[test]
fn taking_the_rest_ends_a_join_that_waits_for_nothing_else() {
    let clock = SimulatedClock::new();
    let permits = Permits::new(nz(1));
    let _elsewhere = permits.try_acquire();
    let pool = worker_pool_with(
        &permits,
        nz(2),
        nz(2),
        async |_, _: &_| panic!("it has no permit"),
        async |queue| {
            queue.push(1).await.unwrap();
            let take = async {
                turn().await;
                queue.take_rest()
            };
            let ((), rest) = zip(queue.join(), take).await;
            assert_eq!(rest, [1]);
        },
    );
    clock.run(pool).unwrap().unwrap();
}
