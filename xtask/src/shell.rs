//! Other programs: found, started without a terminal, waited for.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The root of the repository, whatever directory the command was given in.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// A program to be run at the root of the repository, with nothing to read.
pub(crate) fn command<S: AsRef<str>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    for argument in arguments {
        command.arg(argument.as_ref());
    }
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// The cargo that runs this.
pub(crate) fn cargo<S: AsRef<str>>(arguments: impl IntoIterator<Item = S>) -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), arguments)
}

/// The program's path, if it can be found on `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// Runs to the end; a message that names the program otherwise.
pub(crate) fn expect_success(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("cannot start {}: {error}", spelled(command)))?;
    succeeded(command, status)
}

/// Runs to the end, having said what.
pub(crate) fn say_and_run(command: &mut Command) -> Result<(), String> {
    println!("$ {}", spelled(command));
    expect_success(command)
}

/// As [`expect_success`], but ends the program when it takes longer than `limit`.
pub(crate) fn expect_success_within(command: &mut Command, limit: Duration) -> Result<(), String> {
    let mut child = command.spawn().map_err(|error| format!("cannot start {}: {error}", spelled(command)))?;
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return succeeded(command, status),
            Ok(None) if start.elapsed() < limit => std::thread::sleep(Duration::from_millis(100)),
            Ok(None) => {
                // It may have ended in between; either way it is gone after the wait.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{} took longer than {} s", spelled(command), limit.as_secs()));
            }
            Err(error) => return Err(format!("cannot wait for {}: {error}", spelled(command))),
        }
    }
}

/// What a program says on its standard output, trimmed.
pub(crate) fn read(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("cannot start {}: {error}", spelled(command)))?;
    succeeded(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", spelled(command))) }
}

/// The value of a key that all packages share, as the workspace's Cargo.toml has it.
pub(crate) fn value_in_manifest(key: &str) -> Result<String, String> {
    let manifest =
        std::fs::read_to_string(root().join("Cargo.toml")).map_err(|error| format!("Cargo.toml: {error}"))?;
    let value = |line: &str| Some(line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned());
    manifest.lines().find_map(value).ok_or_else(|| format!("Cargo.toml has no {key}"))
}

/// Whether what was made is younger than what it is made from; not where either is missing.
pub(crate) fn is_newer(made: &Path, from: &Path) -> bool {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|found| found.modified()).ok();
    changed(made) > changed(from) && changed(from).is_some()
}

/// The command as one would type it.
pub(crate) fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended() {
        let start = Instant::now();
        let error = expect_success_within(&mut command("sleep", ["60"]), Duration::from_millis(150)).unwrap_err();
        assert!(error.starts_with("sleep 60 took longer"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_program_that_fails_is_named() {
        let error = expect_success(&mut command("false", [""; 0])).unwrap_err();
        assert!(error.starts_with("false ended with"), "{error}");
        let error = expect_success(&mut command("no-such-program", ["x"])).unwrap_err();
        assert!(error.starts_with("cannot start no-such-program x"), "{error}");
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program"), None);
    }

    #[test]
    fn the_root_is_where_the_workspace_is() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
