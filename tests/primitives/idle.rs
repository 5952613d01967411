//! A scope that waits asks for no poll, whoever woke it last.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use fourfold::{
    Permits, TaskSet,
    scope::{batch_with, task_group_with, worker_pool_with},
    worker_pool,
};

use super::nz;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Wakes what waits from a thread of its own.
#[derive(Default)]
struct Bell(Arc<Mutex<Vec<Waker>>>);

impl Bell {
    async fn wait<T>(&self) -> T {
        poll_fn(|cx| {
            self.0.lock().expect("no thread panics with it").push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// How many were woken.
    fn ring(&self) -> usize {
        let waiting = std::mem::take(&mut *self.0.lock().expect("no thread panics with it"));
        let count = waiting.len();
        std::thread::spawn(|| waiting.into_iter().for_each(Waker::wake)).join().expect("waking does not panic");
        count
    }
}

fn comes_to_rest(name: &str, bell: &Bell, waiting: usize, mut scope: Pin<&mut dyn Future<Output = ()>>) {
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    for round in 0..4 {
        let mut polls = 0;
        loop {
            assert!(scope.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            polls += 1;
            if count.0.swap(0, Ordering::Relaxed) == 0 {
                break;
            }
            assert!(polls < 10, "{name} asks to be polled again and again in round {round}");
        }
        assert_eq!(bell.ring(), waiting, "{name}, round {round}");
        assert!(count.0.swap(0, Ordering::Relaxed) > 0, "{name} was not woken in round {round}");
    }
}

#[test]
fn scopes_come_to_rest_after_wakes_from_another_thread() {
    let bell = Bell::default();
    for free in [2, 3] {
        let permits = Permits::new(nz(free));
        // As many tasks as there are permits, and one that waits; then one less than permits.
        let tasks = if free == 2 { 3 } else { 2 };

        let batch = async { drop(batch_with(&permits, 0..tasks, async |_| bell.wait::<()>().await).await) };
        comes_to_rest("the batch", &bell, 2, pin!(batch));

        let handler = async |_, _: &_| bell.wait().await;
        let pool = worker_pool_with(&permits, nz(4), nz(4), handler, async |queue| {
            for n in 0..tasks {
                queue.push(n).await.unwrap();
            }
        });
        comes_to_rest("the pool with permits", &bell, 2, pin!(async { pool.await.unwrap() }));

        let pool = worker_pool(nz(2), nz(4), handler, async |queue| {
            for n in 0..tasks {
                queue.push(n).await.unwrap();
            }
        });
        comes_to_rest("the pool", &bell, 2, pin!(async { pool.await.unwrap() }));

        let group = async {
            let group = task_group_with(&permits, async |group| {
                for _ in 0..tasks {
                    group.spawn("task", bell.wait::<Result<(), ()>>()).await;
                }
                Ok(())
            });
            drop(group.await);
        };
        comes_to_rest("the group", &bell, 2, pin!(group));

        let set = async {
            let mut set = TaskSet::new(nz(2)).unwrap();
            for _ in 0..2 {
                set.spawn(bell.wait::<()>()).await;
            }
            set.join().await;
        };
        comes_to_rest("the set", &bell, 2, pin!(set));
        assert_eq!((permits.held(), permits.waiting()), (0, 0));
    }
}
