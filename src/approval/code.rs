//! One-time codes: each for one approval and one person, sent past the agent, stored as a hash only.
//!
//! Must never give a code to anything but the notifier, and never say more of a wrong one than that it is wrong.

use crate::audit::record::hex;
use serde::{Deserialize, Serialize};

/// Letters and digits that cannot be taken for one another.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
/// 31^10 is 2^49.5: five guesses hit with a chance of 4 in 10^15.
const LENGTH: usize = 10;
/// Wrong codes after which an approval takes none any more.
pub const TRIES: u32 = 5;

/// What is kept of a code that was made for one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneTime {
    /// Whose it is.
    pub approver: String,
    /// [`hash`] of it.
    pub hash: String,
    /// The channels that took it; none yet, or none at all.
    pub sent_by: Vec<String>,
}

/// A new code, as a person types it: `7K3FQ-2M9XW`.
pub fn fresh() -> String {
    let mut code = String::with_capacity(LENGTH + 1);
    while code.len() < LENGTH {
        for (at, byte) in uuid::Uuid::new_v4().as_bytes().iter().enumerate() {
            // Bytes 6 and 8 hold the version (RFC 9562); above 8 × 31 some letters would be likelier.
            if at != 6 && at != 8 && *byte < 248 && code.len() < LENGTH {
                code.push(char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
            }
        }
    }
    code.insert(LENGTH / 2, '-');
    code
}

/// The code in what somebody typed: any case, dashes anywhere; none if it cannot be one.
pub fn normal(text: &str) -> Option<String> {
    let code: String = text
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_ascii_uppercase())
        .collect();
    (code.len() == LENGTH && code.bytes().all(|b| ALPHABET.contains(&b))).then_some(code)
}

/// What is stored: SHA-256 over the code and all that it is for. `digest` binds the question.
pub fn hash(approval: &str, digest: &str, approver: &str, code: &str) -> String {
    let code = normal(code).unwrap_or_default();
    hex(
        serde_json::json!(["aiops-code-1", approval, digest, approver, code])
            .to_string()
            .as_bytes(),
    )
}

/// Compares in a time that does not tell where two texts differ.
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |sum, (a, b)| sum | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_long_unlike_and_forgiving_to_type() {
        let codes: HashSet<String> = (0..2000).map(|_| fresh()).collect();
        assert_eq!(codes.len(), 2000);
        let letters: HashSet<char> = codes.iter().flat_map(|c| c.chars()).collect();
        assert_eq!(
            letters.len(),
            ALPHABET.len() + 1,
            "every letter, and the dash"
        );
        for code in &codes {
            assert_eq!((code.len(), code.find('-')), (11, Some(5)), "{code}");
            assert!(
                normal(&code.to_lowercase().replace('-', "")) == normal(code)
                    && normal(code).is_some()
            );
        }
        assert!((ALPHABET.len() as f64).powi(10).log2() > 40.0);
        for text in ["", "7K3FQ", "7K3FQ-2M9X0", "123456", "7K3FQ-2M9XWW", "k7fq"] {
            assert_eq!(normal(text), None, "{text}");
        }
    }

    #[test]
    fn a_code_is_for_one_approval_one_question_and_one_person() {
        let code = fresh();
        let hashes: HashSet<String> = [
            ("a", "d", "p"),
            ("b", "d", "p"),
            ("a", "e", "p"),
            ("a", "d", "q"),
        ]
        .iter()
        .map(|(a, d, p)| hash(a, d, p, &code))
        .collect();
        assert_eq!(hashes.len(), 4);
        assert!(same(
            &hash("a", "d", "p", &code),
            &hash("a", "d", "p", &code.to_lowercase())
        ));
        assert!(!same("ab", "ac") && !same("a", "ab"));
    }
}
