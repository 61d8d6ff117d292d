//! Masks secrets in text before it is written or answered.
//!
//! Linear in the text. Must never mask what is not a secret by its form: hashes, ids, unit names
//! and plain words stay. A mark says what was masked: `[masked:jwt]`.

use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

struct Form {
    /// Text without which the pattern cannot match: searched for first, so that ordinary text costs nearly nothing.
    needs: &'static [&'static str],
    /// What is replaced; `keep` groups around it stay.
    pattern: LazyLock<Option<Regex>>,
    replacement: &'static str,
}

macro_rules! form {
    ($needs:expr, $pattern:expr, $replacement:expr) => {
        Form {
            needs: $needs,
            pattern: LazyLock::new(|| Regex::new($pattern).ok()),
            replacement: $replacement,
        }
    };
}

static FORMS: [Form; 13] = [
    form!(
        &["PRIVATE KEY"],
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(-----END [A-Z ]*PRIVATE KEY-----|\z)",
        "[masked:private-key]"
    ),
    form!(
        &["eyJ"],
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        "[masked:jwt]"
    ),
    form!(
        &["AKIA", "ASIA"],
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        "[masked:aws-access-key]"
    ),
    form!(
        &["AIza", "ya29."],
        r"\b(?:AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,})",
        "[masked:google-key]"
    ),
    form!(
        &["gh", "github_pat_"],
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
        "[masked:github-token]"
    ),
    form!(
        &["glpat-"],
        r"\bglpat-[A-Za-z0-9_-]{20,}",
        "[masked:gitlab-token]"
    ),
    form!(
        &["xox", "hooks.slack.com"],
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/]+",
        "[masked:slack-token]"
    ),
    form!(
        &[":AA"],
        r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b",
        "[masked:telegram-token]"
    ),
    form!(
        &["sk-", "sk_live_", "rk_live_"],
        r"\b(?:sk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}|[sr]k_live_[A-Za-z0-9]{20,})",
        "[masked:api-key]"
    ),
    form!(
        &["npm_", "pypi-"],
        r"\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,})",
        "[masked:registry-token]"
    ),
    form!(
        &["://"],
        r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\x22]*:)[^\s/@'\x22]+@",
        "${1}[masked:password]@"
    ),
    form!(
        &["uthorization", "UTHORIZATION"],
        r"(?i)(authorization\s*[:=]\s*(?:basic|bearer|token)?\s*)[A-Za-z0-9._~+/=-]{8,}",
        "${1}[masked:authorization]"
    ),
    form!(
        &[
            "ass", "ASS", "ecret", "ECRET", "oken", "OKEN", "pi_key", "pi-key", "PI_KEY", "pwd",
            "PWD"
        ],
        r"(?i)((?:--)?[a-z0-9_.-]*(?:password|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token|secret[_-]?key)[\x22']?\s*[=:]\s*|--(?:password|passwd|token|secret|api-key)\s+)(?:\x22[^\x22]+\x22|'[^']+'|[^\s\x22',;&|)]+)",
        "${1}[masked:secret]"
    ),
];

/// The text with secrets replaced by marks.
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for form in &FORMS {
        if !form.needs.iter().any(|need| masked.contains(need)) {
            continue;
        }
        let Some(pattern) = form.pattern.as_ref() else {
            continue;
        };
        if let Cow::Owned(replaced) = pattern.replace_all(&masked, form.replacement) {
            masked = Cow::Owned(replaced);
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_a_regex() {
        for form in &FORMS {
            assert!(form.pattern.is_some(), "{}", form.replacement);
        }
    }

    #[test]
    fn secrets_are_masked() {
        let token = |prefix: &str, n: usize| format!("{prefix}{}", "a1B2".repeat(n));
        for (text, secret, mark) in [
            (
                "key AKIAIOSFODNN7EXAMPLE.".to_owned(),
                "IOSFODNN7",
                "[masked:aws-access-key]",
            ),
            (token("ghp_", 9), "a1B2a1B2", "[masked:github-token]"),
            (token("xoxb-", 5), "a1B2", "[masked:slack-token]"),
            (token("sk-ant-", 8), "a1B2", "[masked:api-key]"),
            (
                format!("123456789:AA{}", "x".repeat(33)),
                "xxx",
                "[masked:telegram-token]",
            ),
            (
                "postgres://app:hunter2@db/x".into(),
                "hunter2",
                "postgres://app:[masked:password]@db/x",
            ),
            (
                "mysql --password=hunter2 -e x".into(),
                "hunter2",
                "--password=[masked:secret] -e x",
            ),
            (
                "PGPASSWORD='two words' psql".into(),
                "two words",
                "PGPASSWORD=[masked:secret] psql",
            ),
            ("DB_PASSWORD: hunter2".into(), "hunter2", "[masked:secret]"),
            (
                "Authorization: Bearer abcdefghijkl".into(),
                "abcdefghijkl",
                "Authorization: Bearer [masked:authorization]",
            ),
            (
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".into(),
                "eyJ",
                "[masked:jwt]",
            ),
            (
                "a -----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY----- b"
                    .into(),
                "b3Bl",
                "a [masked:private-key] b",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\ncut".into(),
                "cut",
                "[masked:private-key]",
            ),
        ] {
            let masked = mask(&text);
            assert!(!masked.contains(secret), "{text:?} became {masked:?}");
            assert!(masked.contains(mark), "{text:?} became {masked:?}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "uptime",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "550e8400-e29b-41d4-a716-446655440000",
            "passwd",
            "systemctl status pwd.service",
            "cat /etc/passwd",
            "http://localhost:8080/health",
            "token bucket",
            "the secret of good logs",
            "https://example.org/a:b@c",
            "Failed password for root from 10.0.0.1",
            "sk-short",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert_eq!(mask(text), text);
        }
    }
}
