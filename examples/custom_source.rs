//! Implements a source: each file in a folder is a task, and a file that is done is deleted.

use std::{
    cell::{Cell, RefCell},
    fs, io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use fourfold::{
    Clock, Failure, Run, Source, Task,
    source::{ClaimStatus, Claims, Delivery, Redeliveries, Settlement, Verdict},
};
use futures_lite::future::block_on;

struct Folder {
    files: RefCell<Vec<PathBuf>>,
    next: Cell<u64>,
    /// The files that are claimed, and those that come again as their next attempt.
    redeliveries: Redeliveries<PathBuf>,
}

impl Source for Folder {
    type Payload = PathBuf;
    type Receipt = ();
    type Error = io::Error;

    async fn claim(
        &self,
        max: NonZeroUsize,
        claims: &mut Claims<PathBuf, ()>,
        clock: &impl Clock,
    ) -> io::Result<ClaimStatus> {
        loop {
            self.redeliveries.hand_out(max.get(), claims, clock);
            while claims.len() < max.get()
                && let Some(file) = self.files.borrow_mut().pop()
            {
                claims.push(Delivery::new(Task::new(self.next.replace(self.next.get() + 1), file), ()));
            }
            self.redeliveries.hold(claims.len());
            if !claims.is_empty() {
                return Ok(ClaimStatus::Open);
            }
            if self.redeliveries.is_clear() {
                return Ok(ClaimStatus::Exhausted);
            }
            self.redeliveries.changed(clock).await;
        }
    }

    async fn settle(&self, settlements: &mut [Settlement<PathBuf, ()>], clock: &impl Clock) -> io::Result<()> {
        for settlement in settlements.iter().filter(|settlement| *settlement.verdict() == Verdict::Done) {
            fs::remove_file(file(settlement))?;
        }
        self.redeliveries.settle(settlements, clock, |dead| {
            fs::rename(file(dead), file(dead).with_extension("dead"))?;
            dead.take();
            Ok(())
        })
    }

    fn abandon(&self, delivery: Delivery<PathBuf, ()>) {
        self.redeliveries.give_back(delivery.task);
    }
}

fn file(settlement: &Settlement<PathBuf, ()>) -> &Path {
    settlement.delivery().map_or(Path::new(""), |delivery| &delivery.task.payload)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("fourfold-folder-{}", std::process::id()));
    fs::create_dir(&folder)?;
    for (name, text) in [("a.txt", "12"), ("b.txt", "30"), ("c.txt", "many")] {
        fs::write(folder.join(name), text)?;
    }
    let files = fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    let source = Folder { files: RefCell::new(files), next: Cell::new(0), redeliveries: Redeliveries::new() };

    let sum = Cell::new(0);
    let add = async |task: &Task<PathBuf>| {
        let number: u32 = fs::read_to_string(&task.payload)?.parse()?;
        sum.set(sum.get() + number);
        Ok::<_, Failure>(())
    };
    let report = block_on(Run::new(&source, add).into_future())?;

    assert_eq!((report.counters.done, report.counters.dead, sum.get()), (2, 1, 42));
    assert_eq!(report.counters.failed, 4, "the file without a number was tried again three times");
    let left: Vec<_> =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    assert_eq!(left, ["c.dead"]);
    println!("{} files added up to {}, {} set aside", report.counters.done, sum.get(), report.counters.dead);
    fs::remove_dir_all(folder)?;
    Ok(())
}
