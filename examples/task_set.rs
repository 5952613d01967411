//! A set of tasks kept by hand.
//!
//! ```python
//! running = set()
//! for url in urls:
//!     if len(running) >= limit:
//!         done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
//!         pages.extend(task.result() for task in done)
//!     running.add(asyncio.create_task(fetch(url)))
//! pages.extend(await asyncio.gather(*running))
//! ```

use std::{num::NonZeroUsize, time::Duration};

use fourfold::TaskSet;
use smol::Timer;

async fn fetch(page: u64) -> u64 {
    Timer::after(Duration::from_millis(page % 5)).await;
    page
}

fn main() {
    let limit = NonZeroUsize::new(4).expect("4 is not 0");
    let fetched: Vec<u64> = smol::block_on(async {
        let mut running = TaskSet::new(limit);
        let mut fetched = Vec::new();
        for page in 0..20 {
            running.spawn(fetch(page)).await; // waits while four are running
            fetched.extend(running.prune());
        }
        fetched.extend(running.join().await);
        fetched
    });
    assert_eq!(fetched.iter().sum::<u64>(), 190);
    println!("fetched {} pages, as they came: {fetched:?}", fetched.len());
}
