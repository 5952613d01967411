//! What is answered to a request.

use alloc::string::ToString;

use async_channel::Sender;
use trillium_http::{Body, Conn, KnownHeaderName as Name, Method, Status};

use super::{
    Live, Shared,
    guard::Asked,
    metrics::{self, phase_name},
    negotiate::{has, takes_gzip},
    page::File,
    stream::{self, Place},
    transport::Timed,
};
use crate::metrics::RunPhase;

type Request = Conn<Timed>;

/// Starts to tell a follower from a place on.
type Follow<'a> = &'a dyn Fn(Place, Sender<Vec<u8>>);

pub(super) fn answer(shared: &Shared, follow: Follow<'_>, mut conn: Request) -> Request {
    let headers = conn.response_headers_mut();
    headers.insert(Name::XcontentTypeOptions, "nosniff");
    headers.insert(Name::ReferrerPolicy, "no-referrer");
    let request = conn.request_headers();
    // The frame of users' own code has no origin: browsers ask for its one script, which tells nothing, with `Origin: null`.
    let asks = request.has_header(Name::Origin) && conn.path() != "/js/sandbox.js";
    let origin = asks.then(|| request.get_str(Name::Origin));
    let asked = Asked { host: request.get_str(Name::Host), origins: origin };
    if let Some((status, why)) = shared.hosts.refuse(conn.method(), &asked) {
        // Whatever else it sends is not read.
        conn.response_headers_mut().insert(Name::Connection, "close");
        if status == Status::MethodNotAllowed {
            conn.response_headers_mut().insert(Name::Allow, "GET, HEAD");
        }
        return plain(conn, status, why);
    }
    let path = conn.path().to_string();
    match (path.as_str(), &shared.live) {
        ("/metrics", Some(live)) => metrics(live, conn),
        ("/events", Some(live)) => events(live, follow, conn),
        ("/healthz", live) => health(live.as_ref(), conn),
        (path, _) => match shared.page.get().find(path) {
            Some(file) => file_of(file, conn),
            None => plain(conn, Status::NotFound, "there is nothing here\n"),
        },
    }
}

/// Not the page's own: nothing may be loaded by it, nobody else may load it, and it is never the same twice.
fn ours(mut conn: Request, status: Status, content_type: &'static str) -> Request {
    let headers = conn.response_headers_mut();
    headers.insert(Name::ContentType, content_type);
    headers.insert(Name::CacheControl, "no-store");
    headers.insert(Name::ContentSecurityPolicy, "default-src 'none'");
    headers.insert(Name::CrossOriginResourcePolicy, "same-origin");
    conn.with_status(status)
}

fn plain(conn: Request, status: Status, text: &'static str) -> Request {
    ours(conn, status, "text/plain; charset=utf-8").with_response_body(text)
}

fn metrics(live: &Live, mut conn: Request) -> Request {
    let run = live.ring.borrow().latest_run();
    let exposed = metrics::expose(&live.state.borrow().borrow(), run, conn.request_headers().get_str(Name::Accept));
    conn.response_headers_mut().insert(Name::Vary, "Accept");
    ours(conn, Status::Ok, exposed.content_type).with_response_body(exposed.text)
}

fn events(live: &Live, follow: Follow<'_>, conn: Request) -> Request {
    let headers = conn.request_headers();
    let known = headers.has_header("last-event-id").then(|| headers.get_str("last-event-id").unwrap_or_default());
    let place = match known.filter(|id| !id.is_empty()) {
        None => Place::Now,
        Some(id) => live.ring.borrow().resume(id).map_or(Place::Lost, Place::At),
    };
    let (sender, chunks) = stream::channel();
    if conn.method() == Method::Get {
        follow(place, sender);
    }
    let mut conn = ours(conn, Status::Ok, "text/event-stream");
    // The stream's end is the connection's: that it is over is said in it.
    conn.response_headers_mut().insert(Name::Connection, "close");
    conn.with_response_body(Body::new_streaming(chunks, None))
}

fn health(live: Option<&Live>, conn: Request) -> Request {
    let Some(live) = live else {
        return ours(conn, Status::Ok, "application/json").with_response_body("{\"live\":false}\n");
    };
    let phase = live.state.borrow().borrow().phase();
    let run = live.ring.borrow().latest_run();
    let status = match phase {
        // Between two runs there is a next one.
        RunPhase::Waiting | RunPhase::Running => Status::Ok,
        RunPhase::Ended if !live.over.get() => Status::Ok,
        RunPhase::Draining | RunPhase::Aborting | RunPhase::Ended => Status::ServiceUnavailable,
    };
    let text = format!("{{\"live\":true,\"phase\":\"{}\",\"run\":{run}}}\n", phase_name(phase));
    ours(conn, status, "application/json").with_response_body(text)
}

fn file_of(file: &'static File, mut conn: Request) -> Request {
    let request = conn.request_headers();
    let gzip = file.gzip.filter(|_| takes_gzip(request.get_str(Name::AcceptEncoding)));
    // Other bytes, another tag.
    let tag = match gzip {
        Some(_) => format!("{}-gzip\"", file.tag.trim_end_matches('"')),
        None => file.tag.to_string(),
    };
    let known = has(request.get_str(Name::IfNoneMatch), &tag);
    let headers = conn.response_headers_mut();
    headers.insert(Name::CacheControl, "no-cache");
    headers.insert(Name::ContentSecurityPolicy, file.policy());
    headers.insert(Name::Vary, "Accept-Encoding");
    headers.insert(Name::Etag, tag);
    if known {
        return conn.with_status(Status::NotModified);
    }
    headers.insert(Name::ContentType, file.content_type());
    if gzip.is_some() {
        headers.insert(Name::ContentEncoding, "gzip");
    }
    conn.with_status(Status::Ok).with_response_body(gzip.unwrap_or(file.bytes))
}
