//! A terminal, with the command on it and somebody who looks at it.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use super::command::{Place, until};

/// A terminal on which a command runs, as its own session: Ctrl-C reaches it.
pub(crate) struct Terminal {
    keyboard: File,
    pub(crate) child: Child,
    seen: Arc<Mutex<Seen>>,
    reader: Option<JoinHandle<()>>,
}

/// What is on the screen, and everything that was written to it.
struct Seen {
    screen: vt100::Parser,
    written: Vec<u8>,
}

impl Terminal {
    /// Starts `fourfold` on a terminal of this size. `change` may say more about the command.
    pub(crate) fn start(place: &Place, size: (u16, u16), args: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let (rows, columns) = size;
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let path = path.to_str().unwrap();
        let slave = || File::options().read(true).write(true).open(path).unwrap();
        tcsetwinsize(&master, winsize(rows, columns)).unwrap();

        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(env!("CARGO_BIN_EXE_fourfold")).args(args).current_dir(place.path("."));
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
        command.stdin(slave()).stdout(slave()).stderr(slave());
        change(&mut command);
        let child = command.spawn().unwrap();
        // Only the command holds the terminal now: with its end comes the end of what it says.
        drop(command);

        let screen = vt100::Parser::new(rows, columns, 1000);
        let seen = Arc::new(Mutex::new(Seen { screen, written: Vec::new() }));
        let reader = std::thread::spawn({
            let (seen, mut output) = (seen.clone(), File::from(master.try_clone().unwrap()));
            move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = output.read(&mut bytes) {
                    let mut seen = seen.lock().unwrap();
                    seen.screen.process(&bytes[..count]);
                    seen.written.extend_from_slice(&bytes[..count]);
                }
            }
        });
        Self { keyboard: File::from(master), child, seen, reader: Some(reader) }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.seen.lock().unwrap().screen.screen_mut().set_size(rows, columns);
        tcsetwinsize(&self.keyboard, winsize(rows, columns)).unwrap();
    }

    /// What a person sees.
    pub(crate) fn screen(&self) -> String {
        self.seen.lock().unwrap().screen.screen().contents()
    }

    /// All bytes so far.
    pub(crate) fn written(&self) -> Vec<u8> {
        self.seen.lock().unwrap().written.clone()
    }

    /// Waits until the screen has this on it.
    #[track_caller]
    pub(crate) fn until(&self, part: &str) {
        until(part, || self.screen().contains(part));
    }

    /// Waits for the end: all that was written.
    pub(crate) fn finished(mut self) -> Vec<u8> {
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.written()
    }

    /// Waits for the end: the exit code, the screen, and where the cursor is.
    pub(crate) fn end(mut self) -> (Option<i32>, String, (u16, u16)) {
        let code = self.child.wait().unwrap().code();
        self.reader.take().unwrap().join().unwrap();
        let seen = self.seen.lock().unwrap();
        let screen = seen.screen.screen();
        assert!(!screen.hide_cursor(), "the cursor is there");
        (code, screen.contents(), screen.cursor_position())
    }
}

/// A test that has failed leaves nothing running.
impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn winsize(ws_row: u16, ws_col: u16) -> Winsize {
    Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 }
}
