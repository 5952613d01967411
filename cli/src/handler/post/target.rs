//! Where to and with what, checked before the first claim. What may be secret is in no message.

use std::{fs, path::Path, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{
    Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT},
};
use percent_encoding::percent_decode_str;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use url::Url;

use crate::exit::CliError;

/// What the request itself says, and nobody else.
const OURS: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "fourfold-attempt",
    "fourfold-task-id",
    "idempotency-key",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// A URL without its credentials, and the header that they become.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) basic: Option<String>,
}

impl Target {
    pub(super) fn parse(text: &str) -> Result<Self, CliError> {
        const EXAMPLE: &str = "expected one such as https://example.org/tasks";
        let mut url = Url::parse(text)
            .map_err(|error| CliError::usage(format_args!("--post: not a URL ({error}): {EXAMPLE}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(CliError::usage(format_args!(
                "--post speaks http and https, and not `{}`: {EXAMPLE}",
                url.scheme().escape_debug()
            )));
        }
        // An empty host, and a port that is none, are errors of the parser.
        if url.port() == Some(0) {
            return Err(CliError::usage(format_args!("--post: nobody listens on port 0: {EXAMPLE}")));
        }
        let basic = basic(&url)?;
        // Both only fail for URLs without a host.
        let _ = (url.set_username(""), url.set_password(None));
        url.set_fragment(None);
        Ok(Self { url, basic })
    }

    /// Scheme, host and port; what follows may be secret, too.
    pub(super) fn place(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Returns what the first line of a request asks for.
    pub(super) fn path_and_query(&self) -> Result<Uri, CliError> {
        let text = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        text.parse()
            .map_err(|error| CliError::usage(format_args!("--post: not a path that HTTP can ask for ({error})")))
    }

    pub(super) fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }
}

/// `user:password` as RFC 7617 wants it.
fn basic(url: &Url) -> Result<Option<String>, CliError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut credentials: Vec<u8> = percent_decode_str(url.username()).collect();
    if credentials.contains(&b':') {
        return Err(CliError::usage("--post: a user's name has no colon in it"));
    }
    credentials.push(b':');
    credentials.extend(percent_decode_str(url.password().unwrap_or_default()));
    Ok(Some(format!("Basic {}", BASE64_STANDARD.encode(credentials))))
}

/// Adds what `--header` asks for. The first of a name replaces what would be there, further ones join it.
fn add_headers(headers: &mut HeaderMap, texts: &[String]) -> Result<(), CliError> {
    let mut given = HeaderMap::new();
    for (index, text) in texts.iter().enumerate() {
        let wrong = |why: &str| CliError::usage(format_args!("--header (number {}): {why}", index + 1));
        let (name, value) = text.split_once(':').ok_or_else(|| wrong("expected `Name: value`"))?;
        let known = HeaderName::try_from(name)
            .map_err(|_| wrong("the name has characters that no header's name may have: expected `Name: value`"))?;
        if OURS.contains(&known.as_str()) {
            return Err(wrong(&format!("`{name}` is for fourfold to say: leave it out")));
        }
        let value = HeaderValue::from_bytes(value.trim().as_bytes())
            .map_err(|_| wrong(&format!("the value of `{name}` has control characters in it")))?;
        given.append(known, value);
    }
    for name in given.keys() {
        headers.remove(name);
    }
    for (name, value) in &given {
        headers.append(name, value.clone());
    }
    Ok(())
}

/// Makes the headers that every request has.
pub(super) fn standing_headers(target: &Target, texts: &[String], is_text: bool) -> Result<HeaderMap, CliError> {
    let mut headers = HeaderMap::new();
    let value = |text: &str| {
        HeaderValue::try_from(text)
            .map_err(|_| CliError::usage("--post: the host or the credentials have characters that no header may have"))
    };
    headers.insert(HOST, value(&target.url[url::Position::BeforeHost..url::Position::AfterPort])?);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("fourfold/", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    let content_type = if is_text { "text/plain; charset=utf-8" } else { "application/json" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(basic) = &target.basic {
        let mut basic = value(basic)?;
        basic.set_sensitive(true);
        headers.insert(AUTHORIZATION, basic);
    }
    add_headers(&mut headers, texts)?;
    Ok(headers)
}

/// Sets TLS up with these authorities, or the system's; `None` where the URL asks for none.
pub(super) fn tls(target: &Target, authorities: Option<&Path>) -> Result<Option<Arc<ClientConfig>>, CliError> {
    let mut roots = RootCertStore::empty();
    match (target.is_secure(), authorities) {
        (false, None) => return Ok(None),
        (false, Some(_)) => return Err(CliError::usage("--cacert is for https, and --post says http")),
        (true, Some(path)) => {
            let wrong = |why: String| CliError::usage(format_args!("--cacert {}: {why}", path.display()));
            let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| wrong(format!("no PEM file: {error}")))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("there is no certificate in it".to_owned()));
            }
        }
        (true, None) => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
                return Err(CliError::usage(format_args!(
                    "--post: this system trusts no certificate authority{why}: install ca-certificates, or name a file with --cacert"
                )));
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| CliError::usage(format_args!("--post: TLS: {error}")))?;
    Ok(Some(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_become_a_header_and_leave_the_url() {
        let target = Target::parse("https://me%40home:p%3Ass@example.org/a?b=c#d").unwrap();
        assert_eq!(target.url.as_str(), "https://example.org/a?b=c");
        assert_eq!(target.place(), "https://example.org");
        assert_eq!(target.basic.as_deref(), Some("Basic bWVAaG9tZTpwOnNz"));
        assert_eq!(Target::parse("http://localhost:8080").unwrap().place(), "http://localhost:8080");
    }

    #[test]
    fn a_header_replaces_ours_and_joins_its_like() {
        let target = Target::parse("http://a:b@c/").unwrap();
        let texts = ["Authorization: Bearer x", "X-Tag:1", "x-tag: 2"].map(str::to_owned);
        let headers = standing_headers(&target, &texts, false).unwrap();
        assert_eq!(headers.get_all("Authorization").iter().collect::<Vec<_>>(), ["Bearer x"]);
        assert_eq!(headers.get_all("X-Tag").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(headers["Host"], "c");
        for wrong in ["none", ": x", "a b: x", "X: a\nb", "X: \u{1b}", "Connection: close", "fourfold-attempt: 9"] {
            assert!(standing_headers(&target, &[wrong.to_owned()], false).is_err(), "{wrong}");
        }
    }
}
