//! The program behind a handler: found before the first claim, missed when it vanishes.

use std::{
    cell::RefCell,
    env,
    ffi::OsStr,
    io,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use fourfold::{Control, Failure};

use crate::exit::Fault;

/// A program that can be started, as far as one can know beforehand.
#[derive(Debug)]
pub(crate) struct Program {
    flag: &'static str,
    name: String,
    path: PathBuf,
    control: Control,
    lost: RefCell<Option<String>>,
}

impl Program {
    /// Looks a program up as a shell would.
    pub(crate) fn find(flag: &'static str, name: &str, control: &Control) -> Result<Self, Fault> {
        let path = look_up(name, env::var_os("PATH").as_deref())
            .map_err(|why| Fault::usage(format_args!("{flag} cannot start `{name}`: {why}")))?;
        Ok(Self { flag, name: name.to_owned(), path, control: control.clone(), lost: RefCell::default() })
    }

    /// A command that runs it, as the leader of a process group of its own: a signal to us is for us to pass on, and what
    /// it starts can be ended with it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.arg0(&self.name).process_group(0);
        command
    }

    /// What a failed start means: a failure of the task, or the end of the run, in which case this never returns.
    pub(crate) async fn failed(&self, error: io::Error) -> Failure {
        use io::ErrorKind::{ArgumentListTooLong, InvalidInput, NotADirectory, NotFound, PermissionDenied};
        let (flag, name) = (self.flag, &self.name);
        match error.kind() {
            InvalidInput | ArgumentListTooLong => {
                Failure::permanent(format!("{flag} cannot pass the task on: {error}"))
            }
            NotFound | PermissionDenied | NotADirectory => {
                let message = format!("{flag} can no longer start `{name}`: {error}");
                self.lost.borrow_mut().get_or_insert(message);
                // What is held is given back: this attempt, too, so it must not end.
                self.control.abort();
                std::future::pending().await
            }
            _ => Failure::transient(format!("{flag} cannot start `{name}`: {error} (would a lower -c help?)")),
        }
    }

    /// Why it can no longer be started, if so.
    pub(crate) fn lost(&self) -> Option<String> {
        self.lost.borrow().clone()
    }
}

fn look_up(name: &str, path: Option<&OsStr>) -> Result<PathBuf, &'static str> {
    if name.is_empty() {
        return Err("a command is expected");
    }
    if name.contains('/') {
        return check(Path::new(name)).map(|()| PathBuf::from(name));
    }
    let mut why = "it is not on the PATH";
    for directory in path.map(env::split_paths).into_iter().flatten() {
        let candidate = directory.join(name);
        match check(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(NOT_THERE) => {}
            Err(reason) => why = reason,
        }
    }
    Err(why)
}

const NOT_THERE: &str = "there is no such file";

fn check(path: &Path) -> Result<(), &'static str> {
    match path.metadata() {
        Err(_) => Err(NOT_THERE),
        Ok(found) if found.is_dir() => Err("it is a directory"),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => Err("it is not executable (chmod +x?)"),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        let path = OsStr::new("/nonexistent:/usr/bin:/bin");
        assert!(look_up("sh", Some(path)).unwrap().ends_with("sh"));
        assert_eq!(look_up("/bin/sh", None), Ok(PathBuf::from("/bin/sh")));
        assert_eq!(look_up("no-such-program", Some(path)), Err("it is not on the PATH"));
        assert_eq!(look_up("/bin", None), Err("it is a directory"));
        assert_eq!(look_up("/etc/passwd", None), Err("it is not executable (chmod +x?)"));
        assert_eq!(look_up("", Some(path)), Err("a command is expected"));
    }
}
