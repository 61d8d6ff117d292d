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
            "--raw" | "--no-raw" | "--no-auth-warning" | "--csv" | "--json" | "-2" | "-3"
            | "-c" => i += 1,
            // A few times, with seconds between.
            "-r" => {
                int_in(v, 1, 100, "count")?;
                i += 2;
            }
            "-i" if words.contains(&"-r") => {
                int_in(v, 0, 10, "interval")?;
                i += 2;
            }
            // The server's own folder, where nobody else listens.
            "-s" if ["/run/redis/", "/var/run/redis/"]
                .iter()
                .any(|d| v.strip_prefix(d).is_some_and(|n| plain_word(n, "._-"))) =>
            {
                i += 2
            }
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
        ["INFO", sections @ ..] if sections.iter().all(|s| plain_word(s, "_")) => Ok(()),
        ["SENTINEL", "MASTERS"]
        | ["ACL", "WHOAMI"]
        | ["PUBSUB", "CHANNELS" | "NUMPAT" | "SHARDCHANNELS"] => Ok(()),
        [
            "SENTINEL",
            "MASTER" | "REPLICAS" | "SLAVES" | "SENTINELS" | "GET-MASTER-ADDR-BY-NAME" | "CKQUORUM",
            name,
        ] if plain_word(name, "._-") => Ok(()),
        ["LATENCY", "HISTOGRAM"]
        | ["MEMORY", "MALLOC-STATS"]
        | ["CLIENT", "GETNAME" | "TRACKINGINFO"]
        | ["COMMAND", "STATS"]
        | ["CLUSTER", "MYID" | "LINKS"] => Ok(()),
        ["LATENCY", "HISTORY", event] if plain_word(event, "-") => Ok(()),
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
            | "HZ"
            | "LAZYFREE*"
            | "LAZYFREE-LAZY-EVICTION"
            | "MAXMEMORY-SAMPLES"
            | "MAXMEMORY-CLIENTS"
            | "CLIENT-OUTPUT-BUFFER-LIMIT"
            | "REPL-BACKLOG-SIZE"
            | "REPL-TIMEOUT"
            | "REPL-DISKLESS-SYNC"
            | "MIN-REPLICAS-TO-WRITE"
            | "REPLICA-READ-ONLY"
            | "REPLICA-PRIORITY"
            | "AUTO-AOF-REWRITE-PERCENTAGE"
            | "AUTO-AOF-REWRITE-MIN-SIZE"
            | "NO-APPENDFSYNC-ON-REWRITE"
            | "AOF-USE-RDB-PREAMBLE"
            | "STOP-WRITES-ON-BGSAVE-ERROR"
            | "RDBCOMPRESSION"
            | "ACTIVEDEFRAG"
            | "IO-THREADS"
            | "CLUSTER-ENABLED"
            | "CLUSTER-NODE-TIMEOUT"
            | "NOTIFY-KEYSPACE-EVENTS"
            | "LFU-LOG-FACTOR"
            | "SUPERVISED"
            | "DAEMONIZE"
    )
}
