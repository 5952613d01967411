//! `https`.

use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use super::server::{Server, reply};
use crate::command::{Place, seq};

/// A server whose certificate is its own authority, with this name, and that in PEM.
fn server_of(authority: &str, name: &str) -> (Server, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, authority);
    let certificate = params.self_signed(&key).unwrap();
    let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)
        .unwrap();
    (Server::with(Some(Arc::new(config)), |_| reply("200 OK", "")), certificate.pem())
}

fn server(name: &str) -> (Server, String) {
    server_of("one", name)
}

#[test]
fn an_authority_of_ones_own_is_trusted_where_it_is_named() {
    let (server, pem) = server("localhost");
    let place = Place::new();
    place.write("tasks", seq(200));
    place.write("ca.pem", pem);
    let url = format!("https://localhost:{}/", server.address.port());
    let args = ["run", "tasks", "-c", "2", "--json", "--retries", "0", "--post", &url];
    let named = place.run(&[&args[..], &["--cacert", "ca.pem"]].concat()).expect(0).report();
    assert_eq!(named["done"], 200);
    assert!(server.connections() <= 2, "{}", server.connections());
    let output = place.command(&args).env("SSL_CERT_FILE", "ca.pem").output().unwrap();
    assert_eq!(crate::command::Ended::from(output).expect(0).report()["done"], 200);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_said_to_be_one() {
    let place = Place::new();
    place.write("tasks", "1\n");
    let ((wanted, _), (_, other)) = (server("localhost"), server_of("another", "localhost"));
    place.write("ca.pem", other);
    let (elsewhere, pem) = server("example.org");
    place.write("elsewhere.pem", pem);
    for (server, file, why) in [(&wanted, "ca.pem", "UnknownIssuer"), (&elsewhere, "elsewhere.pem", "not valid for")] {
        let url = format!("https://localhost:{}/", server.address.port());
        let args = ["run", "tasks", "--retries", "1", "--backoff", "1ms", "--json", "--dead", "dead", "--cacert", file];
        let report = place.run(&[&args[..], &["--post", &url]].concat()).expect(1).report();
        assert_eq!((report["failed"].as_u64(), report["dead"].as_u64()), (Some(2), Some(1)));
        let dead = place.read("dead");
        assert!(dead.contains("invalid peer certificate") && dead.contains(why) && dead.contains("--cacert"), "{dead}");
        assert!(server.requests().is_empty());
    }
}

#[test]
fn a_server_that_speaks_no_tls_is_a_failure_that_may_pass() {
    let plain = Server::start(|_| reply("200 OK", ""));
    let place = Place::new();
    place.write("tasks", "1\n");
    place.write("ca.pem", server("localhost").1);
    let url = format!("https://localhost:{}/", plain.address.port());
    let args = ["run", "tasks", "--retries", "0", "--dead", "dead", "--timeout", "5s", "--cacert", "ca.pem"];
    place.run(&[&args[..], &["--json", "--post", &url]].concat()).expect(1);
    assert!(plain.requests().is_empty());
}
