//! `redis-cli`: commands that read the server's state.

use super::limits::{glob, host_allowed};
use super::{Limits, int_in, plain_word};

type R = Result<(), String>;

/// Checks all words after `redis-cli`.
///
/// # Errors
/// The word that is not accepted.
pub fn check(words: &[&str], limits: &Limits) -> R {
    let (mut host, mut port) = ("127.0.0.1", 6379u16);
    let mut i = 0;
    while let Some(w) = words.get(i).filter(|w| w.starts_with('-')) {
        let v = words.get(i + 1).copied().unwrap_or("");
        match *w {
            "--raw" | "--no-raw" | "--no-auth-warning" | "--csv" | "--json" => i += 1,
            "-h" => {
                host = v;
                i += 2;
            }
            "-p" => {
                port = v
                    .parse()
                    .map_err(|_| format!("redis-cli: `{v}` is not a port"))?;
                i += 2;
            }
            "-n" => {
                int_in(v, 0, 1024, "database")?;
                i += 2;
            }
            _ => return Err(format!("redis-cli: option `{w}` is not accepted")),
        }
    }
    if !host_allowed(&host.to_ascii_lowercase(), port, limits) {
        return Err(format!(
            "redis-cli: host `{host}` port {port} is not one this rule may ask"
        ));
    }
    let rest: Vec<String> = words
        .get(i..)
        .unwrap_or_default()
        .iter()
        .map(|w| w.to_ascii_uppercase())
        .collect();
    let upper: Vec<&str> = rest.iter().map(String::as_str).collect();
    let raw = words.get(i..).unwrap_or_default();
    match upper.as_slice() {
        ["PING" | "DBSIZE" | "TIME" | "LASTSAVE" | "ROLE" | "INFO"] => Ok(()),
        ["INFO", section] if plain_word(section, "_") => Ok(()),
        ["SLOWLOG", "LEN"]
        | ["CLIENT", "LIST" | "INFO" | "ID"]
        | ["MEMORY", "STATS" | "DOCTOR"] => Ok(()),
        ["SLOWLOG", "GET"]
        | ["LATENCY", "LATEST" | "DOCTOR"]
        | ["CLUSTER", "INFO" | "NODES" | "SLOTS" | "SHARDS"]
        | ["COMMAND", "COUNT"] => Ok(()),
        ["SLOWLOG", "GET", n] => int_in(n, 1, 1000, "count").map(|_| ()),
        ["CONFIG", "GET", name] if is_config(name) => Ok(()),
        [
            "EXISTS" | "TYPE" | "TTL" | "PTTL" | "STRLEN" | "LLEN" | "HLEN" | "SCARD" | "ZCARD"
            | "XLEN",
            key,
        ] if plain_word(key, "._:{}-") => Ok(()),
        ["MEMORY", "USAGE", key]
        | ["OBJECT", "ENCODING" | "IDLETIME" | "FREQ" | "REFCOUNT", key]
            if plain_word(key, "._:{}-") =>
        {
            Ok(())
        }
        ["GET", _] | ["HGETALL", _] => {
            let key = raw.get(1).copied().unwrap_or("");
            if limits
                .keys
                .iter()
                .any(|k| glob(k.as_bytes(), key.as_bytes()))
            {
                Ok(())
            } else {
                Err(format!(
                    "redis-cli: the value of `{key}` may not be read by this rule"
                ))
            }
        }
        [] => Err("redis-cli: without a command it reads them from stdin".into()),
        _ => Err(format!("redis-cli: `{}` is not accepted", raw.join(" "))),
    }
}

fn is_config(name: &str) -> bool {
    matches!(
        name,
        "MAXMEMORY"
            | "MAXMEMORY-POLICY"
            | "MAXMEMORY*"
            | "MAXCLIENTS"
            | "TIMEOUT"
            | "SAVE"
            | "APPENDONLY"
            | "APPENDFSYNC"
            | "DIR"
            | "DBFILENAME"
            | "PORT"
            | "BIND"
            | "DATABASES"
            | "LOGLEVEL"
            | "LOGFILE"
            | "TCP-KEEPALIVE"
            | "TCP-BACKLOG"
            | "SLOWLOG-LOG-SLOWER-THAN"
            | "SLOWLOG-MAX-LEN"
            | "LATENCY-MONITOR-THRESHOLD"
            | "PROTECTED-MODE"
    )
}
