//! Workers that take from a bounded queue.
//!
//! ```python
//! queue = asyncio.Queue(maxsize=capacity)
//! workers = [asyncio.create_task(worker(queue)) for _ in range(count)]
//! for order in orders:
//!     await queue.put(order)
//! await queue.join()
//! for _ in workers:
//!     await queue.put(None)  # a sentinel each
//! await asyncio.gather(*workers)
//! ```

use std::{cell::RefCell, num::NonZeroUsize, time::Duration};

use fourfold::worker_pool;
use smol::Timer;

fn main() {
    let [workers, capacity] = [3, 8].map(|n| NonZeroUsize::new(n).expect("neither is 0"));
    let shipped = RefCell::new(Vec::new());
    let ship = async |order: u32, _: &_| {
        Timer::after(Duration::from_millis(1)).await;
        shipped.borrow_mut().push(order);
    };
    smol::block_on(worker_pool(workers, capacity, ship, async |queue| {
        for order in 0..30 {
            queue.push(order).await.expect("nobody closes the queue before its body ends"); // waits while the queue is full
        }
        queue.join().await;
        println!("all {} orders are shipped; the workers go home by themselves", shipped.borrow().len());
    }));
    assert_eq!(shipped.into_inner().len(), 30);
}
