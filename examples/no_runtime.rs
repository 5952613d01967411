//! Hosts a run without a runtime: a run is a future, and `block_on` polls it. The handler borrows,
//! and is not `Send`.

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible, rc::Rc};

use fourfold::{MemorySource, Pattern, Run, Task};
use futures_lite::future::{block_on, yield_now};

fn main() {
    let text = String::from("the quick brown fox jumps over the lazy dog the end");
    let counts = Rc::new(RefCell::new(BTreeMap::new()));
    let source = MemorySource::new(text.split(' '));
    let count = async |task: &Task<&str>| {
        yield_now().await;
        *counts.borrow_mut().entry(task.payload.len()).or_insert(0) += 1;
        Ok::<_, Infallible>(())
    };
    let report =
        block_on(Run::new(&source, count).pattern(Pattern::TaskSet).into_future()).expect("memory does not fail");
    assert_eq!(report.counters.done, 11);
    assert_eq!(counts.borrow()[&3], 6);
    println!("words by length: {:?}", counts.borrow());
}
