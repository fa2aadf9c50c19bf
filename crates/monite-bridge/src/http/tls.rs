//! TLS of our own: a certificate and its key from two PEM files, looked at again every few seconds.
//!
//! Only handshakes ask for the certificate, so a new pair of files costs no connection. A pair that cannot be used changes nothing:
//! the old one stays, and the log says so once.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use monite::Clock;
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_util::sync::CancellationToken;
use x509_cert::der::Decode as _;
use zeroize::Zeroizing;

/// A new pair of files counts after so long at most.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Longest file read: a chain takes a few KiB.
const MOST_BYTES: u64 = 1024 * 1024;

/// Who renews by itself does so weeks before the end; less is worth a warning.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Why certificate and key cannot be used. Nothing of a key is ever in it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, or may not be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{path} cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Each is fine, but they do not belong together.
    #[error("the key in {key} is not the key of the certificate in {cert}")]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The library refuses the versions or ciphers that we ask for.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

impl TlsError {
    /// Whether it is the file of the certificate that has to be looked at; else the key's.
    #[must_use]
    pub fn is_of(&self, file: &Path) -> bool {
        match self {
            Self::Unreadable { path, .. } | Self::Unusable { path, .. } => path == file,
            Self::Mismatch { key, .. } => key == file,
            Self::Setup(_) => false,
        }
    }
}

/// The pair that counts, for as many connections as there are.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.shown.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads both files. Warns of a certificate that has ended or ends soon, and of a key that others can read.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn open(cert: &Path, key: &Path, now: Timestamp) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let files = Files { cert: cert.to_owned(), key: key.to_owned() };
        let texts = files.read()?;
        let pair = files.parse(&texts, &provider)?;
        files.warn_of_readable_key();
        let looks = Looks { shown: texts.digest(), broken: None, warned: None };
        let shown = Arc::new(Shown { files, provider, pair: RwLock::new(pair), looks: Mutex::new(looks) });
        shown.warn_of_end(now);
        let versions = ServerConfig::builder_with_provider(Arc::clone(&shown.provider));
        // The defaults of rustls are exactly TLS 1.2 and 1.3.
        let builder = versions.with_safe_default_protocol_versions().map_err(TlsError::Setup)?;
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&shown) as _;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), shown })
    }

    /// When the certificate that is shown ends, as far as it says so.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.shown.pair.read().unwrap_or_else(PoisonError::into_inner).ends_at
    }

    /// Shakes hands on a connection.
    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Looks at the files again and again, until `stopping`.
    pub async fn follow(&self, clock: &dyn Clock, stopping: &CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                () = clock.sleep(LOOK_EVERY) => {}
            }
            let (shown, now) = (Arc::clone(&self.shown), clock.now());
            // Off the threads that answer: files may be far away.
            if let Err(error) = tokio::task::spawn_blocking(move || shown.look(now)).await {
                tracing::error!(error = &error as &dyn std::error::Error, "the certificate could not be looked at");
            }
        }
    }
}

/// The two files.
#[derive(Debug)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

/// What they hold.
struct Texts {
    cert: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Texts {
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update((self.cert.len() as u64).to_be_bytes());
        digest.update(&self.cert);
        digest.update(self.key.as_slice());
        digest.finalize().into()
    }
}

/// A pair that can be shown, and when its certificate ends.
struct Pair {
    certified: Arc<CertifiedKey>,
    ends_at: Option<Timestamp>,
}

impl Files {
    fn read(&self) -> Result<Texts, TlsError> {
        let read = |path: &Path| -> Result<Vec<u8>, TlsError> {
            let unreadable = |source| TlsError::Unreadable { path: path.to_owned(), source };
            // With room for all of it, so that no piece of a key is left behind by a buffer that grows.
            let mut bytes = Vec::with_capacity(64 * 1024);
            File::open(path).map_err(unreadable)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
            if bytes.len() as u64 > MOST_BYTES {
                return Err(unusable(path, format!("it is longer than {} KiB", MOST_BYTES / 1024)));
            }
            Ok(bytes)
        };
        Ok(Texts { cert: read(&self.cert)?, key: Zeroizing::new(read(&self.key)?) })
    }

