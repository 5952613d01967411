//! A server that does as it is told: HTTP/1.1 on a socket, with a thread for each connection.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use rustix::net::sockopt;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// Which request it is, which one on its connection, and which connection: from 1.
    pub(crate) number: usize,
    pub(crate) on_connection: usize,
    pub(crate) connection: usize,
}

impl Request {
    pub(crate) fn attempt(&self) -> u32 {
        self.headers["fourfold-attempt"].parse().unwrap()
    }
}

/// What to do about a request.
pub(crate) enum Answer {
    /// These bytes; the connection stays.
    Say(String),
    /// These bytes, then the end of the connection.
    SayAndClose(String),
    /// These bytes, then a reset.
    SayAndReset(String),
    /// These bytes, and nothing more until the client goes away.
    SayAndHang(String),
    /// This head, then these bytes again and again, as fast as they are taken.
    Endless(String, &'static str),
    /// This head, then a byte at a time, each once the client has had time to look at the last.
    Drip(String),
}

/// A whole response.
pub(crate) fn reply(status: &str, body: &str) -> Answer {
    reply_with(status, "", body)
}

/// A whole response with more headers, each with its line break.
pub(crate) fn reply_with(status: &str, headers: &str, body: &str) -> Answer {
    Answer::Say(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

type Script = dyn Fn(&Request) -> Answer + Send + Sync;

struct Shared {
    script: Box<Script>,
    tls: Option<Arc<ServerConfig>>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    open: AtomicUsize,
}

/// A server on a port of its own, until the test ends.
pub(crate) struct Server {
    shared: Arc<Shared>,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(None, script)
    }

    pub(crate) fn with(
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            tls,
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        });
        let server = Self { shared: shared.clone(), address };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, stream) = (shared.clone(), stream.unwrap());
                let number = shared.connections.fetch_add(1, SeqCst) + 1;
                shared.open.fetch_add(1, SeqCst);
                thread::spawn(move || {
                    shared.welcome(stream, number);
                    shared.open.fetch_sub(1, SeqCst);
                });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/tasks", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The bodies, in order of their text.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let mut bodies: Vec<String> = self.requests().into_iter().map(|request| request.body).collect();
        bodies.sort_unstable();
        bodies
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }

    /// How many there are.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(SeqCst)
    }
}

impl Shared {
    fn welcome(&self, stream: TcpStream, connection: usize) {
        stream.set_nodelay(true).unwrap();
        let plain = stream.try_clone().unwrap();
        match &self.tls {
            None => self.serve(BufReader::new(stream), &plain, connection),
            Some(config) => {
                let tls = ServerConnection::new(config.clone()).unwrap();
                self.serve(BufReader::new(StreamOwned::new(tls, stream)), &plain, connection);
            }
        }
    }

    fn serve<S: Read + Write>(&self, mut stream: BufReader<S>, plain: &TcpStream, connection: usize) {
        let mut on_connection = 0;
        while let Some(mut request) = read(&mut stream) {
            on_connection += 1;
            (request.on_connection, request.connection) = (on_connection, connection);
            {
                let mut requests = self.requests.lock().unwrap();
                request.number = requests.len() + 1;
                requests.push(request.clone());
            }
            let out = stream.get_mut();
            // The client may have gone away: then there is nobody to tell.
            let mut say = |text: &str| out.write_all(text.as_bytes()).and_then(|()| out.flush());
            match (self.script)(&request) {
                Answer::Say(text) => drop(say(&text)),
                Answer::SayAndClose(text) => {
                    drop(say(&text));
                    return;
                }
                Answer::SayAndReset(text) => {
                    drop(say(&text));
                    sockopt::set_socket_linger(plain, Some(Duration::ZERO)).unwrap();
                    return;
                }
                Answer::SayAndHang(text) => {
                    drop(say(&text));
                    let _ = stream.read(&mut [0]);
                    return;
                }
                Answer::Endless(head, piece) => {
                    drop(say(&head));
                    let pieces = piece.repeat(64 * 1024 / piece.len());
                    while say(&pieces).is_ok() {}
                    return;
                }
                Answer::Drip(head) => {
                    drop(say(&head));
                    // The client says nothing: a read of it takes as long as it may take.
                    plain.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
                    while plain.peek(&mut [0]).is_err() && stream.get_mut().write_all(b"x").is_ok() {}
                    return;
                }
            }
        }
    }
}

fn read(stream: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    let mut next = || {
        line.clear();
        stream.read_line(&mut line).ok().filter(|count| *count > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = next()?;
    let mut headers = BTreeMap::new();
    loop {
        let header = next()?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).unwrap();
    Some(Request { line: first, headers, body, number: 0, on_connection: 0, connection: 0 })
}
