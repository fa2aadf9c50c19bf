//! TLS of our own: both versions, both protocols, a new certificate without a cut, and a broken one that changes nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use monite_bridge::http::connection::Patience;
use monite_bridge::http::{Entrance, Tls, TlsError, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};

use crate::support::{Setup, TestBridge};

/// A certificate for `localhost`, its own root, and its key.
pub(crate) struct Pair {
    der: CertificateDer<'static>,
    pub(crate) cert: String,
    pub(crate) key: String,
}

pub(crate) fn pair_until(year: i32) -> Pair {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let cert = params.self_signed(&key).unwrap();
    let pem = |label: &str, der: &[u8]| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    };
    let (der, key) = (cert.der().clone(), pem("PRIVATE KEY", key.serialized_der()));
    Pair { cert: pem("CERTIFICATE", &der), der, key }
}

pub(crate) fn pair() -> Pair {
    pair_until(2100)
}

struct Files {
    _place: tempfile::TempDir,
    cert: PathBuf,
    key: PathBuf,
}

impl Files {
    fn of(pair: &Pair) -> Self {
        let place = tempfile::tempdir().unwrap();
        let files = Self { cert: place.path().join("cert.pem"), key: place.path().join("key.pem"), _place: place };
        files.write(pair);
        files
    }

    fn write(&self, pair: &Pair) {
        std::fs::write(&self.cert, &pair.cert).unwrap();
        std::fs::write(&self.key, &pair.key).unwrap();
    }
}

/// A server on a port of its own; it ends with the bridge.
async fn served(bridge: &TestBridge, files: &Files) -> std::net::SocketAddr {
    served_with(bridge, files, Patience::default()).await
}

async fn served_with(bridge: &TestBridge, files: &Files, patience: Patience) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = Tls::open(&files.cert, &files.key, bridge.clock_now()).unwrap();
    tokio::spawn(serve(Entrance::from(listener).with_tls(Some(tls)).with_patience(patience), bridge.app()));
    address
}

/// Shakes hands as one that trusts this certificate only.
async fn shake(
    address: std::net::SocketAddr, trusted: &Pair, version: &'static SupportedProtocolVersion, alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der.clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let socket = TcpStream::connect(address).await?;
    let shaking = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), socket);
    tokio::time::timeout(Duration::from_secs(20), shaking).await.expect("waited 20 s for a handshake")
}

/// Asks on a connection that stays, and gives the head of the answer.
async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        while !answer.ends_with(b"ok") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the connection ended");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("waited 20 s for the answer");
    String::from_utf8(answer).unwrap()
}

