//! Secrets in the forms their makers give them are masked; what only looks like one is not.
//! The tokens here are made up from pieces, so that no scanner takes this file for a leak.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use aiops::audit::mask::mask;
use std::fs;
use support::Gate;

/// `n` letters and digits without a pattern.
fn noise(n: usize, alphabet: &str) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = 0x2545_f491_4f6c_dd1du64;
    (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            letters[(state >> 33) as usize % letters.len()]
        })
        .collect()
}

fn word(n: usize) -> String {
    noise(
        n,
        "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789",
    )
}

fn hex(n: usize) -> String {
    noise(n, "0123456789abcdef")
}

fn upper(n: usize) -> String {
    noise(n, "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789")
}

fn letters(n: usize) -> String {
    noise(n, "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ")
}

/// (kind, token) as the makers write them.
fn tokens() -> Vec<(&'static str, String)> {
    let jwt = format!("eyJ{}.eyJ{}.{}", word(33), word(60), word(43));
    vec![
        ("aws-access-key", format!("AKIA{}", upper(16))),
        ("aws-access-key", format!("ASIA{}", upper(16))),
        ("google-key", format!("AIza{}", word(35))),
        ("google-key", format!("ya29.{}", word(120))),
        ("google-key", format!("GOCSPX-{}", word(28))),
        ("azure-secret", format!("{}8Q~{}", word(3), word(34))),
        ("github-token", format!("ghp_{}", word(36))),
        ("github-token", format!("gho_{}", word(36))),
        ("github-token", format!("ghs_{}", word(36))),
        (
            "github-token",
            format!("github_pat_{}_{}", word(22), word(59)),
        ),
        ("gitlab-token", format!("glpat-{}", word(20))),
        ("gitlab-token", format!("glrt-{}", word(20))),
        (
            "slack-token",
            format!("xoxb-{}-{}-{}", "1".repeat(12), "2".repeat(13), word(24)),
        ),
        (
            "slack-token",
            format!("xapp-1-{}-{}-{}", upper(11), "3".repeat(13), hex(64)),
        ),
        (
            "slack-token",
            format!(
                "hooks.slack.com/services/T{}/B{}/{}",
                upper(8),
                upper(8),
                word(24)
            ),
        ),
        (
            "telegram-token",
            format!("{}:AA{}", "1".repeat(10), word(33)),
        ),
        (
            "discord-token",
            format!("M{}.{}.{}", word(25), word(6), word(38)),
        ),
        (
            "webhook",
            format!("discord.com/api/webhooks/{}/{}", "4".repeat(18), word(68)),
        ),
        ("api-key", format!("sk-{}", word(48))),
        ("api-key", format!("sk-proj-{}", word(60))),
        ("api-key", format!("sk-ant-api03-{}", word(90))),
        ("api-key", format!("sk_live_{}", word(24))),
        ("api-key", format!("rk_live_{}", word(24))),
        ("api-key", format!("whsec_{}", word(32))),
        ("api-key", format!("hf_{}", letters(34))),
        ("mail-key", format!("SG.{}.{}", word(22), word(43))),
        ("mail-key", format!("key-{}", hex(32))),
        ("mail-key", format!("{}-us12", hex(32))),
        ("twilio-key", format!("SK{}", hex(32))),
        ("registry-token", format!("npm_{}", word(36))),
        (
            "registry-token",
            format!("pypi-AgEIcHlwaS5vcmc{}", word(80)),
        ),
        ("registry-token", format!("rubygems_{}", hex(48))),
        ("registry-token", format!("dckr_pat_{}", word(27))),
        ("cloud-token", format!("dop_v1_{}", hex(64))),
        ("cloud-token", format!("dapi{}", hex(32))),
        ("cloud-token", format!("shpat_{}", hex(32))),
        ("cloud-token", format!("hvs.{}", word(90))),
        ("cloud-token", format!("{}.atlasv1.{}", word(14), word(67))),
        (
            "cloud-token",
            format!("tskey-auth-{}-{}", word(12), word(32)),
        ),
        ("service-token", format!("glsa_{}_{}", word(32), hex(8))),
        ("service-token", format!("NRAK-{}", upper(27))),
        ("service-token", format!("lin_api_{}", word(40))),
        ("service-token", format!("dp.pt.{}", word(43))),
        ("jwt", jwt),
        (
            "jwt",
            format!("eyJ{}..{}.{}.{}", word(40), word(16), word(80), word(22)),
        ),
        ("age-key", format!("AGE-SECRET-KEY-1{}", upper(58))),
        ("password-hash", format!("$6${}${}", word(16), word(86))),
        ("password-hash", format!("$y$j9T${}${}", word(22), word(43))),
        ("password-hash", format!("$2b$12${}", word(53))),
        ("password-hash", format!("$apr1${}${}", word(8), word(22))),
    ]
}

