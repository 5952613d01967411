//! Output that waits until it is complete.

use std::{
    fs::File,
    io::{self, Cursor, Read, Seek, Write},
};

/// The number of bytes that are kept in memory; what is longer waits in a file without a name.
const IN_MEMORY: usize = 64 * 1024;

/// Bytes in the order in which they came: first those in a file, if there is one, then those in
/// memory.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    file: Option<File>,
    memory: Vec<u8>,
}

impl Spool {
    /// Adds bytes.
    ///
    /// # Errors
    /// When there is no room for a file, or no descriptor. The bytes are kept all the same: memory
    /// is bounded only if no more come.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.memory.extend_from_slice(bytes);
        if self.memory.len() <= IN_MEMORY {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        while !self.memory.is_empty() {
            match file.write(&self.memory) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.memory.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.file.is_none() && self.memory.is_empty()
    }

    /// Forgets all but the last bytes in memory.
    pub(super) fn keep_end(&mut self) {
        self.file = None;
        let excess = self.memory.len().saturating_sub(IN_MEMORY);
        self.memory.drain(..excess);
    }

    /// Takes everything out, to be read from its begin.
    pub(crate) fn take(&mut self) -> Box<dyn Read + Send> {
        let memory = Cursor::new(std::mem::take(&mut self.memory));
        match self.file.take() {
            // Where it cannot be rewound, it cannot be read either: the reader finds that out.
            Some(mut file) => {
                let _ = file.rewind();
                Box::new(file.chain(memory))
            }
            None => Box::new(memory),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_in_comes_out_however_long_it_is() {
        for count in [0, 1, 1000, 100_000] {
            let mut spool = Spool::default();
            let mut expected = Vec::new();
            for n in 0..count {
                let line = format!("line {n}\n");
                spool.push(line.as_bytes()).unwrap();
                expected.extend_from_slice(line.as_bytes());
            }
            assert_eq!(spool.is_empty(), count == 0);
            let mut found = Vec::new();
            spool.take().read_to_end(&mut found).unwrap();
            assert!(found == expected && spool.is_empty(), "{count}");
        }
    }
}