    fn parse(&self, texts: &Texts, provider: &CryptoProvider) -> Result<Pair, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&texts.cert)
            .collect::<Result<_, _>>()
            .map_err(|error| unusable(&self.cert, format!("it is no PEM file ({error})")))?;
        let Some(first) = chain.first() else {
            return Err(unusable(&self.cert, "there is no certificate (-----BEGIN CERTIFICATE-----) in it".to_owned()));
        };
        let read = x509_cert::Certificate::from_der(first)
            .map_err(|error| unusable(&self.cert, format!("its first certificate cannot be read ({error})")))?;
        let ends_at = read.tbs_certificate.validity.not_after.to_unix_duration().as_secs();
        let ends_at = i64::try_from(ends_at).ok().and_then(|second| Timestamp::from_second(second).ok());
        let key = PrivateKeyDer::from_pem_slice(&texts.key).map_err(|error| match error {
            pem::Error::NoItemsFound => {
                unusable(&self.key, "there is no private key (-----BEGIN PRIVATE KEY-----) in it".to_owned())
            }
            // What the file holds is not repeated: it may be a piece of the key.
            _ => unusable(&self.key, "it is no PEM file".to_owned()),
        })?;
        let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { cert: self.cert.clone(), key: self.key.clone() },
            rustls::Error::InvalidCertificate(_) => unusable(&self.cert, error.to_string()),
            error => unusable(&self.key, error.to_string()),
        })?;
        Ok(Pair { certified: Arc::new(certified), ends_at })
    }

    #[cfg(unix)]
    fn warn_of_readable_key(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        const OTHERS: u32 = 0o007;
        if std::fs::metadata(&self.key).is_ok_and(|file| file.permissions().mode() & OTHERS != 0) {
            let path = self.key.display();
            tracing::warn!(%path, "the private key of server.tls_key is open to every user of this machine; chmod o= it");
        }
    }

    #[cfg(not(unix))]
    fn warn_of_readable_key(&self) {}
}

fn unusable(path: &Path, reason: String) -> TlsError {
    TlsError::Unusable { path: path.to_owned(), reason }
}

/// What handshakes show.
struct Shown {
    files: Files,
    provider: Arc<CryptoProvider>,
    pair: RwLock<Pair>,
    looks: Mutex<Looks>,
}

/// What looking at the files has led to.
struct Looks {
    /// Of the texts that are shown.
    shown: [u8; 32],
    /// Texts that cannot be used (`None`: unreadable), and how often they were met.
    broken: Option<(Option<[u8; 32]>, u32)>,
    /// The end that somebody was warned of, and whether it had come.
    warned: Option<(Timestamp, bool)>,
}

/// Files are changed one after the other: what is wrong at one look only was met in between.
const LOOKS_BEFORE_COMPLAINT: u32 = 2;

impl Shown {
    fn look(&self, now: Timestamp) {
        let read = self.files.read();
        let digest = read.as_ref().ok().map(Texts::digest);
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if digest == Some(looks.shown) {
            looks.broken = None;
        } else {
            match read.and_then(|texts| self.files.parse(&texts, &self.provider)) {
                Ok(pair) => {
                    *self.pair.write().unwrap_or_else(PoisonError::into_inner) = pair;
                    (looks.shown, looks.broken) = (digest.unwrap_or_default(), None);
                    tracing::info!("new connections are shown the new certificate");
                }
                Err(error) => {
                    let before = looks.broken.filter(|(met, _)| *met == digest).map_or(0, |(_, times)| times);
                    looks.broken = Some((digest, before.saturating_add(1)));
                    if before + 1 == LOOKS_BEFORE_COMPLAINT {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(
                            error,
                            "server.tls_cert or tls_key changed and cannot be used; the certificate from before stays"
                        );
                    }
                }
            }
        }
        drop(looks);
        self.warn_of_end(now);
    }

    /// Once when the end is near, and once when it has come.
    fn warn_of_end(&self, now: Timestamp) {
        let Some(ends_at) = self.pair.read().unwrap_or_else(PoisonError::into_inner).ends_at else { return };
        let left = ends_at.duration_since(now);
        if left > ENDS_SOON {
            return;
        }
        let has_ended = left.is_negative();
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.warned.replace((ends_at, has_ended)) == Some((ends_at, has_ended)) {
            return;
        }
        if has_ended {
            tracing::warn!(%ends_at, "the certificate of server.tls_cert has expired: clients refuse it; put a new one in its place");
        } else {
            tracing::warn!(%ends_at, "the certificate of server.tls_cert expires soon; put a new one in its place");
        }
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.pair.read().unwrap_or_else(PoisonError::into_inner).certified))
    }
}

/// What a handshake that failed is: a scanner, a plain request, a client that does not trust us. Nobody can act on one of them.
pub(super) fn is_ordinary(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)
}