#[test]
fn tokens_are_masked_wherever_they_stand() {
    for (kind, token) in tokens() {
        for text in [
            token.clone(),
            format!("got {token}."),
            format!("x=\"{token}\","),
            format!("'{token}'"),
            format!("https://example.org/?q={token}&b=1"),
            format!("line\n{token}\nline"),
            format!("{{\"value\":\"{token}\"}}"),
            format!("-H 'X-Thing: {token}'"),
        ] {
            let masked = mask(&text);
            // No six characters in a row of what is secret are left.
            let secret = &token[token.len() - 12..];
            assert!(
                !masked.contains(secret) && masked.contains("[masked:"),
                "{kind}: {text:?} became {masked:?}"
            );
        }
        assert!(
            mask(&token).contains(&format!("[masked:{kind}]")),
            "{kind}: {token} became {}",
            mask(&token)
        );
    }
}

#[test]
fn secrets_known_by_their_place_are_masked() {
    let base64 = word(64);
    for (text, kept) in [
        ("password=hunter2", "password="),
        ("PASSWORD = hunter2", "PASSWORD = "),
        ("DB_PASSWORD: hunter2", "DB_PASSWORD: "),
        (
            "  spring.datasource.password: hunter2",
            "spring.datasource.password: ",
        ),
        ("{\"password\": \"hunter2\", \"a\": 1}", "\"a\": 1}"),
        ("{\"clientSecret\":\"hunter2\"}", "clientSecret"),
        ("PGPASSWORD='hunter2 two' psql -h db", " psql -h db"),
        ("export API_KEY=hunter2; next", "; next"),
        (
            "aws_secret_access_key = hunter2/+abc",
            "aws_secret_access_key = ",
        ),
        ("mysql --password=hunter2 -e x", " -e x"),
        ("mysql -u root -phunter2 app", " app"),
        ("mysqldump -h db -p'hunter2 x' app", " app"),
        ("sshpass -p hunter2 ssh h", " ssh h"),
        ("redis-cli -h r -a hunter2 ping", " ping"),
        ("ldapsearch -D cn=x -w hunter2 -b dc=y", " -b dc=y"),
        ("curl -u admin:hunter2 http://h/", "http://h/"),
        ("curl -s --user 'admin:hunter2' http://h/", "http://h/"),
        (
            "openssl pkcs12 -in f -passin pass:hunter2 -nodes",
            " -nodes",
        ),
        ("smbclient //h/s -U bob%hunter2 -c ls", " -c ls"),
        ("tool --token hunter2 list", " list"),
        ("tool --api-key \"hunter2 b\" list", " list"),
        ("postgres://app:hunter2@db:5432/x", "@db:5432/x"),
        ("redis://:hunter2@r/0", "@r/0"),
        ("amqp://u:hunter2@h", "@h"),
        ("mongodb+srv://u:hunter2@c.example/?w=1", "@c.example/?w=1"),
        ("https://u:hun@ter2@h/x", "@h/x"),
        (
            "Server=db;Database=x;User Id=sa;Password=hunter2;Encrypt=true",
            ";Encrypt=true",
        ),
        ("Authorization: Basic aHVudGVyMg==", "Authorization: Basic "),
        (
            "authorization: bearer hunter2hunter2",
            "authorization: bearer ",
        ),
        (
            "\"Authorization\": \"Token hunter2hunter2\"",
            "Authorization",
        ),
        ("Cookie: session=hunter2; theme=dark", "Cookie: session="),
        ("Set-Cookie: sid=hunter2; HttpOnly", "Set-Cookie: sid="),
        ("X-Api-Key: hunter2", "X-Api-Key: "),
        ("X-Vault-Token: hunter2", "X-Vault-Token: "),
        (
            "machine h login bob password hunter2",
            "machine h login bob password ",
        ),
        (
            "db.example:5432:app:bob:hunter2",
            "db.example:5432:app:bob:",
        ),
        (
            "//nas/x /mnt/x cifs username=bob,password=hunter2,uid=1 0 0",
            "//nas/x /mnt/x cifs username=bob,password=",
        ),
        ("secret_key_base: hunter2", "secret_key_base: "),
        ("SECRET_KEY=hunter2", "SECRET_KEY="),
        ("?access_token=hunter2&x=1", "&x=1"),
    ] {
        let masked = mask(text);
        for secret in ["hunter2", "aHVudGVyMg"] {
            assert!(!masked.contains(secret), "{text:?} became {masked:?}");
        }
        assert!(
            masked.contains("[masked:") && masked.contains(kept),
            "{text:?} became {masked:?}"
        );
    }
    for text in [
        format!("AccountName=x;AccountKey={base64}==;EndpointSuffix=y"),
        format!("https://h/c?sv=1&sig={base64}%3D&se=2"),
        format!("https://b.s3.example/k?X-Amz-Signature={base64}"),
        format!("PrivateKey = {}=", &base64[..43]),
        format!("    client-key-data: {base64}"),
        format!("{{\"auths\":{{\"h\":{{\"auth\":\"{base64}\"}}}}}}"),
        format!("https://{}@git.example/r.git", &base64[..30]),
        format!("curl -H 'Bearer {base64}'"),
        format!("userPassword: {{SSHA}}{}", &base64[..32]),
    ] {
        let masked = mask(&text);
        assert!(
            !masked.contains(&base64[5..20]),
            "{text:?} became {masked:?}"
        );
    }
}

