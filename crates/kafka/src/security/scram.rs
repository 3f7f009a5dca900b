//! SCRAM (RFC 5802, RFC 7677) as a server does it, and what is kept of a password for it.
//!
//! Passwords are taken byte for byte, as Kafka and its clients do; RFC 5802 would have them normalised (SASLprep), which
//! makes a difference only beyond ASCII.

use std::fmt;
use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::{digest, hmac, pbkdf2};
use serde::{Deserialize, Serialize};

use crate::limits::{ITERATIONS_LEAST, ITERATIONS_MOST, SALT_MAX_BYTES, SCRAM_NONCE_MAX_BYTES};

/// A digest that SCRAM is done with; its name is that of the SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mechanism {
    /// SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    Sha256,
    /// SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    Sha512,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Mechanism; 2] = [Mechanism::Sha256, Mechanism::Sha512];

    /// SASL's name.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Sha256 => "SCRAM-SHA-256",
            Mechanism::Sha512 => "SCRAM-SHA-512",
        }
    }

    /// The number in Kafka's protocol (KIP-554).
    pub fn number(self) -> i8 {
        match self {
            Mechanism::Sha256 => 1,
            Mechanism::Sha512 => 2,
        }
    }

    /// The one of a number.
    pub fn of_number(number: i8) -> Option<Self> {
        Mechanism::ALL.into_iter().find(|mechanism| mechanism.number() == number)
    }

    pub(crate) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Mechanism::Sha256 => &digest::SHA256,
            Mechanism::Sha512 => &digest::SHA512,
        }
    }

    fn mac(self) -> hmac::Algorithm {
        match self {
            Mechanism::Sha256 => hmac::HMAC_SHA256,
            Mechanism::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn derivation(self) -> pbkdf2::Algorithm {
        match self {
            Mechanism::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Mechanism::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    /// Bytes of a digest.
    pub fn bytes(self) -> usize {
        self.digest().output_len()
    }

    pub(crate) fn keyed(self, key: &[u8], text: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(self.mac(), key), text)
    }
}

/// What is kept of a password: enough to check it, not enough to log in with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Rounds of PBKDF2.
    pub iterations: NonZeroU32,
    #[serde(with = "text")]
    salt: Vec<u8>,
    #[serde(with = "text")]
    stored_key: Vec<u8>,
    #[serde(with = "text")]
    server_key: Vec<u8>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl Credential {
    /// Of a password.
    pub fn of_password(mechanism: Mechanism, password: &[u8], salt: Vec<u8>, iterations: NonZeroU32) -> Self {
        let salted = salted(mechanism, password, &salt, iterations);
        Credential::of_salted(mechanism, &salted, salt, iterations)
    }

    /// Of what PBKDF2 made of a password.
    pub fn of_salted(mechanism: Mechanism, salted: &[u8], salt: Vec<u8>, iterations: NonZeroU32) -> Self {
        let client_key = mechanism.keyed(salted, b"Client Key");
        let stored_key = digest::digest(mechanism.digest(), client_key.as_ref()).as_ref().to_vec();
        let server_key = mechanism.keyed(salted, b"Server Key").as_ref().to_vec();
        Credential { iterations, salt, stored_key, server_key }
    }

    /// Whether it is of this password. Takes as long as PBKDF2 does.
    pub fn is_of(&self, mechanism: Mechanism, password: &[u8]) -> bool {
        let other = Credential::of_password(mechanism, password, self.salt.clone(), self.iterations);
        is_equal(&other.stored_key, &self.stored_key)
    }

    /// Whether it may be taken from outside.
    pub fn is_sound(&self, mechanism: Mechanism) -> bool {
        (ITERATIONS_LEAST..=ITERATIONS_MOST).contains(&self.iterations)
            && (1..=SALT_MAX_BYTES).contains(&self.salt.len())
            && self.stored_key.len() == mechanism.bytes()
            && self.server_key.len() == mechanism.bytes()
    }
}

/// What PBKDF2 makes of a password.
pub(crate) fn salted(mechanism: Mechanism, password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Vec<u8> {
    let mut salted = vec![0; mechanism.bytes()];
    pbkdf2::derive(mechanism.derivation(), iterations, salt, password, &mut salted);
    salted
}

/// Compares without saying by the time it takes where the difference is.
pub(crate) fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0, |difference, (one, other)| difference | (one ^ other));
    one.len() == other.len() && std::hint::black_box(difference) == 0
}

/// The client's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFirst {
    /// Who it says it is.
    pub user: String,
    /// The header of RFC 5801, which the client repeats in its proof.
    header: String,
    bare: String,
    nonce: String,
}