/// Asks once, as one that trusts this certificate only.
pub(crate) async fn answers_https(address: &str, trusted: &Pair) {
    let answer = ask(&mut shake(address.parse().unwrap(), trusted, &TLS13, &[]).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn https_is_spoken_in_both_versions_and_both_protocols() {
    let mut setup = Setup::default();
    let (pair, files) = {
        let pair = pair();
        let files = Files::of(&pair);
        (pair, files)
    };
    let named = monite_bridge::config::TlsFiles { cert: files.cert.clone(), key: files.key.clone() };
    setup.server.tls = Some(named);
    let bridge = TestBridge::with(setup).await;
    let address = served(&bridge, &files).await;
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut stream = shake(address, &pair, version, &["http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(expected));
        let answer = ask(&mut stream).await.to_lowercase();
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
    }
    let stream = shake(address, &pair, &TLS13, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://localhost/healthz").body(axum::body::Body::empty()).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(20), send.send_request(request)).await;
    assert_eq!(answer.expect("waited 20 s for the answer").unwrap().status(), 200);
}

#[tokio::test]
async fn a_new_certificate_counts_for_new_handshakes_and_cuts_nothing() {
    let bridge = TestBridge::start().await;
    let (old, new) = (pair(), pair());
    let files = Files::of(&old);
    let address = served(&bridge, &files).await;
    let mut before = shake(address, &old, &TLS13, &[]).await.unwrap();
    ask(&mut before).await;
    assert!(shake(address, &new, &TLS13, &[]).await.is_err());

    files.write(&new);
    look_again(&bridge, "new connections are shown the new certificate", 1).await;
    assert!(shake(address, &old, &TLS13, &[]).await.is_err());
    let mut after = shake(address, &new, &TLS13, &[]).await.unwrap();
    ask(&mut after).await;
    ask(&mut before).await;

    // Half of a pair, for long: said once, and the old one stays.
    std::fs::write(&files.key, &old.key).unwrap();
    look_again(&bridge, "cannot be used; the certificate from before stays", 1).await;
    for _ in 0..3 {
        bridge.clock.wait_for_sleepers(1).await;
        bridge.advance(5);
    }
    bridge.clock.wait_for_sleepers(1).await;
    assert_eq!(bridge.logged(&["cannot be used; the certificate from before stays"]), 1);
    ask(&mut shake(address, &new, &TLS13, &[]).await.unwrap()).await;
}

/// The beginning of a ClientHello of TLS 1.2 that says it is 512 bytes long.
const HALF_A_HELLO: &[u8] = &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];

/// Short, because it is real time.
const SHORT: Duration = Duration::from_millis(300);

/// Reads until the other side ends it.
async fn ends(stream: &mut (impl tokio::io::AsyncRead + Unpin), what: &str) {
    // A reset is an end, too.
    let end = async { while stream.read_buf(&mut Vec::new()).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(Duration::from_secs(20), end).await.unwrap_or_else(|_| panic!("waited 20 s for {what}"));
}

#[tokio::test]
async fn a_handshake_that_does_not_come_to_its_end_is_cut_off() {
    let bridge = TestBridge::start().await;
    let pair = pair();
    let files = Files::of(&pair);
    let patience = Patience { handshake: SHORT, ..Patience::default() };
    let address = served_with(&bridge, &files, patience).await;
    for (said, what) in [(&[][..], "the end of a silent one"), (HALF_A_HELLO, "the end of half a hello")] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said).await.unwrap();
        ends(&mut stream, what).await;
    }
    ask(&mut shake(address, &pair, &TLS13, &[]).await.unwrap()).await;
}

#[tokio::test]
async fn a_connection_of_http_2_that_nobody_uses_ends() {
    let bridge = TestBridge::start().await;
    let pair = pair();
    let files = Files::of(&pair);
    let address = served_with(&bridge, &files, Patience { idle: SHORT, ..Patience::default() }).await;
    let mut silent = shake(address, &pair, &TLS13, &["h2"]).await.unwrap();
    ends(&mut silent, "the end of a connection that says nothing after the handshake").await;

    let stream = shake(address, &pair, &TLS13, &["h2"]).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get("https://localhost/healthz").body(axum::body::Body::empty()).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(20), send.send_request(request)).await;
    assert_eq!(answer.expect("waited 20 s for the answer").unwrap().status(), 200);
    // It is still held, and answers every ping: that is no use of it.
    let ended = tokio::time::timeout(Duration::from_secs(20), connection).await;
    ended.expect("waited 20 s for the end of a connection that nobody uses").unwrap().unwrap();
    drop(send);
}

/// Moves the clock until the log says so.
async fn look_again(bridge: &TestBridge, text: &str, times: usize) {
    for _ in 0..20 {
        bridge.clock.wait_for_sleepers(1).await;
        if bridge.logged(&[text]) >= times {
            return;
        }
        bridge.advance(5);
    }
    panic!("twenty looks, and the log does not say: {text}");
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_said_with_their_names_and_no_piece_of_the_key() {
    let bridge = TestBridge::start().await;
    let (one, other) = (pair(), pair());
    let files = Files::of(&one);
    let open = || Tls::open(&files.cert, &files.key, bridge.clock_now()).unwrap_err();
    std::fs::write(&files.key, &other.key).unwrap();
    assert!(matches!(open(), TlsError::Mismatch { .. }), "{}", open());
    for (cert, key, expected) in [
        ("", one.key.as_str(), "there is no certificate"),
        (&one.key, &one.key, "there is no certificate"),
        (&one.cert, "", "there is no private key"),
        (&one.cert, &one.cert, "there is no private key"),
        (&one.cert, &one.key[..one.key.len() - 40], "no PEM file"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &one.key, "cannot be read"),
    ] {
        std::fs::write(&files.cert, cert).unwrap();
        std::fs::write(&files.key, key).unwrap();
        let said = open().to_string();
        assert!(said.contains(expected) && said.contains(".pem"), "{said}");
        assert!(!said.contains(&one.key[40..60]), "{said}");
    }
    std::fs::remove_file(&files.key).unwrap();
    assert!(open().to_string().ends_with("key.pem cannot be read"), "{}", open());
}

#[tokio::test]
async fn an_expired_certificate_and_an_open_key_are_warned_of() {
    let bridge = TestBridge::start().await;
    let files = Files::of(&pair_until(2001));
    Tls::open(&files.cert, &files.key, bridge.clock_now()).unwrap();
    assert_eq!(bridge.logged(&["has expired"]), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |mode| std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o600);
        let before = bridge.logged(&["is open to every user"]);
        Tls::open(&files.cert, &files.key, bridge.clock_now()).unwrap();
        assert_eq!(bridge.logged(&["is open to every user"]), before);
        mode(0o604);
        Tls::open(&files.cert, &files.key, bridge.clock_now()).unwrap();
        assert_eq!(bridge.logged(&["is open to every user"]), before + 1);
    }
}
