//! Runs a batch with at most two tasks in flight; the results come in the order of the inputs.
//!
//! The same in asyncio:
//!
//! ```python
//! semaphore = asyncio.Semaphore(limit)
//! async def limited(text):
//!     async with semaphore:
//!         return await parse(text)
//! results = await asyncio.gather(*map(limited, texts), return_exceptions=True)
//! ```

use std::{error::Error, num::ParseIntError, time::Duration};

use fourfold::batch;
use smol::Timer;

async fn parse(text: &str) -> Result<u32, ParseIntError> {
    Timer::after(Duration::from_millis(text.len() as u64)).await;
    text.parse()
}

fn main() -> Result<(), Box<dyn Error>> {
    let texts = ["1000", "2", "three", "40"];
    let results = smol::block_on(batch(2, texts, parse))?;
    assert_eq!(results[0], Ok(1000));
    assert!(results[2].is_err(), "a failure is a result like any other");
    for (text, result) in texts.iter().zip(&results) {
        println!("{text}: {result:?}");
    }
    Ok(())
}
