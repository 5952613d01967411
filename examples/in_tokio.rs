//! Hosts a run in a tokio program: the run is a local task, on a clock made of tokio's timers.
//! Handlers need not be `Send`.

use std::{cell::Cell, convert::Infallible, rc::Rc, time::Duration};

use fourfold::{Clock, MemorySource, Run, Task, clock::Time};
use tokio::time::{Instant, Sleep, sleep};

#[derive(Clone, Copy)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    type Sleep = Sleep;

    fn now(&self) -> Time {
        Time::ZERO + self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        sleep(duration)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let done = Rc::new(Cell::new(0));
    let local = tokio::task::LocalSet::new();
    let counter = done.clone();
    local
        .run_until(async move {
            let run = tokio::task::spawn_local(async move {
                let clock = TokioClock(Instant::now());
                let source = MemorySource::new(0..20_u64);
                let work = async |task: &Task<u64>| {
                    sleep(Duration::from_millis(task.payload % 3)).await; // any future of tokio works here
                    counter.set(counter.get() + 1);
                    Ok::<_, Infallible>(())
                };
                Run::new(&source, work).clock(clock).await.expect("memory does not fail").counters.done
            });
            assert_eq!(run.await.expect("the run does not panic"), 20);
        })
        .await;
    assert_eq!(done.get(), 20);
    println!("{} done beside tokio's own tasks", done.get());
}
