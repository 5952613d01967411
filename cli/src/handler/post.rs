//! `--post`: an HTTP request per attempt.

mod dial;
mod target;
mod verdict;

use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
    io, iter,
};

use fourfold::{Failure, Task, source::Json};
use trillium_client::{Client, Conn, Error, Headers, KnownHeaderName, Url, Version};

use self::{dial::Dial, target::Target, verdict::Excerpt};
use crate::{args::HttpArgs, exit::Fault};

/// How many connections the client keeps. That many attempts share one client, so that none is ever pushed out.
const SEATS: usize = 16;

/// Sends each attempt to a server.
#[derive(Debug)]
pub(crate) struct Post {
    url: Url,
    place: String,
    headers: Headers,
    dial: Dial,
    /// The same for no two runs: ids of tasks begin anew with every file.
    run: u64,
    /// Room for attempts: the one used last is on top, as its connections are the most likely to be alive.
    seats: RefCell<Vec<Client>>,
}

/// A place at a client, given back when the attempt ends, however it does.
struct Seat<'a> {
    client: Client,
    seats: &'a RefCell<Vec<Client>>,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.seats.borrow_mut().push(self.client.clone());
    }
}

impl Post {
    /// Nothing is sent before there is a task: to connect would say little about a POST, and a server that is not up yet
    /// may be by then.
    pub(crate) fn new(url: &str, args: &HttpArgs) -> Result<Self, Fault> {
        let target = Target::parse(url)?;
        let headers = target::standing_headers(&target, &args.header)?;
        let dial = Dial::new(target::tls(&target, args.cacert.as_deref())?);
        let place = target.place();
        let run = RandomState::new().hash_one(0);
        Ok(Self { url: target.url, place, headers, dial, run, seats: RefCell::default() })
    }

    pub(crate) async fn attempt(&self, task: &Task<Json>) -> Result<(), Failure> {
        let seat = self.seat();
        let answered = match self.exchange(&seat.client, task).await {
            // It was not taken whole, so nobody has processed it: the server had closed a connection that was idle.
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.exchange(&seat.client, task).await
            }
            answered => answered,
        };
        let mut conn = answered.map_err(|error| self.failed(&error))?;
        let Some(status) = conn.status() else { return Err(self.failed(&Error::MissingStatus)) };
        // Dropped before its end has come, a response takes its connection along, instead of being read to an end that may
        // never come.
        conn.request_headers_mut().insert(KnownHeaderName::Connection, "close");
        let mut said = Excerpt::default();
        let read = said.read(conn.response_body()).await;
        let verdict = verdict::judge(&self.place, status, conn.response_headers(), &said);
        if let Ok(true) = read {
            conn.request_headers_mut().remove(KnownHeaderName::Connection);
            conn.recycle().await;
        }
        verdict?;
        read.map(drop).map_err(|error| self.transient(&format!("the response broke off: {error}")))
    }

    /// Sends the request and waits for the head of the response.
    async fn exchange(&self, client: &Client, task: &Task<Json>) -> Result<Conn, Error> {
        let conn = client.post(self.url.clone()).with_http_version(Version::Http1_1);
        let conn = conn.with_request_header("Fourfold-Task-Id", task.id.to_string());
        let conn = conn.with_request_header("Fourfold-Attempt", task.attempt.to_string());
        let conn = conn.with_request_header("Idempotency-Key", format!("\"{:016x}-{}\"", self.run, task.id));
        conn.with_body(task.payload.as_str().to_owned()).await
    }

    fn seat(&self) -> Seat<'_> {
        let mut seats = self.seats.borrow_mut();
        let client = seats.pop().unwrap_or_else(|| {
            let client = self.client();
            seats.extend(iter::repeat_n(client.clone(), SEATS - 1));
            client
        });
        Seat { client, seats: &self.seats }
    }

    fn client(&self) -> Client {
        let mut client = Client::new(self.dial.clone());
        *client.default_headers_mut() = self.headers.clone();
        // Many servers do not answer `Expect: 100-continue`, and each long task would wait a second for that.
        client.with_max_buffered_request_body(usize::MAX)
    }

    fn transient(&self, what: &str) -> Failure {
        Failure::transient(format!("--post {}: {what}", self.place))
    }

    /// No response: whatever the reason, it may pass.
    fn failed(&self, error: &Error) -> Failure {
        let text = match error {
            Error::Closed => "the server closed the connection without an answer".to_owned(),
            Error::Io(error) => error.to_string(),
            error => format!("no answer that is HTTP: {error}"),
        };
        let hint =
            if text.contains("invalid peer certificate") { " (--cacert names authorities to trust)" } else { "" };
        self.transient(&format!("{text}{hint}"))
    }
}
