//! Keeps a set of at most four running tasks by hand, and takes their results as they come.
//!
//! The same in asyncio:
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

use std::{error::Error, time::Duration};

use fourfold::{TaskSet, config::ConfigError};
use smol::Timer;

async fn fetch(page: u64) -> u64 {
    Timer::after(Duration::from_millis(page % 5)).await;
    page
}

fn main() -> Result<(), Box<dyn Error>> {
    let fetched: Vec<u64> = smol::block_on(async {
        let mut running = TaskSet::new(4)?;
        let mut fetched = Vec::new();
        for page in 0..20 {
            running.spawn(fetch(page)).await; // waits while four are running
            fetched.extend(running.prune());
        }
        fetched.extend(running.join().await);
        Ok::<_, ConfigError>(fetched)
    })?;
    assert_eq!(fetched.iter().sum::<u64>(), 190);
    println!("fetched {} pages, as they came: {fetched:?}", fetched.len());
    Ok(())
}