impl ClientFirst {
    /// Reads it; `None` when it is none, or wants what is not spoken here (channel binding, to act as another user).
    pub fn parse(token: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(token).ok()?;
        let (binding, rest) = text.split_once(',')?;
        let (acts_as, bare) = rest.split_once(',')?;
        if !matches!(binding, "n" | "y") {
            return None;
        }
        let mut fields = bare.split(',');
        let user = unescaped(fields.next()?.strip_prefix("n=")?)?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        let printable = |byte: u8| (0x21..=0x7E).contains(&byte);
        if user.is_empty() || !(1..=SCRAM_NONCE_MAX_BYTES).contains(&nonce.len()) || !nonce.bytes().all(printable) {
            return None;
        }
        if !acts_as.is_empty() && unescaped(acts_as.strip_prefix("a=")?)? != user {
            return None;
        }
        let header = format!("{binding},{acts_as},");
        Some(ClientFirst { user, header, bare: bare.to_owned(), nonce: nonce.to_owned() })
    }
}

/// A name with its commas and equals signs back.
fn unescaped(name: &str) -> Option<String> {
    let mut pieces = name.split('=');
    let mut out = pieces.next()?.to_owned();
    for piece in pieces {
        let (sign, rest) =
            if let Some(rest) = piece.strip_prefix("2C") { (',', rest) } else { ('=', piece.strip_prefix("3D")?) };
        out.push(sign);
        out.push_str(rest);
    }
    Some(out)
}

/// An exchange between the server's first message and the client's proof.
pub struct Exchange {
    mechanism: Mechanism,
    credential: Credential,
    client: ClientFirst,
    /// The nonce of both.
    nonce: String,
    /// The server's first message.
    challenge: String,
}

impl Exchange {
    /// Answers the client's first message; the nonce is printable, without commas, and has never been used.
    pub fn begin(mechanism: Mechanism, client: ClientFirst, credential: Credential, nonce: &str) -> Self {
        let nonce = format!("{}{nonce}", client.nonce);
        let salt = BASE64.encode(&credential.salt);
        let challenge = format!("r={nonce},s={salt},i={}", credential.iterations);
        Exchange { mechanism, credential, client, nonce, challenge }
    }

    /// The server's first message.
    pub fn challenge(&self) -> &str {
        &self.challenge
    }

    /// Who the client says it is.
    pub fn user(&self) -> &str {
        &self.client.user
    }

    /// Checks the client's proof; the server's, when it is right.
    pub fn finish(&self, token: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(token).ok()?;
        let (unproven, proof) = text.rsplit_once(",p=")?;
        let mut fields = unproven.split(',');
        let binding = BASE64.decode(fields.next()?.strip_prefix("c=")?).ok()?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        let proof = BASE64.decode(proof).ok()?;
        // librdkafka before 2.6.1 has its own nonce twice (its issue 4895); the server's is in it all the same.
        let once = nonce.strip_prefix(&self.client.nonce).unwrap_or_default();
        let is_ours = nonce == self.nonce || once == self.nonce;
        if binding != self.client.header.as_bytes() || !is_ours || proof.len() != self.mechanism.bytes() {
            return None;
        }
        let signed = format!("{},{},{unproven}", self.client.bare, self.challenge);
        let signature = self.mechanism.keyed(&self.credential.stored_key, signed.as_bytes());
        let client_key: Vec<u8> = proof.iter().zip(signature.as_ref()).map(|(proof, with)| proof ^ with).collect();
        let stored_key = digest::digest(self.mechanism.digest(), &client_key);
        if !is_equal(stored_key.as_ref(), &self.credential.stored_key) {
            return None;
        }
        let signature = self.mechanism.keyed(&self.credential.server_key, signed.as_bytes());
        Some(format!("v={}", BASE64.encode(signature.as_ref())))
    }
}

/// Bytes as base64 in JSON.
mod text {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        BASE64.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(count: u32) -> NonZeroU32 {
        NonZeroU32::new(count).unwrap()
    }

