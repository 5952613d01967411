//! A semaphore over a batch, results in order.
//!
//! ```python
//! semaphore = asyncio.Semaphore(limit)
//! async def limited(text):
//!     async with semaphore:
//!         return await parse(text)
//! results = await asyncio.gather(*map(limited, texts), return_exceptions=True)
//! ```

use std::{
    num::{NonZeroUsize, ParseIntError},
    time::Duration,
};

use smol::Timer;

async fn parse(text: &str) -> Result<u32, ParseIntError> {
    Timer::after(Duration::from_millis(text.len() as u64)).await;
    text.parse()
}

fn main() {
    let limit = NonZeroUsize::new(2).expect("2 is not 0");
    let texts = ["1000", "2", "three", "40"];
    let results = smol::block_on(fourfold::batch(limit, texts, parse));
    assert_eq!(results[0], Ok(1000));
    assert!(results[2].is_err(), "a failure is a result like any other");
    for (text, result) in texts.iter().zip(&results) {
        println!("{text}: {result:?}");
    }
}
