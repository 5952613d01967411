//! Runs three workers that take orders from a bounded queue, while a producer fills it.
//!
//! The same in asyncio:
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

use std::{cell::RefCell, error::Error, time::Duration};

use fourfold::{scope::PushError, worker_pool};
use smol::Timer;

fn main() -> Result<(), Box<dyn Error>> {
    let shipped = RefCell::new(Vec::new());
    let ship = async |order: u32, _: &_| {
        Timer::after(Duration::from_millis(1)).await;
        shipped.borrow_mut().push(order);
    };
    smol::block_on(worker_pool(3, 8, ship, async |queue| {
        for order in 0..30 {
            queue.push(order).await?; // waits while the queue is full
        }
        queue.join().await;
        println!("{} orders are shipped", shipped.borrow().len());
        Ok::<_, PushError<u32>>(())
    }))??;
    assert_eq!(shipped.into_inner().len(), 30);
    Ok(())
}
