//! `openssl`: showing certificates, requests and revocation lists.

use super::limits::host_allowed;
use super::{Limits, check_path, int_in, plain_word};

type R = Result<(), String>;

/// Checks all words after `openssl`.
///
/// # Errors
/// The word that is not accepted.
pub fn check(words: &[&str], limits: &Limits) -> R {
    match words.split_first() {
        Some((&"version", rest))
            if rest
                .iter()
                .all(|w| matches!(*w, "-a" | "-v" | "-d" | "-b" | "-f")) =>
        {
            Ok(())
        }
        Some((&("x509" | "req" | "crl"), rest)) => show(rest, limits),
        Some((&"verify", rest)) => verify(rest, limits),
        Some((&"s_client", rest)) if limits.s_client => s_client(rest, limits),
        Some((&"s_client", _)) => {
            Err("openssl: s_client sends what is piped into it; it is not accepted here".into())
        }
        Some((c, _)) => Err(format!("openssl: `{c}` is not accepted")),
        None => Err("openssl: a command is expected".into()),
    }
}

fn show(words: &[&str], limits: &Limits) -> R {
    let mut quiet = false;
    let mut it = words.iter();
    while let Some(w) = it.next() {
        match *w {
            "-noout" => quiet = true,
            "-subject" | "-issuer" | "-dates" | "-enddate" | "-startdate" | "-fingerprint"
            | "-serial" | "-text" | "-hash" | "-sha256" | "-sha1" | "-purpose" | "-email"
            | "-ocsp_uri" | "-modulus" | "-pubkey" | "-subject_hash" | "-issuer_hash"
            | "-lastupdate" | "-nextupdate" => {}
            "-in" | "-ext" | "-checkend" | "-inform" | "-nameopt" | "-certopt" | "-checkhost" => {
                let v = it.next().ok_or(format!("openssl: {w} lacks its value"))?;
                let ok = match *w {
                    "-in" => return_path(v, limits)?,
                    "-checkend" => int_in(v, 0, 10_000_000_000, "seconds").is_ok(),
                    "-inform" => matches!(*v, "PEM" | "DER" | "pem" | "der"),
                    _ => plain_word(v, "._,-"),
                };
                if !ok {
                    return Err(format!("openssl: `{v}` is not accepted after {w}"));
                }
            }
            _ => return Err(format!("openssl: `{w}` is not accepted")),
        }
    }
    if quiet {
        Ok(())
    } else {
        Err("openssl: -noout is required".into())
    }
}

/// `verify`: certificates against others; without a file it reads standard input.
fn verify(words: &[&str], limits: &Limits) -> R {
    let mut files = 0;
    let mut it = words.iter();
    while let Some(w) = it.next() {
        match *w {
            "-verbose" | "-show_chain" | "-x509_strict" | "-partial_chain" => {}
            "-CAfile" | "-CApath" | "-untrusted" | "-trusted" => {
                let v = it.next().ok_or(format!("openssl: {w} lacks its value"))?;
                return_path(v, limits)?;
            }
            "-verify_hostname" | "-purpose" => {
                let v = it.next().copied().unwrap_or("");
                if !plain_word(v, ".-") {
                    return Err(format!("openssl: `{v}` is not accepted after {w}"));
                }
            }
            w if w.starts_with('-') => return Err(format!("openssl: `{w}` is not accepted")),
            file => {
                return_path(file, limits)?;
                files += 1;
            }
        }
    }
    if files > 0 {
        Ok(())
    } else {
        Err("openssl: a certificate is expected".into())
    }
}

fn return_path(v: &str, limits: &Limits) -> Result<bool, String> {
    check_path(v, limits)
        .map(|()| true)
        .map_err(|e| format!("openssl: {e}"))
}

fn s_client(words: &[&str], limits: &Limits) -> R {
    let mut connected = false;
    let mut it = words.iter();
    while let Some(w) = it.next() {
        match *w {
            "-showcerts"
            | "-brief"
            | "-status"
            | "-tls1_2"
            | "-tls1_3"
            | "-verify_return_error" => {}
            "-connect" => {
                let v = it.next().copied().unwrap_or("");
                let ok = v.rsplit_once(':').is_some_and(|(h, p)| {
                    p.parse::<u16>()
                        .is_ok_and(|p| host_allowed(&h.to_ascii_lowercase(), p, limits))
                });
                if !ok || connected {
                    return Err(format!("openssl: `{v}` is not an allowed host:port"));
                }
                connected = true;
            }
            "-servername" | "-verify_hostname" | "-starttls" => {
                let v = it.next().copied().unwrap_or("");
                if !plain_word(v, ".-") {
                    return Err(format!("openssl: `{v}` is not accepted after {w}"));
                }
            }
            _ => return Err(format!("openssl: `{w}` is not accepted")),
        }
    }
    if connected {
        Ok(())
    } else {
        Err("openssl: -connect is required".into())
    }
}
