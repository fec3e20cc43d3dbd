//! How connections to the database are encrypted, and what its certificate must prove: the modes of `sslmode`, as libpq
//! has them.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What `sslmode` may be.
const MODES: &str = "disable, prefer, require, verify-ca or verify-full";

/// What the certificate of the database must prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// Nothing: whoever only listens reads nothing.
    Nothing,
    /// That a root which is trusted has signed it.
    Chain,
    /// The same, and that it is of this host.
    Host,
}

/// Reads `sslmode` and `sslrootcert` of an address; without the latter the system's roots are trusted.
///
/// # Errors
/// In words, what of it can't be used.
pub(super) fn encryption(
    mode: Option<&str>,
    root: Option<&Path>,
) -> Result<(SslMode, MakeRustlsConnect), String> {
    let (mode, proof) = match (mode, root) {
        (Some("disable"), _) => (SslMode::Disable, Proof::Nothing),
        (None | Some("prefer"), _) => (SslMode::Prefer, Proof::Nothing),
        (Some("require"), None) => (SslMode::Require, Proof::Nothing),
        (Some("require" | "verify-ca"), _) => (SslMode::Require, Proof::Chain),
        (Some("verify-full"), _) => (SslMode::Require, Proof::Host),
        (Some(other), _) => return Err(format!("the sslmode {other:?} is none of {MODES}")),
    };
    let roots = if proof == Proof::Nothing { Vec::new() } else { trusted(root)? };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(proof, roots, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok((mode, MakeRustlsConnect::new(config)))
}

fn trusted(root: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(file) = root.filter(|file| *file != Path::new("system")) else {
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            return Err("the system has no root certificates; name a file with some as sslrootcert".into());
        }
        return Ok(found.certs);
    };
    let wrong = |why: String| format!("the certificates of {} can't be read: {why}", file.display());
    let read = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    let roots = read.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(error.to_string()))?;
    if roots.is_empty() { Err(wrong("it holds none in PEM".into())) } else { Ok(roots) }
}

#[derive(Debug)]
struct Verifier {
    proof: Proof,
    roots: RootCertStore,
    /// The same, one by one: a server whose certificate is among them is whom it says, whoever signed that.
    trusted: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(
        proof: Proof,
        trusted: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(trusted.iter().cloned());
        if usable == 0 && !trusted.is_empty() {
            return Err("none of the root certificates can be understood".into());
        }
        Ok(Self { proof, roots, trusted, provider: Arc::clone(provider) })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.proof == Proof::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        if !self.trusted.iter().any(|trusted| trusted == end_entity) {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let roots = &self.roots;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        if self.proof == Proof::Host {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
