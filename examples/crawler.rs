//! Tasks that make tasks: each page of a site is found by another one, and four are read at a time.
//!
//! ```python
//! queue = asyncio.Queue(maxsize=4)
//! async def worker():
//!     while True:
//!         page = await queue.get()
//!         for link in await read(page):
//!             await queue.put(link)  # stuck: all workers wait for room, which only they make
//!         queue.task_done()
//! ```

use std::{cell::RefCell, collections::HashSet};

use fourfold::{
    scope::{PushError, QueueHandle},
    worker_pool,
};
use futures_lite::future::{block_on, yield_now};

const PAGES: u32 = 10_000;

/// What a page links to: the next one, and one that others link to as well.
async fn read(page: u32) -> [u32; 2] {
    yield_now().await; // a request
    [(page + 1) % PAGES, page * 7 % PAGES]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seen = RefCell::new(HashSet::from([0]));
    let visit = async |page, queue: &QueueHandle<u32>| {
        for link in read(page).await {
            if seen.borrow_mut().insert(link) {
                queue.push(link).expect("a million pages may wait"); // never waits
            }
        }
    };
    block_on(worker_pool(4, 4, visit, async |queue| {
        queue.push(0).await?;
        queue.join().await;
        println!("{} pages, each found by another one", seen.borrow().len());
        Ok::<_, PushError<u32>>(())
    }))??;
    assert_eq!(seen.into_inner().len(), PAGES as usize);
    Ok(())
}
