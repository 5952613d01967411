//! Descriptors that others may have made non-blocking: whoever shares a terminal or a pipe with us
//! can do that.

use std::io::{self, Read, Write};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::{AsFd, BorrowedFd},
    io::Errno,
};

/// Reads and writes a descriptor without a buffer, and waits for it also where it says that it
/// would block.
#[derive(Debug)]
pub(crate) struct Patient<F>(pub(crate) F);

impl<F: AsFd> Read for Patient<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(&self.0, &mut *buffer) {
                Ok(count) => return Ok(count),
                Err(error) => wait(error, self.0.as_fd(), PollFlags::IN)?,
            }
        }
    }
}

impl<F: AsFd> Write for Patient<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(&self.0, bytes) {
                Ok(count) => return Ok(count),
                Err(error) => wait(error, self.0.as_fd(), PollFlags::OUT)?,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits until it makes sense to try again, if that is so after this error.
fn wait(error: Errno, descriptor: BorrowedFd<'_>, what: PollFlags) -> io::Result<()> {
    match error {
        Errno::INTR => Ok(()),
        Errno::AGAIN => match poll(&mut [PollFd::from_borrowed_fd(descriptor, what)], None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        },
        error => Err(error.into()),
    }
}
