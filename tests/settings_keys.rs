//! Of files that hold passwords, only lines of listed keys may be picked: no pattern that a secret key begins with is
//! auto, however short or long, for the file in which that key stands.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use aiops::policy::{Context, Policy, Risk};

/// A file, a harmless key of it, and keys of that program that are secret or may hold secrets.
const FILES: [(&str, &str, &[&str]); 17] = [
    (
        "/etc/postgresql/15/main/postgresql.conf",
        "shared_buffers",
        &[
            "primary_conninfo",
            "archive_command",
            "archive_cleanup_command",
            "restore_command",
            "recovery_end_command",
            "ssl_passphrase_command",
            "ssl_key_file",
            "krb_server_keyfile",
            "app.token",
            "session_authorization",
            "local_preload",
            "oauth",
        ],
    ),
    (
        "/etc/redis/redis.conf",
        "maxmemory",
        &[
            "requirepass",
            "masterauth",
            "masteruser",
            "user ",
            "tls-key-file-pass",
            "tls-client-key-file-pass",
            "rename-command",
            "loadmodule",
            "sentinel auth-pass",
            "sentinel auth-user",
            "aclfile",
        ],
    ),
    (
        "/etc/pgbouncer/pgbouncer.ini",
        "pool_mode",
        &[
            "auth_query",
            "auth_user",
            "auth_file",
            "auth_dbname",
            "admin_users",
            "stats_users",
            "mydb = host",
            "* = host",
            "server_tls_key_file",
            "client_tls_key_file",
            "server_pass",
            "jobs = host",
            "reports =",
        ],
    ),
    (
        "/etc/haproxy/haproxy.cfg",
        "frontend",
        &[
            "user ",
            "password",
            "insecure-password",
            "stats auth",
            "http-request",
            "http-response",
            "http-check",
            "acl ",
            "setenv",
            "presetenv",
            "userlist",
            "option httpchk",
            "use_backend",
            "tcp-request",
            "lua-load",
            "group ",
            "redirect",
            "reqadd",
        ],
    ),
    (
        "/etc/netplan/01.yaml",
        "addresses",
        &[
            "password",
            "auth:",
            "key:",
            "keys:",
            "private",
            "shared",
            "client-key-password",
            "access-points",
            "wifis",
            "modems",
            "peers",
            "identity",
            "anonymous-identity",
            "username",
            "network: {",
            "ethernets: {",
            "tunnels",
            "wg0",
            "- keys",
            "pin:",
            "sim-pin",
            "token",
        ],
    ),
    (
        "/etc/letsencrypt/renewal/x.conf",
        "authenticator",
        &[
            "dns_cloudflare_credentials",
            "pre_hook",
            "post_hook",
            "renew_hook",
            "deploy_hook",
            "manual_auth_hook",
            "manual_cleanup_hook",
            "eab_kid",
            "eab_hmac_key",
        ],
    ),
    (
        "/etc/mysql/my.cnf",
        "max_connections",
        &[
            "password",
            "user",
            "master_password",
            "master_user",
            "report_password",
            "report-password",
            "wsrep_sst_auth",
            "wsrep_provider_options",
            "init_connect",
            "init_file",
            "init-file",
            "early-plugin-load",
            "plugin_load",
            "keyring",
            "ssl_key",
            "ssl-key",
            "validate_password",
            "authentication",
            "federated",
        ],
    ),
    (
        "/etc/php/8.2/fpm/pool.d/www.conf",
        "listen",
        &[
            "env[",
            "env[DB_PASSWORD]",
            "php_admin_value",
            "php_value",
            "php_flag",
            "php_admin_flag",
        ],
    ),
    (
        "/etc/keepalived/keepalived.conf",
        "priority",
        &[
            "auth_pass",
            "auth_type",
            "authentication",
            "password",
            "notify",
            "smtp_server",
            "misc_path",
            "SSL_GET",
            "digest",
        ],
    ),
    (
        "/etc/sssd/sssd.conf",
        "domains",
        &[
            "ldap_default_authtok",
            "ldap_default_bind_dn",
            "ldap_default_authtok_type",
            "ldap_sasl",
            "krb5_keytab",
            "ldap_krb5_keytab",
            "ldap_tls_key",
            "proxy_pam",
        ],
    ),
    (
        "/etc/wireguard/wg0.conf",
        "Address",
        &[
            "PrivateKey",
            "PresharedKey",
            "PostUp",
            "PreUp",
            "PreDown",
            "PostDown",
        ],
    ),
    (
        "/etc/zabbix/zabbix_agentd.conf",
        "Hostname",
        &[
            "TLSPSKFile",
            "TLSPSKIdentity",
            "TLSKeyFile",
            "UserParameter",
            "Alias",
            "Include",
            "LoadModule",
            "Plugins",
        ],
    ),
    (
        "/etc/elasticsearch/elasticsearch.yml",
        "cluster.name",
        &[
            "xpack.security",
            "xpack.notification",
            "s3.client",
            "azure.client",
            "reindex.ssl",
            "repositories",
            "keystore",
            "cloud.id",
            "-Djavax.net.ssl.keyStorePassword",
            "-Des",
        ],
    ),
    (
        "/etc/rabbitmq/rabbitmq.conf",
        "disk_free_limit",
        &[
            "default_pass",
            "default_user",
            "auth_ldap",
            "ssl_options.password",
            "management.ssl",
            "cluster_formation.consul",
            "cluster_formation.etcd",
            "auth_mechanisms",
            "definitions",
            "mqtt.default_pass",
            "stomp",
        ],
    ),
    (
        "/etc/prometheus/prometheus.yml",
        "scrape_interval",
        &[
            "basic_auth",
            "password",
            "bearer_token",
            "authorization",
            "credentials",
            "api_key",
            "slack_api_url",
            "url:",
            "smtp_auth_password",
            "opsgenie_api_key",
            "service_key",
            "routing_key",
            "secret_key",
            "access_key",
            "params",
            "headers",
            "- url",
            "token",
            "global: {",
            "remote_write",
        ],
    ),
    (
        "/srv/app/docker-compose.yml",
        "image:",
        &[
            "environment",
            "env_file",
            "command",
            "entrypoint",
            "build",
            "args",
            "labels",
            "secrets",
            "configs",
            "healthcheck",
            "test:",
            "logging",
            "services: {",
            "web: {",
            "x-",
            "- POSTGRES_PASSWORD",
            "POSTGRES",
            "options",
            "splunk",
        ],
    ),
    (
        "/var/log/audit/audit.log",
        "denied",
        &[
            "type=EXECVE",
            "type=USER_CMD",
            "type=TTY",
            "type=USER_TTY",
            "type=PROCTITLE",
            "proctitle=",
            "cmd=",
            "data=",
            "a0=",
            "a1=",
        ],
    ),
];

