//! Output that waits until it is complete.

use std::{
    fs::File,
    io::{self, Cursor, Read, Seek, Write},
    os::unix::fs::FileExt,
};

/// The number of bytes that are kept in memory; what is longer waits in a file without a name.
const IN_MEMORY: usize = 64 * 1024;

/// Bytes in the order in which they came: first those in a file, if there is one, then those in
/// memory.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    file: Option<File>,
    /// The number of bytes in the file.
    in_file: u64,
    memory: Vec<u8>,
}

impl Spool {
    /// Adds bytes.
    ///
    /// # Errors
    /// When there is no room for a file, or no descriptor. The bytes are kept all the same: memory
    /// is bounded only if no more come.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
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
                Ok(count) => {
                    self.in_file += count as u64;
                    self.memory.drain(..count);
                }
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

    /// Returns the number of bytes.
    pub(crate) fn length(&self) -> u64 {
        self.in_file + self.memory.len() as u64
    }

    /// Returns the number of bytes that are in memory.
    pub(crate) fn in_memory(&self) -> usize {
        self.memory.len()
    }

    /// Returns whether there is a file, which is a descriptor.
    pub(crate) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Reads at most `max` bytes from the begin, and leaves all in place.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn excerpt(&self, max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if let Some(file) = &self.file {
            let length = usize::try_from(self.in_file).unwrap_or(max).min(max);
            bytes.resize(length, 0);
            file.read_exact_at(&mut bytes, 0)?;
        }
        let room = (max - bytes.len()).min(self.memory.len());
        bytes.extend_from_slice(&self.memory[..room]);
        Ok(bytes)
    }

    /// Forgets all but the last bytes in memory.
    pub(super) fn keep_end(&mut self) {
        (self.file, self.in_file) = (None, 0);
        let excess = self.memory.len().saturating_sub(IN_MEMORY);
        self.memory.drain(..excess);
    }

    /// Takes everything out, to be read from its begin.
    pub(crate) fn take(&mut self) -> Box<dyn Read + Send> {
        let memory = Cursor::new(std::mem::take(&mut self.memory));
        self.in_file = 0;
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

/// Bytes that are complete, in memory whatever their number.
impl From<Vec<u8>> for Spool {
    fn from(memory: Vec<u8>) -> Self {
        Self { memory, ..Self::default() }
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
            assert_eq!((spool.is_empty(), spool.length()), (count == 0, expected.len() as u64));
            for max in [0, 5, 70_000, usize::MAX] {
                let max = max.min(expected.len());
                assert!(spool.excerpt(max).unwrap() == expected[..max], "{count}, {max}");
            }
            let mut found = Vec::new();
            spool.take().read_to_end(&mut found).unwrap();
            assert!(found == expected && spool.is_empty(), "{count}");
        }
    }
}
