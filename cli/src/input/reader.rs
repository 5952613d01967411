//! Files and standard input.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Stdin},
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

use futures_lite::AsyncRead;
use rustix::fd::{AsFd, BorrowedFd};
use smol::Unblock;

use super::followed::Followed;
use crate::{exit::CliError, patient::Patient, render::secret::Name};

/// The number of bytes that are read ahead.
const AHEAD: usize = 256 * 1024;

/// A file or standard input, opened and not yet read.
#[derive(Debug)]
pub(crate) enum Input {
    File { file: File, path: PathBuf, name: String },
    Stdin(Patient<Stdin>),
}

impl Input {
    /// Opens a file.
    ///
    /// # Errors
    /// When there is none that can be read.
    pub(crate) fn file(path: &Path) -> Result<Self, CliError> {
        let name = Name(&path.to_string_lossy()).to_string();
        let wrong = |error: io::Error| CliError::source(format_args!("cannot read {name}: {error}"));
        let file = File::open(path).map_err(wrong)?;
        if file.metadata().map_err(wrong)?.is_dir() {
            return Err(wrong(io::ErrorKind::IsADirectory.into()));
        }
        Ok(Self::File { file, path: path.to_owned(), name })
    }

    /// Opens standard input.
    pub(crate) fn stdin() -> Self {
        Self::Stdin(Patient(io::stdin()))
    }

    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// When there is no such file that can be read.
    pub(crate) fn named(name: &str) -> Result<Self, CliError> {
        if name == "-" { Ok(Self::stdin()) } else { Self::file(name.as_ref()) }
    }

    /// Returns how many bytes there are, where that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::File { file, .. } => file.metadata().ok().filter(|found| found.is_file()).map(|found| found.len()),
            Self::Stdin(_) => None,
        }
    }

    /// Turns it into lines to be claimed. A file that is followed is given the byte that ends its lines.
    pub(crate) fn reader(self, follow: Option<u8>) -> Reader {
        match (self, follow) {
            (Self::File { file, path, .. }, Some(separator)) => {
                Reader::Followed(Unblock::with_capacity(AHEAD, Followed::new(file, path, separator)))
            }
            (Self::File { file, .. }, None) => Reader::File(Unblock::with_capacity(AHEAD, file)),
            (Self::Stdin(stdin), _) => Reader::Stdin(Unblock::with_capacity(AHEAD, stdin)),
        }
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::File { file, .. } => file.as_fd(),
            Self::Stdin(stdin) => stdin.0.as_fd(),
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, .. } => f.write_str(name),
            Self::Stdin(_) => f.write_str("standard input"),
        }
    }
}

/// Read on the thread that asks, which waits.
impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File { file, .. } => file.read(buffer),
            Self::Stdin(stdin) => stdin.read(buffer),
        }
    }
}

/// Lines to be read, on a thread of the blocking pool: no disk and no pipe holds up what is in
/// flight.
#[derive(Debug)]
pub(crate) enum Reader {
    File(Unblock<File>),
    Followed(Unblock<Followed>),
    Stdin(Unblock<Patient<Stdin>>),
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::File(file) => Pin::new(file).poll_read(cx, buf),
            Self::Followed(file) => Pin::new(file).poll_read(cx, buf),
            Self::Stdin(stdin) => Pin::new(stdin).poll_read(cx, buf),
        }
    }
}