fn is_auto(policy: &Policy, line: &str) -> bool {
    let cx = Context {
        target: Some("web1"),
        tags: &[],
        requester: "agent",
        now: chrono::Utc::now(),
        recent: &[],
    };
    let read = aiops::policy::read(line);
    policy.decide(read.as_ref(), &cx).risk == Risk::AutoAllowed
}

#[test]
fn no_beginning_of_a_secret_key_may_be_picked() {
    let policy = Policy::from_sources("production.yml", &|path| {
        aiops::shipped::text(path).map(str::to_owned)
    })
    .unwrap();
    let mut wrong = Vec::new();
    for (file, key, secrets) in FILES {
        let plain = format!("sudo grep -E '^{key}' {file}");
        assert!(is_auto(&policy, &plain), "{plain}");
        for secret in secrets {
            for end in 1..=secret.len() {
                let start = secret[..end].replace('*', "[*]").replace('[', "\\[");
                for line in [
                    format!("sudo grep -E '^{start}' {file}"),
                    format!("sudo grep -iE '^\\s*({key}|{start})' {file}"),
                    format!("sudo grep '^{key}\\|^{start}' {file}"),
                    format!("sudo grep -F '{start}' {file}"),
                ] {
                    if is_auto(&policy, &line) {
                        wrong.push(line);
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