#[test]
fn private_keys_are_masked_whole_or_cut() {
    let lines: String = (0..5).map(|_| word(64) + "\n").collect();
    let secret = &lines[10..40];
    for kind in [
        "OPENSSH PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        let (begin, end) = (
            format!("-----BEGIN {kind}-----"),
            format!("-----END {kind}-----"),
        );
        for text in [
            format!("a\n{begin}\n{lines}{end}\nb"),
            format!("a\n{begin}\nProc-Type: 4,ENCRYPTED\n\n{lines}{end}\nb"),
            format!(
                "{{\"private_key\": \"{begin}\\n{}\\n{end}\\n\"}}",
                lines.replace('\n', "\\n")
            ),
            format!("{begin}\n{lines}"),
            format!("[… 4242 bytes left out …]\n{lines}{end}\nb"),
            format!("{begin}\r\n{}{end}", lines.replace('\n', "\r\n")),
        ] {
            let masked = mask(&text);
            assert!(
                !masked.contains(secret) && masked.contains("[masked:private-key]"),
                "{text} became {masked}"
            );
        }
    }
    let putty = format!("Private-Lines: 5\n{lines}Private-MAC: 00");
    let masked = mask(&putty);
    assert!(
        !masked.contains(secret) && masked.ends_with("Private-MAC: 00"),
        "{masked}"
    );
}

