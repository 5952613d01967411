//! A redis-server of a test's own.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::wait_until;

/// A redis-server on a socket in a directory of its own; both are gone when it is dropped.
#[derive(Debug)]
pub struct RedisServer {
    dir: TempDir,
    arguments: Vec<String>,
    child: Child,
}

impl RedisServer {
    /// Starts a server that keeps nothing on disk, and waits until it answers.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with more arguments of redis-server.
    pub fn with(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let child = spawn(dir.path(), &arguments);
        let server = Self { dir, arguments, child };
        server.wait_until_up();
        server
    }

    /// The server's directory, which has room for what a test writes.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The path of the server's socket.
    pub fn socket(&self) -> String {
        self.dir.path().join("socket").display().to_string()
    }

    /// The address of a list on the server, as the command and the library take it.
    pub fn url(&self, list: &str) -> String {
        format!("redis+unix://{}?list={list}", self.socket())
    }

    /// Kills the server as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts a killed server again, in the same directory and with the same arguments.
    pub fn restart(&mut self) {
        self.child = spawn(self.dir.path(), &self.arguments);
        self.wait_until_up();
    }

    /// Sends the server a signal, `-STOP` for example.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    fn wait_until_up(&self) {
        wait_until("redis-server answers", || {
            // A server that wants a password is up.
            self.ping().is_ok_and(|answer| answer.starts_with("+PONG") || answer.starts_with("-NOAUTH"))
        });
    }

    fn ping(&self) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &Path, arguments: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", "0", "--unixsocket", "socket", "--save", "", "--loglevel", "warning", "--dir"])
        .arg(dir)
        .args(arguments)
        .current_dir(dir)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed (cargo xtask setup)")
}
