//! `openssl`: showing certificates, requests and revocation lists.

use super::limits::host_allowed;
use super::{Limits, check_path, host_fits, int_in, plain_word};

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
        Some((&"pkcs7", rest)) if rest.contains(&"-print_certs") => show(rest, limits),
        Some((&"crl2pkcs7", rest)) if rest.contains(&"-nocrl") => bundle(rest, limits),
        Some((&"ciphers", rest)) => ciphers(rest),
        // Of what comes through the pipe.
        Some((&("md5" | "sha1" | "sha256" | "sha512"), [])) => Ok(()),
        Some((&"dgst", ["-md5" | "-sha1" | "-sha256" | "-sha512"])) => Ok(()),
        Some((&"s_client", rest)) if limits.s_client => s_client(rest, limits),
        Some((&"s_client", _)) => {
            Err("openssl: s_client sends what is piped into it; it is not accepted here".into())
        }
        Some((c, _)) => Err(format!("openssl: `{c}` is not accepted")),
        None => Err("openssl: a command is expected".into()),
    }
}

/// `crl2pkcs7 -nocrl`: certificates, put together for `pkcs7 -print_certs` behind a pipe.
fn bundle(words: &[&str], limits: &Limits) -> R {
    let mut it = words.iter();
    while let Some(w) = it.next() {
        match *w {
            "-nocrl" => {}
            "-certfile" => {
                return_path(it.next().copied().unwrap_or(""), limits)?;
            }
            _ => return Err(format!("openssl: `{w}` is not accepted")),
        }
    }
    Ok(())
}

/// `ciphers`: names of ciphers, and at most one list of them.
fn ciphers(words: &[&str]) -> R {
    let is_flag = |w: &&&str| {
        matches!(
            **w,
            "-v" | "-V" | "-s" | "-tls1" | "-tls1_1" | "-tls1_2" | "-tls1_3" | "-stdname"
        )
    };
    let lists: Vec<&&str> = words.iter().filter(|w| !is_flag(w)).collect();
    match lists.as_slice() {
        [] => Ok(()),
        [list] if plain_word(list, ":!+@=_-") => Ok(()),
        _ => Err("openssl: at most one list of ciphers is accepted".into()),
    }
}

fn show(words: &[&str], limits: &Limits) -> R {
    let mut quiet = false;
    let mut it = words.iter();
    while let Some(w) = it.next() {
        match *w {
            "-noout" => quiet = true,
            // What is written besides is the certificate again, which is public.
            "-text" | "-print_certs" => quiet = true,
            "-subject" | "-issuer" | "-dates" | "-enddate" | "-startdate" | "-fingerprint"
            | "-serial" | "-hash" | "-sha256" | "-sha1" | "-sha384" | "-sha512" | "-md5"
            | "-purpose" | "-email" | "-ocsp_uri" | "-modulus" | "-pubkey" | "-subject_hash"
            | "-issuer_hash" | "-subject_hash_old" | "-issuer_hash_old" | "-ocspid" | "-alias"
            | "-lastupdate" | "-nextupdate" | "-crlnumber" | "-verify" | "-nocert" => {}
            "-in" | "-ext" | "-checkend" | "-inform" | "-nameopt" | "-certopt" | "-checkhost"
            | "-checkip" | "-checkemail" | "-dateopt" => {
                let v = it.next().ok_or(format!("openssl: {w} lacks its value"))?;
                let ok = match *w {
                    "-in" => return_path(v, limits)?,
                    "-checkend" => int_in(v, 0, 10_000_000_000, "seconds").is_ok(),
                    "-inform" => matches!(*v, "PEM" | "DER" | "pem" | "der"),
                    _ => plain_word(v, "._,:@-"),
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
            "-verbose" | "-show_chain" | "-x509_strict" | "-partial_chain" | "-no-CAfile"
            | "-no-CApath" | "-no_check_time" | "-trusted_first" => {}
            "-CAfile" | "-CApath" | "-untrusted" | "-trusted" => {
                let v = it.next().ok_or(format!("openssl: {w} lacks its value"))?;
                return_path(v, limits)?;
            }
            "-verify_hostname" | "-purpose" | "-attime" | "-verify_depth" | "-nameopt" => {
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
            | "-tls1"
            | "-tls1_1"
            | "-tls1_2"
            | "-tls1_3"
            | "-no_tls1"
            | "-no_tls1_1"
            | "-no_tls1_2"
            | "-no_tls1_3"
            | "-no_ssl3"
            | "-4"
            | "-6"
            | "-noservername"
            | "-nocommands"
            | "-no_ign_eof"
            | "-tlsextdebug"
            | "-verify_quiet"
            | "-verify_return_error" => {}
            "-CAfile" | "-CApath" => {
                return_path(it.next().copied().unwrap_or(""), limits)?;
            }
            "-connect" => {
                let v = it.next().copied().unwrap_or("");
                let ok = v.rsplit_once(':').is_some_and(|(h, p)| {
                    let bare = h.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
                    // Nothing but a greeting is sent, so networks and domains will do.
                    let fits = |e: &String| host_fits(e, bare.unwrap_or(h));
                    p.parse::<u16>().is_ok_and(|p| {
                        host_allowed(&h.to_ascii_lowercase(), p, limits)
                            || limits.hosts.iter().any(fits)
                    })
                });
                if !ok || connected {
                    return Err(format!("openssl: `{v}` is not an allowed host:port"));
                }
                connected = true;
            }
            "-servername" | "-verify_hostname" | "-starttls" | "-alpn" | "-cipher"
            | "-ciphersuites" | "-groups" | "-curves" | "-sigalgs" | "-verify" | "-xmpphost" => {
                let v = it.next().copied().unwrap_or("");
                if !plain_word(v, ".,:!+_/-") {
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
