//! A panic costs its own task and nothing else, and is not kept secret.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use fourfold::{
    Clock, Permits, TaskSet,
    clock::SimulatedClock,
    scope::{batch_with, task_group_with, worker_pool_with},
};

use super::{Gauge, ms, nz};

/// The message of the panic that `code` must end with.
fn panics<T>(code: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(code)).err().expect("it panics");
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| panic.downcast_ref::<&str>().expect("it has a message").to_string())
}

#[test]
fn a_join_ends_when_handlers_panic_and_no_worker_is_lost() {
    // At the first poll and after a wait; some of the handlers, and all of them.
    for (every, wait) in [(3, 0), (3, 5), (1, 0), (1, 5)] {
        let clock = SimulatedClock::new();
        let (gauge, permits) = (Gauge::new(4), Permits::new(nz(4)));
        let joined = Cell::new(false);
        let handler = async |n: u64, _: &_| {
            let _inside = gauge.enter();
            if n.is_multiple_of(every) {
                clock.sleep(ms(wait)).await;
                panic!("task {n}");
            }
            clock.sleep(ms(5)).await;
        };
        let pool = worker_pool_with(&permits, nz(4), nz(2), handler, async |queue| {
            for n in 0..30 {
                queue.push(n).await.unwrap();
            }
            queue.join().await;
            joined.set(true);
            assert_eq!((permits.held(), queue.unfinished()), (0, 0));
            gauge.peak.set(0);
            for n in 0..30 {
                queue.push(n).await.unwrap();
            }
        });
        assert_eq!(panics(|| clock.run(pool)), "task 0", "the first one is told at the end");
        assert!(joined.get());
        let workers = if wait == 0 && every == 1 { 1 } else { 4 };
        assert_eq!(gauge.read(), (0, workers, 60), "every task was begun, by as many workers as before");
        assert_eq!((permits.held(), permits.waiting()), (0, 0));
    }
}

#[test]
fn a_panic_passes_through_a_batch_and_frees_its_permits() {
    let clock = SimulatedClock::new();
    let (gauge, permits) = (Gauge::new(3), Permits::new(nz(3)));
    let batch = batch_with(&permits, 0..10, async |n| {
        let _inside = gauge.enter();
        clock.sleep(ms(n)).await;
        assert!(n != 2, "task 2");
    });
    assert_eq!(panics(|| clock.run(batch)), "task 2");
    assert_eq!((gauge.read().0, permits.held(), clock.timers()), (0, 0, 0));
}

#[test]
fn a_panic_passes_through_a_group_and_drops_the_siblings() {
    let clock = SimulatedClock::new();
    let (gauge, permits) = (Gauge::new(3), Permits::new(nz(3)));
    for in_body in [false, true] {
        let group = task_group_with(&permits, async |group| {
            for n in 0..3 {
                let (gauge, clock) = (&gauge, &clock);
                group
                    .spawn("task", async move {
                        let _inside = gauge.enter();
                        clock.sleep(ms(10)).await;
                        assert!(n != 1 || in_body, "in a task");
                        clock.sleep(ms(1000)).await;
                        Ok::<_, ()>(())
                    })
                    .await;
            }
            clock.sleep(ms(20)).await;
            if in_body {
                panic!("in the body");
            }
            Ok(())
        });
        assert_eq!(panics(|| clock.run(group)), if in_body { "in the body" } else { "in a task" });
        assert_eq!((gauge.read().0, permits.held(), clock.timers()), (0, 0, 0));
    }
}

#[test]
fn a_set_goes_on_after_a_panic() {
    let clock = SimulatedClock::new();
    let mut set = TaskSet::new(nz(2)).unwrap();
    let task = async |n: u64| {
        clock.sleep(ms(n)).await;
        assert!(n != 1, "task 1");
        n
    };
    for n in [1, 2] {
        set.try_spawn(task(n)).unwrap();
    }
    assert_eq!(panics(|| clock.run(set.join())), "task 1");
    assert!(set.has_room());
    set.try_spawn(task(3)).unwrap();
    assert_eq!(clock.run(set.join()).unwrap(), [2, 3]);

    // Also when it comes at the first poll.
    let mut set = TaskSet::new(nz(1)).unwrap();
    let first = async |n: u32| assert!(n > 0, "task {n}");
    assert_eq!(panics(|| set.try_spawn(first(0)).is_ok()), "task 0");
    assert!(set.try_spawn(first(1)).is_ok());
    assert_eq!(set.prune().len(), 1);
}
