//! Responses.

use alloc::{boxed::Box, string::String};
use core::{convert::Infallible, pin::Pin};

use futures_lite::Stream;
use http_body_util::{Either, Full, StreamBody};
use hyper::{
    Response, StatusCode,
    body::{Bytes, Frame},
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
        HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};

use super::{
    negotiate::{has, takes_gzip},
    page::File,
};

/// The chunks of a body that has no length.
pub(super) type Chunks = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>>>>;

/// The body of a response.
pub(super) type Body = Either<Full<Bytes>, StreamBody<Chunks>>;

/// A response with the headers that all have.
fn reply(status: StatusCode, body: Body) -> Response<Body> {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    set(&mut reply, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut reply, REFERRER_POLICY, "no-referrer");
    reply
}

/// Sets a header.
pub(super) fn set(reply: &mut Response<Body>, name: HeaderName, value: &'static str) {
    reply.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// Ends the connection after this response.
pub(super) fn close(reply: &mut Response<Body>) {
    set(reply, CONNECTION, "close");
}

/// Returns the value of a header that is there once, as a text.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok())
}

/// Not the page's own: nothing may be loaded by it, no other site may load it, and it is never the same twice.
pub(super) fn own(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut reply = reply(status, body);
    set(&mut reply, CONTENT_TYPE, content_type);
    set(&mut reply, CACHE_CONTROL, "no-store");
    set(&mut reply, CONTENT_SECURITY_POLICY, "default-src 'none'");
    set(&mut reply, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    reply
}

pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    own(status, "text/plain; charset=utf-8", whole(text))
}

pub(super) fn json(status: StatusCode, text: String) -> Response<Body> {
    own(status, "application/json", whole(text))
}

/// A body that is known.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// A body that comes bit by bit.
pub(super) fn streamed(chunks: Chunks) -> Body {
    Either::Right(StreamBody::new(chunks))
}

/// A file of the page, compressed for those who take it so, and nothing for those who have it.
pub(super) fn file(file: &'static File, request: &HeaderMap) -> Response<Body> {
    let gzip = file.gzip.filter(|_| takes_gzip(single(request, &ACCEPT_ENCODING)));
    // Other bytes, another tag.
    let tag = match gzip {
        Some(_) => format!("{}-gzip\"", file.tag.trim_end_matches('"')),
        None => String::from(file.tag),
    };
    let mut reply = if has(single(request, &IF_NONE_MATCH), &tag) {
        reply(StatusCode::NOT_MODIFIED, whole(Bytes::new()))
    } else {
        let mut reply = reply(StatusCode::OK, whole(gzip.unwrap_or(file.bytes)));
        set(&mut reply, CONTENT_TYPE, file.content_type());
        if gzip.is_some() {
            set(&mut reply, CONTENT_ENCODING, "gzip");
        }
        reply
    };
    set(&mut reply, CACHE_CONTROL, "no-cache");
    set(&mut reply, CONTENT_SECURITY_POLICY, file.policy());
    set(&mut reply, VARY, "Accept-Encoding");
    if let Ok(tag) = HeaderValue::try_from(tag) {
        reply.headers_mut().insert(ETAG, tag);
    }
    reply
}