#[test]
fn what_is_no_secret_stays() {
    let fixed = [
        "uptime",
        "cat: /etc/passwd: Permission denied",
        "cat: passwd: No such file or directory",
        "stat: cannot stat '/run/secrets/token': No such file or directory",
        "passwd:         files systemd",
        "passwd: files",
        "root:x:0:0:root:/root:/bin/bash",
        "systemctl status pwd.service",
        "Failed password for root from 10.0.0.1 port 22 ssh2",
        "Accepted publickey for bob from 10.0.0.1 port 4711 ssh2: ED25519 SHA256:4bDQvZxqYwP1mJ3kTn8uRsWcFgHiLoXeAyBdEfGhIjK",
        "PasswordAuthentication no",
        "PermitEmptyPasswords no",
        "password_required: true",
        "token: true",
        "password=$DB_PASSWORD",
        "password=\"${DB_PASSWORD}\"",
        "--password-file /run/secrets/db",
        "DB_PASSWORD_FILE=/run/secrets/db",
        "token=<your token>",
        "password: ********",
        "Enter password:",
        "Password:\nLast login: today",
        "[sudo] password for bob:",
        "token bucket",
        "tokens: 4096",
        "max_tokens=4096",
        "the secret of good logs",
        "secretary: Bob",
        "compass=north",
        "bypass=1",
        "http://localhost:8080/health",
        "https://example.org/a:b@c",
        "git@github.com:org/repo.git",
        "ssh://git@host:22/x",
        "user@host:/path",
        "mysql -p",
        "mysql -u root -p app",
        "mysql -h db --port 3306",
        "curl -u admin http://h/",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJkPqvUJ5mJQ0eGqyQxZ bob@host",
        "PublicKey = x",
        "sk-short",
        "glibc-2.36",
        "gl-render",
        "key-value",
        "npm_config_cache=/tmp",
        "Nov 21 08:00:00 host kernel: usb 1-1: new device",
        "12:30:45:99:00:11",
        "tcp LISTEN 0 128 0.0.0.0:5432 0.0.0.0:*",
        "src/main.rs:5432:let:x",
        "author: Bob",
        "authorized_keys: 3",
        "Set-Cookie is a header",
        "v1.2.3-rc.4+build.5",
        "a.b.c",
        "MODE.simple.example",
        "aud:exp:5432",
        "$5 and $6 for $1",
        "$1$2",
        "overpass=1",
        "pass: 12, fail: 3",
        "1 passed; 0 failed",
        "nginx: [emerg] unexpected \"}\" in /etc/nginx/nginx.conf:12",
        "PWD=/home/bob OLDPWD=/tmp",
        "LS_COLORS=rs=0:di=01;34",
        "XDG_RUNTIME_DIR=/run/user/0",
        "Loaded: loaded (/lib/systemd/system/nginx.service; enabled; preset: enabled)",
        "Main PID: 812 (nginx)",
        "primary_key=id",
        "key=value",
        "keyboard: us",
        "monkey: 1",
    ];
    for text in fixed {
        assert_eq!(mask(text), text);
    }
    for text in [
        hex(64),
        hex(40),
        hex(32),
        format!("sha256:{}", hex(64)),
        format!("sha512-{}==", word(86)),
        "550e8400-e29b-41d4-a716-446655440000".to_owned(),
        format!("commit {}", hex(40)),
        format!("image: registry.example/app@sha256:{}", hex(64)),
        format!("digest: {}", hex(64)),
        format!("ETag: \"{}\"", hex(32)),
        format!("nginx-{}-{}", hex(10), noise(5, "bcdfghjklmnpqrstvwxz")),
        format!("/var/lib/docker/overlay2/{}/merged", hex(64)),
        format!("data: {}", word(200)),
    ] {
        assert_eq!(mask(&text), text);
    }
}

