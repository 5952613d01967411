//! What was started goes on while something else is awaited.

use std::cell::Cell;

use async_lock::Mutex;
use fourfold::{
    Clock, TaskSet,
    clock::{SimulatedClock, Stalled},
    task_group, worker_pool,
};

use super::{ms, nz, turn};

/// Holds the lock over an await.
async fn hold(lock: &Mutex<u32>, clock: &SimulatedClock) {
    let mut guard = lock.lock().await;
    clock.sleep(ms(10)).await;
    *guard += 1;
}

#[test]
fn a_set_that_is_driven_lets_go_of_a_lock_that_its_owner_awaits() {
    let (clock, lock) = (SimulatedClock::new(), Mutex::new(0));
    let driven = async {
        let mut set = TaskSet::new(nz(2)).unwrap();
        set.spawn(hold(&lock, &clock)).await;
        set.spawn(hold(&lock, &clock)).await;
        set.drive(async { *lock.lock().await }).await
    };
    assert!(clock.run(driven).unwrap() >= 1);

    // The same without `drive` is the deadlock that it is there for.
    let snoozing = async {
        let mut set = TaskSet::new(nz(2)).unwrap();
        set.spawn(hold(&lock, &clock)).await;
        *lock.lock().await
    };
    assert!(matches!(clock.run(snoozing), Err(Stalled { .. })));
}

#[test]
fn a_body_gets_a_lock_that_its_tasks_hold() {
    let (clock, lock) = (SimulatedClock::new(), Mutex::new(0));
    let group = task_group(nz(2), async |group| {
        group
            .spawn("holder", async {
                hold(&lock, &clock).await;
                Ok(())
            })
            .await;
        turn().await;
        Ok::<_, ()>(*lock.lock().await)
    });
    assert_eq!(clock.run(group).unwrap().unwrap().value, 1);

    let pool = worker_pool(
        nz(1),
        nz(1),
        async |(), _: &_| hold(&lock, &clock).await,
        async |queue| {
            queue.push(()).await.unwrap();
            turn().await;
            *lock.lock().await
        },
    );
    assert_eq!(clock.run(pool).unwrap(), Ok(2));
}

#[test]
fn a_slow_consumer_does_not_starve_what_runs() {
    let clock = SimulatedClock::new();
    let ticks = Cell::new(0);
    clock
        .run(async {
            let mut set = TaskSet::new(nz(2)).unwrap();
            for steps in [1, 10] {
                let (clock, ticks) = (&clock, &ticks);
                set.spawn(async move {
                    for _ in 0..steps {
                        clock.sleep(ms(1)).await;
                        ticks.set(ticks.get() + 1);
                    }
                })
                .await;
            }
            set.next().await;
            set.drive(clock.sleep(ms(100))).await;
            assert_eq!(ticks.get(), 11, "the other one went on while the result was being used");
        })
        .unwrap();
}

#[test]
fn a_task_that_never_rests_starves_neither_its_siblings_nor_the_body() {
    let clock = SimulatedClock::new();
    let spins = Cell::new(0_u64);
    let group = task_group(nz(2), async |group| {
        group
            .spawn("spinner", async {
                loop {
                    spins.set(spins.get() + 1);
                    turn().await;
                }
            })
            .await;
        group
            .spawn("sibling", async {
                for _ in 0..10_000 {
                    turn().await;
                }
                Err::<(), _>("sibling is through")
            })
            .await;
        for _ in 0..10_000 {
            turn().await;
        }
        Ok::<(), _>(())
    });
    let error = clock.run(group).unwrap().unwrap_err();
    assert_eq!((error.failures[0].error, error.cancelled), ("sibling is through", vec!["spinner".into()]));
    assert!(spins.get() <= 10_010, "{} spins: it was polled more often than its sibling", spins.get());
}
