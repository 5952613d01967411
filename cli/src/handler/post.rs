//! `--post`: an HTTP request per attempt.

mod target;
mod verdict;

mod dial;

mod connection;

use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use fourfold::{Failure, Task, source::Json};
use futures_lite::future::or;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, Uri,
    body::{Bytes, Incoming},
    header::{HeaderName, HeaderValue},
};

use smol::Timer;

use self::{
    connection::{Connection, NoResponse},
    dial::Dial,
    target::Target,
    verdict::Excerpt,
};
use super::{
    attempted::{Attempted, text},
    codes::Rules,
    dry::DryRun,
};
use crate::{args::HttpArgs, exit::CliError, process::Spool, throttle::Code};

/// Sends each attempt to a server.
pub(crate) struct Post {
    place: String,
    path_and_query: Uri,
    headers: HeaderMap,
    is_text: bool,
    timeout: Duration,
    rules: Rules,
    dial: Dial,
    /// The same for no two runs: ids of tasks begin anew with every file.
    run: u64,
    /// Connections without a request; the one used last is on top, as it is the most likely to be alive. There are never more
    /// of them than attempts that ran at once.
    idle: RefCell<Vec<Connection>>,
}

impl Post {
    /// Nothing is sent before there is a task: to connect would say little about a POST, and a server that is not up yet
    /// may be by then.
    pub(crate) fn new(
        url: &str,
        args: &HttpArgs,
        is_text: bool,
        timeout: Duration,
        rules: Rules,
    ) -> Result<Self, CliError> {
        let target = Target::parse(url)?;
        let tls = target::tls(&target, args.cacert.as_deref())?;
        Ok(Self {
            place: target.place(),
            path_and_query: target.path_and_query()?,
            headers: target::standing_headers(&target, &args.header, is_text)?,
            is_text,
            timeout,
            rules,
            dial: Dial::new(&target, tls)?,
            run: RandomState::new().hash_one(0),
            idle: RefCell::default(),
        })
    }

    /// Shows what would be sent, without what may be secret.
    pub(super) fn dry(&self) -> DryRun {
        DryRun::Post { place: format!("{}{}", self.place, self.path_and_query.path()), is_text: self.is_text }
    }

    /// Keeps to the timeout: what follows an attempt, such as a slow reader of its answer, is not the server's doing.
    pub(crate) async fn attempt(&self, task: &Task<Json>) -> Result<Attempted, Failure> {
        let late = async {
            Timer::after(self.timeout).await;
            Err(Failure::timed_out(format!("timed out after {:?}", self.timeout)))
        };
        or(self.send(task), late).await
    }

    async fn send(&self, task: &Task<Json>) -> Result<Attempted, Failure> {
        let (mut connection, response) = self.exchange(task).await.map_err(|error| self.failed(&error))?;
        let (head, body) = response.into_parts();
        let mut said = Excerpt::new(head.status);
        let read = connection.drive(said.read(body)).await;
        // What was not read to its end takes its connection along: the end may never come.
        if let Ok(true) = read
            && connection.is_usable().await
        {
            self.idle.borrow_mut().push(connection);
        }
        let result = verdict::judge(&self.place, head.status, &head.headers, &said, &self.rules)
            .and_then(|()| read.map(drop).map_err(|error| self.transient(&format!("the response broke off: {error}"))));
        let output = if result.is_ok() { said.into_answer().into() } else { Spool::default() };
        let code = Some(Code::Status(head.status.as_u16()));
        Ok(Attempted { output, is_reply: true, code, ..Attempted::from(result) })
    }

    /// Sends the request, on an idle connection if there is one, and waits for the head of the response.
    async fn exchange(&self, task: &Task<Json>) -> Result<(Connection, Response<Incoming>), NoResponse> {
        while let Some(mut connection) = self.take_idle() {
            if !connection.is_usable().await {
                continue;
            }
            match connection.exchange(self.request(task)).await {
                // The server closed it just now.
                Err(NoResponse::Unsent) => {}
                answered => return answered.map(|response| (connection, response)),
            }
        }
        let mut connection = Connection::open(&self.dial).await?;
        let response = connection.exchange(self.request(task)).await?;
        Ok((connection, response))
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle.borrow_mut().pop()
    }

    fn request(&self, task: &Task<Json>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::from(text(&task.payload, self.is_text).into_owned()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path_and_query.clone();
        *request.headers_mut() = self.headers.clone();
        for (name, value) in [
            ("fourfold-task-id", task.id.to_string()),
            ("fourfold-attempt", task.attempt.to_string()),
            ("idempotency-key", format!("\"{:016x}-{}\"", self.run, task.id)),
        ] {
            let value = HeaderValue::try_from(value).expect("numbers, quotes and hyphens may be in a header");
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        request
    }

    fn transient(&self, what: &str) -> Failure {
        Failure::transient(format!("--post {}: {what}", self.place))
    }

    /// No response: whatever the reason, it may pass.
    fn failed(&self, error: &NoResponse) -> Failure {
        let text = match error {
            NoResponse::Closed | NoResponse::Unsent => "the server closed the connection without an answer".to_owned(),
            NoResponse::Io(error) => error.to_string(),
            NoResponse::Invalid(error) => format!("no answer that is HTTP: {error}"),
        };
        let hint =
            if text.contains("invalid peer certificate") { " (--cacert names authorities to trust)" } else { "" };
        self.transient(&format!("{text}{hint}"))
    }
}
