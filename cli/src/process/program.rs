//! The program that a flag names: found before anything begins.

use std::{
    env,
    ffi::OsStr,
    fs::File,
    io::Read,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use crate::exit::CliError;

/// A program that could be started when it was looked for.
#[derive(Debug)]
pub(crate) struct Program {
    flag: &'static str,
    name: String,
    path: PathBuf,
}

impl Program {
    /// Looks up the first of these words as a shell would; the others are its arguments.
    ///
    /// # Errors
    /// When there is no such program, or none that can be started.
    pub(crate) fn find<'a>(flag: &'static str, words: &'a [String]) -> Result<(Self, &'a [String]), CliError> {
        let (name, arguments) =
            words.split_first().ok_or_else(|| CliError::usage(format_args!("{flag} expects a command")))?;
        let path = look_up(name, env::var_os("PATH").as_deref())
            .map_err(|why| CliError::usage(format_args!("{flag} cannot start `{name}`: {why}")))?;
        Ok((Self { flag, name: name.to_owned(), path }, arguments))
    }

    /// Returns the flag that named it.
    pub(super) fn flag(&self) -> &'static str {
        self.flag
    }

    /// Returns its name, as it was given.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns a command that runs it as the leader of a process group of its own: a signal to us
    /// is for us to pass on, and what the program starts can be ended with it.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.arg0(&self.name).process_group(0);
        command
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

/// The number of bytes that are looked at for the first line of a script.
const BEGIN: u64 = 256;
const NOT_THERE: &str = "there is no such file";

fn check(path: &Path) -> Result<(), &'static str> {
    match path.metadata() {
        Err(_) => Err(NOT_THERE),
        Ok(found) if found.is_dir() => Err("it is a directory"),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => Err("it is not executable (chmod +x?)"),
        Ok(_) => check_interpreter(path),
    }
}

/// Looks at the first line of a script: where its interpreter is missing, the system only says that there is no such file.
fn check_interpreter(path: &Path) -> Result<(), &'static str> {
    let mut begin = Vec::new();
    // What cannot be read can perhaps be started all the same.
    let read = File::open(path).and_then(|file| file.take(BEGIN).read_to_end(&mut begin));
    let line = begin.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let (Ok(_), Some(line)) = (read, line.strip_prefix(b"#!")) else { return Ok(()) };
    if line.ends_with(b"\r") {
        return Err("its first line ends with a carriage return, as on Windows: remove it (dos2unix)");
    }
    let interpreter = line.trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
    if Path::new(OsStr::from_bytes(interpreter)).exists() {
        Ok(())
    } else {
        Err("the interpreter that its first line names is not there")
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
