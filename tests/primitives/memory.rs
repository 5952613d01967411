//! A million tasks take no more memory than a few.

use std::{
    future::{Future, pending},
    task::{Context, Waker},
};

use allocation_counter::measure;
use fourfold::{TaskSet, batch, task_group, worker_pool};
use futures_lite::future::block_on;

use super::{nz, turn};

async fn task(n: u64) -> u64 {
    for _ in 0..n % 3 {
        turn().await;
    }
    n
}

/// The peak in bytes of `run` with so many tasks; all of it is given back.
fn peak(run: impl Fn(u64), tasks: u64) -> u64 {
    block_on(turn()); // makes block_on's own parker
    let info = measure(|| run(tasks));
    assert_eq!(info.count_current, 0, "something was leaked: {info:?}");
    info.bytes_max
}

#[test]
fn a_million_tasks_run_in_flat_memory() {
    let set = |tasks| {
        let mut set = TaskSet::new(nz(16)).unwrap();
        let sum: u64 = block_on(async {
            let mut sum = 0;
            for n in 0..tasks {
                set.spawn(task(n)).await;
                sum += set.prune().sum::<u64>();
            }
            sum + set.join().await.into_iter().sum::<u64>()
        });
        assert_eq!(sum, tasks * (tasks - 1) / 2);
    };
    let pool = |tasks| {
        let sum = std::cell::Cell::new(0);
        let handler = async |n, _: &_| {
            // Not `sum.get() + task(n).await`: what is read before an await is old after it.
            let n = task(n).await;
            sum.set(sum.get() + n);
        };
        block_on(worker_pool(nz(16), nz(16), handler, async |queue| {
            for n in 0..tasks {
                queue.push(n).await.unwrap();
            }
        }))
        .unwrap();
        assert_eq!(sum.get(), tasks * (tasks - 1) / 2);
    };
    for (name, scope) in [("set", &set as &dyn Fn(u64)), ("pool", &pool)] {
        let (few, many) = (peak(scope, 1000), peak(scope, 1_000_000));
        assert!(many <= few, "{name}: {many} bytes at the peak, {few} with a thousand tasks");
    }
}

#[test]
fn a_group_keeps_its_results_and_nothing_else() {
    let group = |tasks| {
        let output = block_on(task_group(nz(16), async |group| {
            for n in 0..tasks {
                group
                    .spawn("task", async move {
                        task(n).await;
                        Ok::<_, ()>(())
                    })
                    .await;
            }
            Ok(())
        }));
        assert_eq!(output.unwrap().results.len() as u64, tasks);
    };
    let (few, many) = (peak(group, 1_000), peak(group, 100_000));
    // A name in a list that doubles when it is full, and is copied then.
    let per_task = (many - few) / 99_000;
    assert!(per_task <= 3 * 24, "{per_task} bytes per task that has ended");
}

/// The bytes that a scope keeps for each of its tasks, beside the task's future, once all of them are in flight.
fn bytes_in_flight<F: Future>(scope: impl FnOnce(usize) -> F) -> u64 {
    const TASKS: usize = 4096;
    let mut scope = Box::pin(scope(TASKS));
    let mut cx = Context::from_waker(Waker::noop());
    let info = measure(|| {
        // A turn starts 512 at most.
        for _ in 0..2 * TASKS / 512 {
            assert!(scope.as_mut().poll(&mut cx).is_pending());
        }
    });
    info.bytes_current.unsigned_abs() / TASKS as u64
}

#[test]
fn a_task_in_flight_takes_its_future_and_at_most_112_bytes() {
    let stuck = |payload: [u64; 8]| async move {
        pending::<()>().await;
        drop::<Vec<u64>>(payload.into());
    };
    let future = size_of_val(&stuck([0; 8])) as u64;
    let set = bytes_in_flight(async |tasks| {
        let mut set = TaskSet::new(tasks).unwrap();
        for _ in 0..tasks {
            set.spawn(stuck([1; 8])).await;
        }
        set.join().await
    });
    let batch = bytes_in_flight(|tasks| batch(tasks, 0..tasks, |_| stuck([1; 8])));
    let pool = bytes_in_flight(async |tasks| {
        let handler = |(), _: &_| stuck([1; 8]);
        worker_pool(tasks, 1, handler, async |queue| {
            for _ in 0..tasks {
                queue.push(()).await.unwrap();
            }
        })
        .await
    });
    for (name, bytes) in [("set", set), ("batch", batch), ("pool", pool)] {
        assert!(bytes > future, "{name}: {bytes} bytes cannot hold a future of {future}");
        assert!(bytes <= future + 112, "{name}: {bytes} bytes for a future of {future}");
    }
}