/// What is known by its place in the forms that logs, manifests and shells give it.
#[test]
fn secrets_are_found_through_escapes_colours_and_encodings() {
    for text in [
        // Colours, as they come and as they are shown.
        "\\x1b[01;31m\\x1b[Kpassword\\x1b[m\\x1b[K=hunter2",
        "\x1b[1;34m\"password\"\x1b[0m\x1b[1m:\x1b[0m \x1b[32m\"hunter2\"\x1b[0m",
        // JSON in JSON.
        r#"{\"password\":\"hunter2\",\"a\":1}"#,
        r#"{\\\"password\\\":\\\"hunter2\\\"}"#,
        r#"{"msg":"{\"db\":{\"password\": \"hunter2 x\"}}"}"#,
        r#"password=\"hunter2\" x"#,
        r#"{\"Authorization\": \"Basic aHVudGVyMjpodW50ZXIy\"}"#,
        // Percent-encoded.
        "password%3Dhunter2%26x%3D1",
        "%22password%22%3A%22hunter2%22",
        "postgres%3A%2F%2Fapp%3Ahunter2%40db%3A5432%2Fx",
        // Addresses with a password in them.
        "postgres://app:hunter2@x@db:5432/x",
        "postgresql://app:hunter2/3@db/x",
        "dsn: app:hunter2@tcp(db:3306)/x",
        "jdbc:oracle:thin:scott/hunter2@//db:1521/x",
        "sqlplus scott/hunter2@db",
        // Manifests.
        "  password: |\n    hunter2\n  x: 1",
        "password: >-\n  hunter2",
        "password: hunter2 # the one",
        "- name: DB_PASSWORD\n          value: \"hunter2\"",
        "name: DB_PASSWORD\n  value: hunter2",
        "{\"name\":\"DB_PASSWORD\",\"value\":\"hunter2\"}",
        "<password>hunter2</password>",
        "<add key=\"DbPassword\" value=\"hunter2\" />",
        "<property name=\"password\" value=\"hunter2\"/>",
        "psk=\"hunter2\"",
        "wpa_psk=hunter2",
        "Passwort=hunter2",
        // SQL and redis.
        "ALTER USER bob WITH PASSWORD 'hunter2';",
        "CREATE USER 'a'@'h' IDENTIFIED BY 'hunter2';",
        "CREATE USER a IDENTIFIED WITH mysql_native_password BY 'hunter2'",
        "SET PASSWORD FOR 'a' = PASSWORD('hunter2')",
        "requirepass hunter2",
        "requirepass\nhunter2",
        "1) \"requirepass\"\n2) \"hunter2\"",
        "masterauth hunter2",
        // Command lines.
        "curl -H 'X-Auth-Token: hunter2' h",
        "docker login -u bob -p hunter2 reg",
        "helm registry login -p hunter2",
        "az login -u a -p hunter2",
        "mongosh -u a -p hunter2 --host h",
        "cqlsh -u a -p hunter2",
        "mosquitto_pub -u a -P hunter2 -t x",
        "influx -username a -password hunter2",
        "unzip -P hunter2 a.zip",
        "7z x -phunter2 a.7z",
        "openssl enc -aes256 -k hunter2",
        "ssh-keygen -p -P hunter2 -N hunter2 -f x",
        "useradd -p hunter2 bob",
        "htpasswd -b f bob hunter2",
        "htpasswd -nbB bob x hunter2",
        "echo bob:hunter2 | chpasswd",
        "echo 'bob:hunter2' | sudo chpasswd",
        "echo hunter2 | sudo -S ls",
        "echo 'hunter2 x' | docker login -u a --password-stdin",
        "printf hunter2 | passwd --stdin bob",
    ] {
        let masked = mask(text);
        for secret in ["hunter2", "aHVudGVyMj"] {
            assert!(!masked.contains(secret), "{text:?} became {masked:?}");
        }
        assert!(masked.contains("[masked:"), "{text:?} became {masked:?}");
        assert_eq!(mask(&masked), masked);
    }
    // Through the middle of a token.
    let token = format!("ghp_{}", word(36));
    let masked = mask(&format!("{}\x1b[31m{}", &token[..12], &token[12..])).into_owned();
    assert_eq!(masked, "[masked:github-token]");
    // Colours around what is no secret stay.
    let plain = "\\x1b[32mactive (running)\\x1b[0m key=value";
    assert_eq!(mask(plain), plain);
}

#[test]
fn what_looks_like_those_forms_and_is_none_stays() {
    for text in [
        "docker run -p 80:80 mysql",
        "docker run -d -p 8080:80 nginx",
        "password varchar(255) NOT NULL",
        "CREATE TABLE t (password varchar(64))",
        "IDENTIFIED BY PASSWORD",
        "password authentication failed for user \"bob\"",
        "secret \"db\" not found",
        "requirepass",
        "# requirepass",
        "ssh-keygen -t ed25519 -N '' -f key",
        "unzip -p a.zip b",
        "zip -r a.zip b",
        "useradd -m bob",
        "echo done | systemctl status",
        "echo a:b | cat",
        "secretKeyRef:\n  name: db\n  key: password\n",
        "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: {}",
        "nginx.ingress.kubernetes.io/auth-secret: basic-auth",
        "imagePullSecrets:\n- name: reg",
        "secretName: tls-cert",
        "description: |\n  about the password",
        "<passwordPolicy>strict</passwordPolicy>",
        "<a href=\"/reset-password\">Forgot?</a>",
        "q=password%20reset",
        "InvocationID=0123456789abcdef0123456789abcdef",
        "sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=",
        "http://a:8080/x@y",
        "postgres://db:5432/x",
        "time=12:30:00 level=info token_count=12",
        "openssl x509 -in a -noout",
        "git log --author=x --oneline",
        "curl -H 'Accept: application/json' h",
        "curl -H 'X-Request-Id: 7' h",
    ] {
        assert_eq!(mask(text), text);
    }
}

