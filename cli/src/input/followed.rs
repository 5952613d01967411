//! A file that is followed by its name, as `tail -F` does it.

use std::{
    fs::{File, Metadata},
    io::{self, Read, Seek},
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use crate::render::secret::Name;

/// A file that may grow, be emptied, or be replaced by another one of the same name.
#[derive(Debug)]
pub(crate) struct Followed {
    file: File,
    path: PathBuf,
    /// The byte that ends a line.
    separator: u8,
    position: u64,
    last: u8,
    /// Whether the name is another file's; what is still written to this one comes first.
    is_replaced: bool,
}

/// What has become of the file since it was last read.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    None,
    Shorter,
    Replaced,
}

impl Followed {
    /// Follows a file from its begin.
    pub(super) fn new(file: File, path: PathBuf, separator: u8) -> Self {
        Self { file, path, separator, position: 0, last: separator, is_replaced: false }
    }

    fn change(&self) -> io::Result<Change> {
        let open = self.file.metadata()?;
        let is_same = |named: &Metadata| (named.dev(), named.ino()) == (open.dev(), open.ino());
        Ok(match self.path.metadata() {
            // Where there is none of this name, the next one is waited for.
            Ok(named) if !is_same(&named) => Change::Replaced,
            _ if open.is_file() && open.len() < self.position => Change::Shorter,
            _ => Change::None,
        })
    }

    /// Goes on at the begin of the file, or of the one that has its name now. Returns whether there is
    /// something to read there.
    fn switch(&mut self) -> io::Result<bool> {
        let name = self.path.to_string_lossy().into_owned();
        match self.change()? {
            Change::None => return Ok(false),
            Change::Shorter => {
                tracing::warn!("{} has become shorter: it is read again from its begin", Name(&name));
                self.file.rewind()?;
            }
            // One more look: whoever writes may not have noticed yet.
            Change::Replaced if !std::mem::replace(&mut self.is_replaced, true) => return Ok(false),
            Change::Replaced => {
                match File::open(&self.path) {
                    Ok(file) => self.file = file,
                    // It may have gone again.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                    Err(error) => return Err(error),
                }
                tracing::warn!("{} has been replaced: the new file is followed", Name(&name));
                self.is_replaced = false;
            }
        }
        self.position = 0;
        Ok(true)
    }
}

impl Read for Followed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.file.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                self.position += count as u64;
                self.last = buffer.get(count.saturating_sub(1)).copied().unwrap_or(self.last);
                return Ok(count);
            }
            if !self.switch()? {
                return Ok(0);
            }
            // The end of a line that was never finished must not become the begin of another one.
            if std::mem::replace(&mut self.last, self.separator) != self.separator {
                buffer[0] = self.separator;
                return Ok(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(followed: &mut Followed) -> String {
        let mut text = String::new();
        followed.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_file_is_followed_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "1\n2").unwrap();
        let mut followed = Followed::new(File::open(&path).unwrap(), path.clone(), b'\n');
        assert_eq!(read(&mut followed), "1\n2");
        // Emptied in place, as copytruncate does it: half a line is ended.
        fs::write(&path, "3\n").unwrap();
        assert_eq!(read(&mut followed), "\n3\n");
        // Renamed; what is still written to the old file comes first.
        let old = dir.path().join("log.1");
        fs::rename(&path, &old).unwrap();
        assert_eq!(read(&mut followed), "", "there is no new one yet");
        fs::write(&path, "5\n").unwrap();
        assert_eq!(read(&mut followed), "");
        fs::write(&old, "3\n4\n").unwrap();
        assert_eq!(read(&mut followed), "4\n5\n");
        assert_eq!(read(&mut followed), "");
    }
}
