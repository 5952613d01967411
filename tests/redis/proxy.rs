//! A connection that can be cut at any byte, or go silent.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use fourfold::source::redis::RedisOptions;

use crate::server::Server;

const FOR_EVER: u64 = u64::MAX;

/// Stands between a source and its server.
pub(crate) struct Proxy {
    path: PathBuf,
    wires: Arc<Wires>,
}

/// What all connections share.
struct Wires {
    server: String,
    /// What may still pass before everything is cut, once.
    requests: AtomicU64,
    replies: AtomicU64,
    is_deaf: AtomicBool,
    is_over: AtomicBool,
    open: Mutex<Vec<UnixStream>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Requests,
    Replies,
}

impl Proxy {
    pub(crate) fn before(server: &Server) -> Self {
        let path = PathBuf::from(format!("{}.proxy", server.socket()));
        let listener = UnixListener::bind(&path).unwrap();
        let wires = Arc::new(Wires {
            server: server.socket(),
            requests: AtomicU64::new(FOR_EVER),
            replies: AtomicU64::new(FOR_EVER),
            is_deaf: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let shared = wires.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.is_over.load(SeqCst) {
                    return;
                }
                // A server that is down closes what was accepted for it.
                if let Ok(server) = UnixStream::connect(&shared.server) {
                    shared.clone().connect(stream.unwrap(), server);
                }
            }
        });
        Self { path, wires }
    }

    pub(crate) fn options(&self, server: &Server) -> RedisOptions {
        let url = server.address(&self.path.display().to_string());
        let lease = std::time::Duration::from_secs(3);
        RedisOptions::from_url(&url).unwrap().lease(lease)
    }

    /// Cuts every connection after so many bytes more.
    pub(crate) fn cut_after(&self, way: Way, bytes: u64) {
        self.wires.budget(way).store(bytes, SeqCst);
    }

    /// Whether that has not happened yet.
    pub(crate) fn is_whole(&self, way: Way) -> bool {
        self.wires.budget(way).load(SeqCst) != FOR_EVER
    }

    /// Replies do not come through any more.
    pub(crate) fn deafen(&self) {
        self.wires.is_deaf.store(true, SeqCst);
    }

    /// Cuts every connection; new ones work.
    pub(crate) fn cut(&self) {
        self.wires.cut();
        self.wires.is_deaf.store(false, SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.wires.is_over.store(true, SeqCst);
        let _ = UnixStream::connect(&self.path);
        self.wires.cut();
    }
}

impl Wires {
    fn budget(&self, way: Way) -> &AtomicU64 {
        match way {
            Way::Requests => &self.requests,
            Way::Replies => &self.replies,
        }
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn connect(self: Arc<Self>, client: UnixStream, server: UnixStream) {
        let clones = [&client, &server].map(|stream| stream.try_clone().unwrap());
        self.open.lock().unwrap().extend(clones);
        let (client2, server2) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let wires = self.clone();
        thread::spawn(move || wires.pump(client, server, Way::Requests));
        thread::spawn(move || self.pump(server2, client2, Way::Replies));
    }

    fn pump(&self, mut from: UnixStream, mut to: UnixStream, way: Way) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if matches!(way, Way::Replies) && self.is_deaf.load(SeqCst) {
                continue;
            }
            let left = self.budget(way).load(SeqCst);
            let pass = usize::try_from(left).unwrap_or(usize::MAX).min(count);
            if to.write_all(&buffer[..pass]).is_err() {
                break;
            }
            if left != FOR_EVER {
                let left = left - pass as u64;
                self.budget(way).store(if left == 0 { FOR_EVER } else { left }, SeqCst);
                if left == 0 {
                    self.cut();
                }
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}
