//! Runs tasks that succeed or fail together: the first failure cancels the others.
//!
//! The same in asyncio:
//!
//! ```python
//! async with asyncio.TaskGroup() as group:
//!     for name in names:
//!         await semaphore.acquire()
//!         task = group.create_task(prepare(name), name=name)
//!         task.add_done_callback(lambda _: semaphore.release())
//! ```

use std::time::Duration;

use fourfold::task_group;
use smol::Timer;

async fn prepare(name: &str) -> Result<usize, String> {
    Timer::after(Duration::from_millis(name.len() as u64)).await;
    if name == "soufflé" { Err("it fell".into()) } else { Ok(name.len()) }
}

fn main() {
    let menu = |dishes: &'static [&'static str]| {
        smol::block_on(task_group(2, async |group| {
            for dish in dishes {
                group.spawn(*dish, prepare(dish)).await; // waits while two are in the kitchen
            }
            Ok(())
        }))
    };
    let served = menu(&["soup", "salad", "bread"]).expect("none of them can fail");
    assert_eq!(served.get("soup"), Some(&4));
    println!("served: {:?}", served.results);

    let error = menu(&["soufflé", "a roast that takes its time"]).expect_err("the soufflé falls");
    assert_eq!(error.failures[0].error, "it fell");
    println!("not served: {}; sent back: {:?}", error.failures[0].error, error.cancelled);
}