    /// The example of RFC 7677 §3.
    fn rfc_7677() -> Exchange {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let credential = Credential::of_password(Mechanism::Sha256, b"pencil", salt, rounds(4096));
        let client = ClientFirst::parse(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        Exchange::begin(Mechanism::Sha256, client, credential, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    }

    const PROOF: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    #[test]
    fn the_example_of_rfc_7677_comes_out_as_it_stands_there() {
        let exchange = rfc_7677();
        assert_eq!(
            exchange.challenge(),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let answer = exchange.finish(PROOF.as_bytes());
        assert_eq!(answer.as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    #[test]
    fn sha_512_agrees_with_another_implementation() {
        // Computed with Python's hashlib.
        let credential =
            Credential::of_password(Mechanism::Sha512, b"pencil", b"0123456789abcdef".to_vec(), rounds(4096));
        let client = ClientFirst::parse(b"n,,n=user,r=abc").unwrap();
        let exchange = Exchange::begin(Mechanism::Sha512, client, credential, "def");
        let proof = "c=biws,r=abcdef,p=fcz6OB8+IBtOo4Z29HstLg4Gr10Ti/Xb9x9T4/Yhtqq/lxStz4Sqs7ILGMFq\
                     it9nVFcgJpZ5oHdZdHTa/IPWLQ==";
        let answer = "v=F5FF2IZs4YfEDbsYGUsn0NsQsk9EvEC/0oHw7S6PHCGTKedhQnmJLK/xfdXE\
                      ix+qZy6MFDICUECtOs8HNrvokw==";
        assert_eq!(exchange.finish(proof.as_bytes()).as_deref(), Some(answer));
    }

    #[test]
    fn a_client_that_repeats_its_nonce_is_served_and_one_without_the_servers_is_not() {
        let credential = Credential::of_password(Mechanism::Sha256, b"p", vec![1; 16], rounds(4096));
        let client = ClientFirst::parse(b"n,,n=u,r=abc").unwrap();
        let exchange = Exchange::begin(Mechanism::Sha256, client, credential.clone(), "XYZ");
        let client_key =
            Mechanism::Sha256.keyed(&salted(Mechanism::Sha256, b"p", &[1; 16], rounds(4096)), b"Client Key");
        let finish = |nonce: &str| {
            let unproven = format!("c=biws,r={nonce}");
            let signed = format!("n=u,r=abc,{},{unproven}", exchange.challenge());
            let signature = Mechanism::Sha256.keyed(&credential.stored_key, signed.as_bytes());
            let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
            exchange.finish(format!("{unproven},p={}", BASE64.encode(proof)).as_bytes()).is_some()
        };
        assert!(finish("abcXYZ"));
        assert!(finish("abcabcXYZ"), "as librdkafka before 2.6.1");
        for nonce in ["abc", "XYZ", "abcXY", "abcXYZabc", "abdXYZ", "abcabcabcXYZ", ""] {
            assert!(!finish(nonce), "{nonce}");
        }
    }

    #[test]
    fn any_change_of_a_proof_is_refused() {
        let exchange = rfc_7677();
        for at in 0..PROOF.len() {
            let mut changed = PROOF.as_bytes().to_vec();
            // Within the characters of base64, so that the change is not only one of form.
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(exchange.finish(&changed), None, "byte {at}");
        }
        for cut in 0..PROOF.len() {
            assert_eq!(exchange.finish(&PROOF.as_bytes()[..cut]), None, "cut at {cut}");
        }
        assert_eq!(exchange.finish(PROOF.replace("%hv", "%hw").as_bytes()), None, "another nonce");
        assert_eq!(exchange.finish(PROOF.replace("biws", "eSws").as_bytes()), None, "another binding");
        assert_eq!(exchange.finish(PROOF.replace(",p=", ",x=1,p=").as_bytes()), None, "unsigned fields");
    }

    #[test]
    fn a_first_message_that_is_hostile_or_wants_more_is_refused() {
        let long = format!("n,,n=user,r={}", "x".repeat(SCRAM_NONCE_MAX_BYTES + 1));
        for token in [
            "",
            "n",
            "n,",
            "n,,",
            "n,,n=,r=a",
            "n,,n=user",
            "n,,n=user,r=",
            "n,,r=a,n=user",
            "p=tls-unique,,n=user,r=a",
            "n,a=other,n=user,r=a",
            "n,,m=1,n=user,r=a",
            "n,,n=a=zz,r=a",
            "n,,n=a=,r=a",
            "n,,n=user,r=a b",
            "n,,n=user,r=\u{e9}",
            "x,,n=user,r=a",
            &long,
        ] {
            assert_eq!(ClientFirst::parse(token.as_bytes()), None, "{token}");
        }
        assert_eq!(ClientFirst::parse(b"n,,n=\xff,r=a"), None);
        let user = |token: &str| ClientFirst::parse(token.as_bytes()).map(|first| first.user);
        assert_eq!(user("n,,n=a=2Cb=3Dc,r=x,tokenauth=true"), Some("a,b=c".into()));
        assert_eq!(user("y,a=user,n=user,r=x"), Some("user".into()));
    }

    #[test]
    fn what_is_kept_reads_as_it_was_written_and_never_shows_itself() {
        let credential = Credential::of_password(Mechanism::Sha256, b"secret", vec![7; 16], rounds(4096));
        let written = serde_json::to_string(&credential).unwrap();
        assert_eq!(serde_json::from_str::<Credential>(&written).unwrap(), credential);
        assert!(!written.contains("secret"));
        assert_eq!(format!("{credential:?}"), "Credential { iterations: 4096, .. }");
        assert!(credential.is_of(Mechanism::Sha256, b"secret"));
        assert!(!credential.is_of(Mechanism::Sha256, b"secreT"));
        assert!(!credential.is_of(Mechanism::Sha512, b"secret"));
    }
}
