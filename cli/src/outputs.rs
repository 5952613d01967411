//! The one opening of outputs: nothing is emptied before all of the command line is known to be
//! good.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fd::AsFd;

use crate::{exit::CliError, input::Input, render::secret::Name};

/// Only the user who runs the command may read what it writes: payloads and reasons may be secret.
const MODE: u32 = 0o600;

/// The files that flags ask for, opened and not yet emptied. Dropped before [`begin`](Self::begin),
/// it leaves no trace.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    taken: Vec<Taken>,
    opened: Vec<Opened>,
}

/// A file that no output may be, by whatever name it is reached.
#[derive(Debug)]
struct Taken {
    what: String,
    device: u64,
    inode: u64,
}

#[derive(Debug)]
struct Opened {
    what: String,
    path: PathBuf,
    file: File,
    is_new: bool,
    is_kept: bool,
}

impl Outputs {
    /// Starts with what is open anyhow: an input, standard output and standard error.
    ///
    /// # Errors
    /// When the system does not say which files these are.
    pub(crate) fn new(input: Option<&Input>) -> Result<Self, CliError> {
        let mut outputs = Self::default();
        if let Some(input) = input {
            outputs.take(input.to_string(), &status(input)?);
        }
        let (stdout, stderr) = (status(&io::stdout())?, status(&io::stderr())?);
        for (what, found) in [("standard output", stdout), ("standard error", stderr)] {
            // A pipe can have several writers, each with its own purpose; a file is emptied by each
            // of them.
            if found.is_file() {
                outputs.take(what.to_owned(), &found);
            }
        }
        Ok(outputs)
    }

    fn take(&mut self, what: String, found: &fs::Metadata) {
        // Several may well write to or read from a terminal or /dev/null.
        if !found.file_type().is_char_device() {
            self.taken.push(Taken { what, device: found.dev(), inode: found.ino() });
        }
    }

    /// Opens a file that a flag asks for.
    ///
    /// # Errors
    /// When it cannot be written, or is an input or another output.
    pub(crate) fn open(&mut self, flag: &str, path: &Path) -> Result<File, CliError> {
        self.add(flag, path, false)
    }

    /// Opens a file that a flag asks for, and that keeps what an earlier run has written.
    ///
    /// # Errors
    /// When it cannot be written, or is an input or another output.
    pub(crate) fn extend(&mut self, flag: &str, path: &Path) -> Result<File, CliError> {
        self.add(flag, path, true)
    }

    fn add(&mut self, flag: &str, path: &Path, is_kept: bool) -> Result<File, CliError> {
        let what = format!("{flag} {}", Name(&path.to_string_lossy()));
        let wrong = |error: io::Error| CliError::usage(format_args!("{what}: {error}"));
        let mut options = File::options();
        options.write(true).read(is_kept).append(is_kept).mode(MODE);
        let (file, is_new) = match options.clone().create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                (options.create(true).open(path).map_err(wrong)?, false)
            }
            created => (created.map_err(wrong)?, true),
        };
        let found = file.metadata().map_err(wrong)?;
        if let Some(taken) = self.taken.iter().find(|taken| (taken.device, taken.inode) == (found.dev(), found.ino())) {
            return Err(CliError::usage(format_args!(
                "{what}: this is the same file as {}; name another one",
                taken.what
            )));
        }
        self.take(what.clone(), &found);
        let mine = file.try_clone().map_err(wrong)?;
        self.opened.push(Opened { what, path: path.to_owned(), file: mine, is_new, is_kept });
        Ok(file)
    }

    /// Empties the files that were there before: from here on they are written.
    ///
    /// # Errors
    /// When one cannot be emptied.
    pub(crate) fn begin(mut self) -> Result<(), CliError> {
        for Opened { what, file, is_kept, .. } in self.opened.drain(..) {
            let is_file = file.metadata().is_ok_and(|found| found.is_file());
            if is_file {
                let length = if is_kept { whole_lines(&file) } else { Ok(0) };
                let emptied = length.and_then(|length| file.set_len(length));
                emptied.map_err(|error| CliError::usage(format_args!("{what}: {error}")))?;
            }
        }
        Ok(())
    }
}

/// The length of a file up to the end of its last whole line: a crash may have torn the one behind it.
fn whole_lines(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut chunk = [0; 4096];
    while end > 0 {
        let length = end.min(4096) as usize;
        file.read_exact_at(&mut chunk[..length], end - length as u64)?;
        if let Some(at) = memchr::memrchr(b'\n', &chunk[..length]) {
            return Ok(end - (length - at - 1) as u64);
        }
        end -= length as u64;
    }
    Ok(0)
}

fn status(stream: &impl AsFd) -> Result<fs::Metadata, CliError> {
    let file = stream.as_fd().try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).map_err(CliError::source)
}

impl Drop for Outputs {
    fn drop(&mut self) {
        for opened in self.opened.iter().filter(|opened| opened.is_new) {
            // It is empty, and the command did nothing; where it cannot go it stays.
            let _ = fs::remove_file(&opened.path);
        }
    }
}
