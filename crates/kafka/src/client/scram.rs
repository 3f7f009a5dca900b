//! SCRAM (RFC 5802, RFC 7677) as a client does it: the proof goes out, the password does not, and the broker proves that it
//! knows what is kept of it.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};

use crate::limits::{CLIENT_ITERATIONS_MOST, ITERATIONS_LEAST, SALT_MAX_BYTES};
use crate::security::scram::{Mechanism, is_equal, salted};

/// Bytes of a nonce before base64.
const NONCE_BYTES: usize = 18;

/// The client's side, between its first message and its last.
pub(super) struct Proving<'a> {
    mechanism: Mechanism,
    password: &'a str,
    nonce: String,
    bare: String,
}

/// What the broker must answer the proof with.
pub(super) struct Expected(Vec<u8>);

impl<'a> Proving<'a> {
    /// Of a user; `None` when the system has no random bytes.
    pub(super) fn begin(mechanism: Mechanism, user: &str, password: &'a str) -> Option<Self> {
        let mut nonce = [0; NONCE_BYTES];
        SystemRandom::new().fill(&mut nonce).ok()?;
        Some(Proving::with_nonce(mechanism, user, password, BASE64.encode(nonce)))
    }

    fn with_nonce(mechanism: Mechanism, user: &str, password: &'a str, nonce: String) -> Self {
        let bare = format!("n={},r={nonce}", user.replace('=', "=3D").replace(',', "=2C"));
        Proving { mechanism, password, nonce, bare }
    }

    /// The first message.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// The proof that answers the broker's challenge; the reason when it is none that may be answered.
    pub(super) fn prove(&self, challenge: &[u8]) -> Result<(String, Expected), &'static str> {
        let text = std::str::from_utf8(challenge).map_err(|_| "its challenge is no text")?;
        let mut fields = text.split(',');
        let mut field = |name: &str| fields.next().and_then(|field| field.strip_prefix(name));
        let nonce = field("r=").filter(|nonce| nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce));
        let nonce = nonce.ok_or("its challenge is to another client")?;
        let salt = field("s=").and_then(|salt| BASE64.decode(salt).ok()).filter(|salt| salt.len() <= SALT_MAX_BYTES);
        let salt = salt.ok_or("its challenge has no salt")?;
        // Few rounds give the password away to who guesses; many take all of this machine's time.
        let rounds = field("i=").and_then(|rounds| rounds.parse::<u32>().ok()).and_then(NonZeroU32::new);
        let rounds = rounds.filter(|rounds| (ITERATIONS_LEAST..=CLIENT_ITERATIONS_MOST).contains(rounds));
        let rounds = rounds.ok_or("it wants too few or too many rounds of PBKDF2")?;

        let salted = salted(self.mechanism, self.password.as_bytes(), &salt, rounds);
        let unproven = format!("c=biws,r={nonce}");
        let signed = format!("{},{text},{unproven}", self.bare);
        let client_key = self.mechanism.keyed(&salted, b"Client Key");
        let stored_key = digest::digest(self.mechanism.digest(), client_key.as_ref());
        let signature = self.mechanism.keyed(stored_key.as_ref(), signed.as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(key, with)| key ^ with).collect();
        let server_key = self.mechanism.keyed(&salted, b"Server Key");
        let expected = self.mechanism.keyed(server_key.as_ref(), signed.as_bytes()).as_ref().to_vec();
        Ok((format!("{unproven},p={}", BASE64.encode(proof)), Expected(expected)))
    }
}

impl Expected {
    /// Whether the broker's last message proves it.
    pub(super) fn is_met(&self, last: &[u8]) -> bool {
        let signature = last.strip_prefix(b"v=").and_then(|signature| BASE64.decode(signature).ok());
        signature.is_some_and(|signature| is_equal(&signature, &self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677 §3.
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const CHALLENGE: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn proving() -> Proving<'static> {
        Proving::with_nonce(Mechanism::Sha256, "user", "pencil", NONCE.to_owned())
    }

    #[test]
    fn the_example_of_rfc_7677_comes_out_as_it_stands_there() {
        assert_eq!(proving().first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let (proof, expected) = proving().prove(CHALLENGE.as_bytes()).unwrap();
        assert_eq!(
            proof,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(expected.is_met(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        for last in [&b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="[..], b"v=", b"", b"e=other-error"] {
            assert!(!expected.is_met(last));
        }
    }

    #[test]
    fn a_challenge_that_is_hostile_is_not_answered() {
        let changed = |from: &str, to: &str| proving().prove(CHALLENGE.replace(from, to).as_bytes()).is_err();
        assert!(changed("r=rOpr", "r=rOpx"), "another's nonce");
        assert!(changed("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", ""), "no nonce of the broker's");
        assert!(changed("i=4096", "i=1") && changed("i=4096", "i=4000000000") && changed("i=4096", "i=x"));
        assert!(changed("s=W22", "s=!") && changed(",i=4096", ""));
        assert!(proving().prove(b"\xff").is_err() && proving().prove(b"").is_err());
    }

    #[test]
    fn names_with_signs_of_the_grammar_are_escaped() {
        let proving = Proving::with_nonce(Mechanism::Sha512, "a=b,c", "p", "x".to_owned());
        assert_eq!(proving.first(), "n,,n=a=3Db=2Cc,r=x");
    }
}