#[test]
fn a_secret_is_not_halved_where_a_long_output_is_cut() {
    let gate = Gate::build(false, "limits: { output_bytes: 1024 }");
    let token = format!("ghp_{}", word(36));
    let key = format!(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}-----END OPENSSH PRIVATE KEY-----\n",
        (0..6).map(|_| word(70) + "\n").collect::<String>()
    );
    let filler = "x y ".repeat(400) + "\n";
    // The cut falls on every byte of what is secret, and before and behind it.
    for (n, before) in (440..520).step_by(4).enumerate() {
        let words = "ok ".repeat(before / 3);
        let lines = "ok\n".repeat(before / 3);
        let texts = [
            format!("{lines}token is {token} here\n{filler}{token} is the token\n{lines}"),
            format!("{words}{token} {filler}{filler} {token} {words}"),
            format!("{lines}PASSWORD=\"{token}\"\n{filler}PASSWORD=\"{token}\"\n{lines}"),
            format!("{lines}{key}{filler}{key}{lines}"),
        ];
        let text = &texts[n % texts.len()];
        gate.write("long", text);
        let answer = gate
            .ask("here", &format!("cat {}", gate.path("long").display()))
            .0;
        let answer = match answer["status"].as_str() {
            Some("approval_requested") => gate.send("Approve").0,
            _ => answer,
        };
        assert_eq!(answer["status"], "executed", "{answer}");
        assert_eq!(answer["stdout_truncated"], true);
        let out = answer["stdout"].as_str().unwrap();
        for secret in [&token[..], &key[40..60], &key[200..230], &key[420..440]] {
            for at in 0..secret.len().saturating_sub(12) {
                assert!(!out.contains(&secret[at..at + 12]), "at {before}: {out}");
            }
        }
    }
}

/// What common commands print of this machine has no secret in it, and stays as it is.
#[test]
fn ordinary_output_stays() {
    for file in [
        "/etc/services",
        "/etc/nsswitch.conf",
        "/etc/passwd",
        "/etc/group",
        "/etc/hosts",
        "/proc/cpuinfo",
        "/proc/mounts",
        "/proc/net/tcp",
    ] {
        let Ok(text) = fs::read_to_string(file) else {
            continue;
        };
        assert_eq!(mask(&text), text, "{file}");
    }
    for document in [
        "README.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "Cargo.lock",
        "src/gate/job.rs",
        "src/audit/log.rs",
    ] {
        let text = fs::read_to_string(document).unwrap();
        let masked = mask(&text);
        for (a, b) in text.lines().zip(masked.lines()) {
            assert_eq!(a, b, "{document}");
        }
    }
}

#[test]
fn neither_the_agent_nor_the_log_gets_a_secret_that_a_command_prints() {
    let gate = Gate::local();
    let token = format!("ghp_{}", word(36));
    let key = format!(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
        word(70)
    );
    gate.write(
        "app.env",
        &format!("PORT=80\nDB_PASSWORD=hunter2\nTOKEN={token}\n{key}"),
    );
    gate.ask("here", &format!("cat {}", gate.path("app.env").display()));
    let (answer, _) = gate.send("Approve");
    let (answer, log) = if answer["status"] == "executed" {
        (
            answer,
            fs::read_to_string(gate.path("audit.jsonl")).unwrap(),
        )
    } else {
        let (answer, _) = gate.ask("here", &format!("cat {}", gate.path("app.env").display()));
        (
            answer,
            fs::read_to_string(gate.path("audit.jsonl")).unwrap(),
        )
    };
    assert_eq!(answer["status"], "executed", "{answer}");
    let stdout = answer["stdout"].as_str().unwrap();
    assert!(
        stdout.contains("PORT=80\n") && stdout.contains("[masked:private-key]"),
        "{stdout}"
    );
    for text in [answer.to_string(), log] {
        for secret in ["hunter2", &token[10..], &key[50..80]] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    // On standard error too.
    let (answer, _) = gate.ask("here", "ls '/x password=hunter2'");
    assert!(
        !answer["stderr"].to_string().contains("hunter2")
            && answer["stderr"].to_string().contains("[masked:secret]"),
        "{answer}"
    );
}
