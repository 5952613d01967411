//! A process that listens, and those who ask it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    process::{Child, Stdio},
    thread::JoinHandle,
    time::Duration,
};

use crate::command::{Ended, Place, wait_for_line};

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command that listens; it is fed through its standard input.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) port: u16,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl Drop for Server {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Any free port of 127.0.0.1, and these arguments.
    pub(crate) fn start(place: &Place, args: &[&str]) -> Self {
        let at = args.iter().position(|arg| *arg == "--exec").unwrap_or(args.len());
        Self::start_as(place, &[&args[..at], &["--listen", "127.0.0.1:0"], &args[at..]].concat())
    }

    /// With these arguments and no others.
    pub(crate) fn start_as(place: &Place, args: &[&str]) -> Self {
        let mut child = place.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let line = wait_for_line(&mut stderr, "listening on http://127.0.0.1:");
        let port = line.trim().trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
        let stdout = child.stdout.take().unwrap();
        Self { child, port, stdout: Some(read_all(stdout)), stderr: Some(read_all(stderr)) }
    }

    pub(crate) fn feed(&mut self, lines: &str) {
        self.child.stdin.as_mut().unwrap().write_all(lines.as_bytes()).unwrap();
    }

    /// There is nothing more to be done.
    pub(crate) fn no_more(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        self.no_more();
        let status = self.child.wait().unwrap();
        let [stdout, stderr] = [self.stdout.take(), self.stderr.take()]
            .map(|text| String::from_utf8(text.unwrap().join().unwrap()).unwrap());
        Ended { code: status.code(), stdout, stderr }
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.ask("GET", path, &[])
    }

    /// One request by this server's own name, and its answer.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Response {
        self.ask_as(&format!("127.0.0.1:{}", self.port), method, path, headers)
    }

    pub(crate) fn ask_as(&self, host: &str, method: &str, path: &str, headers: &[&str]) -> Response {
        let mut stream = connect(self.port);
        send(&mut stream, method, path, &[&[&format!("Host: {host}"), "Connection: close"], headers].concat());
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        Response::parse(&answer)
    }

    /// The value of a sample of its metrics.
    pub(crate) fn metric(&self, sample: &str) -> f64 {
        let text = self.get("/metrics").text();
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {sample} in {text}")).parse().unwrap()
    }
}

fn read_all(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub(crate) fn send(stream: &mut TcpStream, method: &str, path: &str, headers: &[&str]) {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    stream.write_all(format!("{method} {path} HTTP/1.1\r\n{lines}\r\n").as_bytes()).unwrap();
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a response has a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// A client that follows the events.
pub(crate) struct Follower {
    reader: BufReader<Chunks>,
}

/// A body that comes in chunks, without what is between them.
struct Chunks {
    stream: BufReader<TcpStream>,
    /// Of the chunk that is being read.
    left: usize,
}

impl Read for Chunks {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        while self.left == 0 {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Ok(0);
            }
            // What ends the last chunk is an empty line.
            if line.trim().is_empty() {
                continue;
            }
            self.left = usize::from_str_radix(line.trim(), 16).unwrap();
            if self.left == 0 {
                return Ok(0);
            }
        }
        let length = buf.len().min(self.left);
        let read = self.stream.read(&mut buf[..length])?;
        self.left -= read;
        Ok(read)
    }
}

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) data: String,
}

impl Message {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Follower {
    pub(crate) fn open(port: u16, last_id: Option<&str>) -> Self {
        Self::over(connect(port), port, last_id)
    }

    pub(crate) fn over(stream: TcpStream, port: u16, last_id: Option<&str>) -> Self {
        Self::with_id(stream, port, last_id.map(str::as_bytes))
    }

    /// An id need not be a text.
    pub(crate) fn with_id(mut stream: TcpStream, port: u16, last_id: Option<&[u8]>) -> Self {
        let mut head = format!("GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n").into_bytes();
        if let Some(id) = last_id {
            head.extend_from_slice(&[b"Last-Event-ID: ", id, b"\r\n"].concat());
        }
        stream.write_all(&[&head[..], b"\r\n"].concat()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("text/event-stream"), "{head}");
        assert!(head.contains("Transfer-Encoding: chunked"), "{head}");
        Self { reader: BufReader::new(Chunks { stream: reader, left: 0 }) }
    }

    /// The next event; `None` at the end, whether it came in the middle of one or not.
    pub(crate) fn next(&mut self) -> Option<Message> {
        let mut message = Message::default();
        loop {
            let line = self.line()?;
            match line.split_once(':') {
                None if !message.event.is_empty() || !message.data.is_empty() => return Some(message),
                Some(("event", rest)) => message.event = rest.trim_start().to_owned(),
                Some(("id", rest)) => message.id = rest.trim_start().to_owned(),
                Some(("data", rest)) => message.data.push_str(rest.trim_start()),
                _ => {}
            }
        }
    }

    /// The next line of the stream.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).unwrap();
        (read > 0 && line.ends_with('\n')).then(|| line.trim_end().to_owned())
    }

    /// Cuts the connection, whatever is on its way.
    pub(crate) fn cut(self) {
        self.reader.get_ref().stream.get_ref().shutdown(Shutdown::Both).unwrap();
    }
}
