//! What is answered to a request.

use alloc::{boxed::Box, rc::Rc};

use hyper::{
    Method, Request, Response, StatusCode,
    header::{ACCEPT, ALLOW, HOST, HeaderName, ORIGIN, RETRY_AFTER, VARY},
};

use super::{
    Live, Shared,
    connection::Connection,
    guard::Asked,
    metrics::{self, phase_name},
    reply::{self, Body, close, own, plain, set, single, streamed, whole},
    scrape::scrape,
    seats::Seat,
    stream::{self, Place},
};
use crate::metrics::RunPhase;

/// Answers one request on a connection.
pub(super) async fn answer<B>(connection: &Connection, request: Request<B>) -> Response<Body> {
    let shared = &connection.shared;
    let mut response = match refuse(shared, &request) {
        Some(refusal) => refusal,
        None => match (request.uri().path(), &shared.live) {
            ("/healthz", live) => health(live.as_deref()),
            ("/metrics", Some(live)) => metrics(live, &request).await,
            _ if connection.seat == Seat::Reserved => busy(),
            ("/events", Some(live)) => events(connection, live, &request),
            (path, _) => match shared.page.get().find(path) {
                Some(file) => reply::file(file, request.headers()),
                None => plain(StatusCode::NOT_FOUND, "there is nothing here\n"),
            },
        },
    };
    if connection.seat == Seat::Reserved {
        close(&mut response);
    }
    response
}

/// Refuses what is not for reading, and whoever asks by another name.
fn refuse<B>(shared: &Shared, request: &Request<B>) -> Option<Response<Body>> {
    let headers = request.headers();
    // A target that names a host of its own names the same one.
    let named = request.uri().authority();
    let host =
        single(headers, &HOST).filter(|host| named.is_none_or(|named| named.as_str().eq_ignore_ascii_case(host)));
    // The frame of users' own code has no origin: browsers ask for its one script, which tells nothing, with `Origin: null`.
    let asks = headers.contains_key(ORIGIN) && request.uri().path() != "/js/sandbox.js";
    let origins = asks.then(|| single(headers, &ORIGIN));
    let (status, why) = shared.hosts.refuse(request.method(), &Asked { host, origins })?;
    let mut response = plain(status, why);
    // Whatever else it sends is not read.
    close(&mut response);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        set(&mut response, ALLOW, "GET, HEAD");
    }
    Some(response)
}

/// Says that all connections but those for health and metrics are taken.
fn busy() -> Response<Body> {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "there are too many connections\n");
    set(&mut response, RETRY_AFTER, "1");
    response
}

async fn metrics<B>(live: &Live, request: &Request<B>) -> Response<Body> {
    let format = metrics::preferred(single(request.headers(), &ACCEPT));
    let mut response = own(StatusCode::OK, format.content_type(), whole(scrape(live, format).await));
    set(&mut response, VARY, "Accept");
    response
}

fn events<B>(connection: &Connection, live: &Rc<Live>, request: &Request<B>) -> Response<Body> {
    let id = HeaderName::from_static("last-event-id");
    let place = match (request.headers().contains_key(&id), single(request.headers(), &id)) {
        (false, _) | (true, Some("")) => Place::Now,
        (true, Some(id)) => live.ring.borrow().resume(id).map_or(Place::Lost, Place::At),
        // No text, or more than one.
        (true, None) => Place::Lost,
    };
    if request.method() == Method::GET {
        connection.follow();
    }
    let chunks = Box::pin(stream::chunks(Rc::clone(live), place));
    let mut response = own(StatusCode::OK, "text/event-stream", streamed(chunks));
    // The stream's end is the connection's: that it is over is said in it.
    close(&mut response);
    response
}

fn health(live: Option<&Live>) -> Response<Body> {
    let Some(live) = live else {
        return reply::json(StatusCode::OK, "{\"live\":false}\n".into());
    };
    let phase = live.state.borrow().borrow().phase();
    let run = live.ring.borrow().latest_run();
    let status = match phase {
        // Between two runs there is a next one.
        RunPhase::Waiting | RunPhase::Running => StatusCode::OK,
        RunPhase::Ended if !live.over.get() => StatusCode::OK,
        RunPhase::Draining | RunPhase::Aborting | RunPhase::Ended => StatusCode::SERVICE_UNAVAILABLE,
    };
    reply::json(status, format!("{{\"live\":true,\"phase\":\"{}\",\"run\":{run}}}\n", phase_name(phase)))
}
