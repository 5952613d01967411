//! Implements a source: each file in a folder is a task, and a file that is done is deleted.

use std::{
    cell::{Cell, RefCell},
    fs, io,
    num::NonZeroUsize,
    path::PathBuf,
};

use fourfold::{
    Failure, Retry, Run, Source, Task,
    source::{ClaimStatus, Claims, Delivery, Settlement, Verdict},
};
use futures_lite::future::block_on;

struct Folder {
    files: RefCell<Vec<PathBuf>>,
    next: Cell<u64>,
}

impl Source for Folder {
    type Payload = PathBuf;
    type Receipt = ();
    type Error = io::Error;

    async fn claim(&self, max: NonZeroUsize, claims: &mut Claims<PathBuf, ()>) -> io::Result<ClaimStatus> {
        for _ in 0..max.get() {
            let Some(file) = self.files.borrow_mut().pop() else { return Ok(ClaimStatus::Exhausted) };
            claims.push(Delivery::new(Task::new(self.next.replace(self.next.get() + 1), file), ()));
        }
        Ok(ClaimStatus::Open)
    }

    async fn settle(&self, settlements: &mut [Settlement<PathBuf, ()>]) -> io::Result<()> {
        for settlement in settlements {
            let Some(Delivery { task, .. }) = settlement.take() else { continue };
            match settlement.verdict() {
                Verdict::Done => fs::remove_file(&task.payload)?,
                Verdict::Dead { .. } => fs::rename(&task.payload, task.payload.with_extension("dead"))?,
                // The file is still there, and the next claim finds it.
                Verdict::Retry { .. } | Verdict::Release => self.files.borrow_mut().push(task.payload),
            }
        }
        Ok(())
    }

    fn abandon(&self, _: Delivery<PathBuf, ()>) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("fourfold-folder-{}", std::process::id()));
    fs::create_dir(&folder)?;
    for (name, text) in [("a.txt", "12"), ("b.txt", "30"), ("c.txt", "many")] {
        fs::write(folder.join(name), text)?;
    }
    let files = fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    let source = Folder { files: RefCell::new(files), next: Cell::new(0) };

    let sum = Cell::new(0);
    let add = async |task: &Task<PathBuf>| {
        let number: u32 = fs::read_to_string(&task.payload)?.parse()?;
        sum.set(sum.get() + number);
        Ok::<_, Failure>(())
    };
    let report = block_on(Run::new(&source, add).retry(Retry::NEVER).into_future())?;

    assert_eq!((report.counters.done, report.counters.dead, sum.get()), (2, 1, 42));
    let left: Vec<_> =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    assert_eq!(left, ["c.dead"]);
    println!("{} files added up to {}, {} set aside", report.counters.done, sum.get(), report.counters.dead);
    fs::remove_dir_all(folder)?;
    Ok(())
}
