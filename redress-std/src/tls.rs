//! Failures of TLS and of URLs that stay, told from connections that broke.
//!
//! The libraries hand these on as errors of any type, mostly inside of an `io::Error`. Their types are not compared, because each
//! HTTP client may be built with rustls, OpenSSL or the system's TLS in any version; what they say is.

use std::error::Error;

use redress_core::{
    Classification, ErrorClass,
    classify::name::{NameBuffer, leading_identifier},
};

use crate::said::beginning;

/// Fragments of messages of lasting failures, in lower case: certificates, servers without TLS, versions and ciphers without overlap, URLs that
/// the client cannot connect to.
const LASTING: [&str; 19] = [
    "certificate",          // all libraries: expired, self-signed, unknown issuer, for another name
    "not trusted",          // Secure Transport, Schannel
    "peer is incompatible", // rustls
    "peer misbehaved",      // rustls
    "corrupt message",      // rustls: the answer is no TLS
    "wrong version number", // OpenSSL: the answer is no TLS
    "http request",         // OpenSSL: so is the request
    "handshakefailure",     // an alert, by rustls
    "handshake failure",    // an alert, by OpenSSL
    "protocolversion",      // an alert, by rustls
    "protocol version",     // an alert, by OpenSSL
    "unsupported protocol", // OpenSSL
    "no shared cipher",     // OpenSSL
    "unknownca",            // an alert, by rustls
    "unknown ca",           // an alert, by OpenSSL
    "unrecognisedname",     // an alert, by rustls
    "unrecognized name",    // an alert, by OpenSSL
    "dns name",             // names that are none
    "invalid url",          // hyper-util: "scheme is not http" for a client without TLS
];

/// The names of errors that are no `io::Error` themselves: of rustls, of native-tls, of hyper-util's connector.
const NAMES: [&str; 11] = [
    "InvalidCertificate",
    "NoCertificatesPresented",
    "UnsupportedNameType",
    "PeerIncompatible",
    "PeerMisbehaved",
    "InvalidMessage",
    "AlertReceived",
    "Ssl",
    "Normal",
    "HandshakeError",
    "ConnectError",
];

/// Returns whether an error says that TLS or the URL is wrong and will stay wrong.
pub(crate) fn is_lasting(error: &(dyn Error + 'static)) -> bool {
    let said = beginning(format_args!("{error}")).to_ascii_lowercase();
    LASTING.iter().any(|fragment| said.contains(fragment))
}

/// The class of a link whose type cannot be compared, by its name and by what it says.
pub(crate) fn known(link: &(dyn Error + 'static)) -> Option<Classification> {
    let mut buffer = NameBuffer::new();
    let name = leading_identifier(link, &mut buffer);
    (NAMES.contains(&name) && is_lasting(link)).then(|| ErrorClass::Permanent.into())
}
