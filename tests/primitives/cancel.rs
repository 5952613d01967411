//! What is dropped takes everything with it that it had started, and nothing else.

use std::{cell::Cell, pin::pin};

use fourfold::{
    Clock, Permits, TaskSet,
    clock::SimulatedClock,
    scope::{batch_with, task_group_with, worker_pool_with},
    task_group, worker_pool,
};

use super::{Gauge, ms, never, nz, poll, turn, within};

#[test]
fn an_outside_cancel_while_a_group_ends_is_not_swallowed() {
    let clock = SimulatedClock::new();
    let (gauge, permits) = (Gauge::new(2), Permits::new(nz(2)));
    let polls = Cell::new(0);
    // The body has returned and the group waits for its tasks, one of which ends well in time.
    let group = task_group_with(&permits, async |group| {
        for time in [5, 1_000_000] {
            let (gauge, clock) = (&gauge, &clock);
            group
                .spawn("task", async move {
                    let _inside = gauge.enter();
                    clock.sleep(ms(time)).await;
                    Ok::<_, ()>(())
                })
                .await;
        }
        Ok(())
    });
    let after = async {
        assert!(within(&clock, ms(10), group).await.is_none());
        assert_eq!((gauge.read(), permits.held()), ((0, 2, 2), 0));
        turn().await;
        clock.now()
    };
    assert_eq!(clock.run(after).unwrap().as_nanos(), 10_000_000);
    assert_eq!((clock.timers(), polls.get()), (0, 0), "no timer keeps anything alive");
}

#[test]
fn collecting_everything_still_honours_a_cancel() {
    let clock = SimulatedClock::new();
    let (gauge, permits) = (Gauge::new(3), Permits::new(nz(3)));
    let pulled = Cell::new(0);
    let inputs = (0..100).inspect(|_| pulled.set(pulled.get() + 1));
    let batch = batch_with(&permits, inputs, async |n| {
        let _inside = gauge.enter();
        clock.sleep(ms(n)).await;
        if n % 2 == 0 { Ok(n) } else { Err(n) }
    });
    assert_eq!(clock.run(within(&clock, ms(10), batch)), Ok(None));
    assert_eq!((gauge.read().0, permits.held(), permits.waiting(), clock.timers()), (0, 0, 0, 0));
    assert_eq!(pulled.get(), gauge.read().2 + 1);
}

#[test]
fn a_dropped_pool_drops_what_runs_and_what_is_queued() {
    struct Payload<'a>(&'a Cell<usize>);
    impl Drop for Payload<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let clock = SimulatedClock::new();
    let (gauge, permits, dropped) = (Gauge::new(2), Permits::new(nz(2)), Cell::new(0));
    let handler = async |_task: Payload<'_>, _: &_| {
        let _inside = gauge.enter();
        clock.sleep(ms(1000)).await;
    };
    let pool = worker_pool_with(&permits, nz(2), nz(3), handler, async |queue| {
        for _ in 0..6 {
            queue.push(Payload(&dropped)).await.unwrap();
        }
    });
    assert!(clock.run(within(&clock, ms(10), pool)).unwrap().is_none());
    assert_eq!((gauge.read(), permits.held()), ((0, 2, 2), 0));
    assert_eq!(dropped.get(), 6, "two running, three queued, one at the door");
}

#[test]
fn dropping_what_waits_on_a_set_loses_nothing() {
    let clock = SimulatedClock::new();
    let task = async |n: u64| {
        clock.sleep(ms(n)).await;
        n
    };
    clock
        .run(async {
            let mut set = TaskSet::new(nz(2)).unwrap();
            set.spawn(task(20)).await;
            set.spawn(task(30)).await;
            assert!(within(&clock, ms(5), set.spawn(task(1))).await.is_none());
            assert!(within(&clock, ms(5), set.next()).await.is_none());
            assert!(within(&clock, ms(15), set.join()).await.is_none());
            assert!(within(&clock, ms(1), set.drive(std::future::pending::<()>())).await.is_none());
            assert_eq!(set.len(), 1);
            assert_eq!(set.prune().collect::<Vec<_>>(), [20], "the join had it, and left it");
            assert_eq!(set.join().await, [30]);
            assert_eq!(set.next().await, None);
        })
        .unwrap();
}

#[test]
fn dropping_a_push_gives_its_place_to_the_next() {
    let clock = SimulatedClock::new();
    let (log, one) = (super::Log::default(), nz(1));
    let handler = async |n: u32, _: &_| {
        log.say(n.to_string());
        clock.sleep(ms(10)).await;
    };
    let body = async |queue: &fourfold::scope::Queue<u32>| {
        queue.push(1).await.unwrap();
        turn().await; // 1 is with the worker
        queue.push(2).await.unwrap();
        let mut third = Box::pin(queue.push(3));
        assert!(poll(third.as_mut()).is_pending());
        let mut fourth = pin!(queue.push(4));
        assert!(poll(fourth.as_mut()).is_pending());
        clock.sleep(ms(15)).await;
        assert_eq!((queue.len(), queue.unfinished()), (0, 1), "the place of 2 is granted to 3");
        drop(third);
        fourth.await.unwrap();
    };
    clock.run(worker_pool(one, one, handler, body)).unwrap().unwrap();
    assert_eq!(log.take(), ["1", "2", "4"]);
}

#[test]
fn a_dropped_spawn_is_never_polled() {
    let clock = SimulatedClock::new();
    let polls = Cell::new(0);
    let output = task_group(nz(1), async |group| {
        group
            .spawn("long", async {
                clock.sleep(ms(10)).await;
                Ok::<_, ()>(())
            })
            .await;
        assert!(within(&clock, ms(5), group.spawn("dropped", never(&polls))).await.is_none());
        group.spawn("last", async { Ok(()) }).await;
        Ok(())
    });
    let output = clock.run(output).unwrap().unwrap();
    assert_eq!(output.results, [("long".into(), ()), ("last".into(), ())]);
    assert_eq!(polls.get(), 0);
}
