//! The forms of secrets, as their makers document them.

use super::Form;
use regex::Regex;
use std::sync::LazyLock;

macro_rules! form {
    ($name:literal, $needs:expr, $pattern:expr) => {
        form!($name, $needs, $pattern, concat!("[masked:", $name, "]"))
    };
    ($name:literal, $needs:expr, $pattern:expr, $replacement:expr) => {
        form!($needs, 0, $pattern, $replacement)
    };
    // Without any text of its own: the length of the shortest word that it can be.
    ($name:literal, word of $length:literal, $pattern:expr) => {
        form!([""], $length, $pattern, concat!("[masked:", $name, "]"))
    };
    ($needs:expr, $word:literal, $pattern:expr, $replacement:expr) => {
        Form {
            needs: &$needs,
            word: $word,
            pattern: LazyLock::new(|| Regex::new($pattern).ok()),
            replacement: $replacement,
        }
    };
}

/// Secrets that are known by their own form. The order matters: what holds others comes first.
pub(super) static FORMS: [Form; 46] = [
    form!(
        "private-key",
        ["PRIVATE KEY"],
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)"
    ),
    // The head of the key was left out of a long output, or never asked for.
    form!(
        "private-key",
        ["PRIVATE KEY"],
        r"(?:[A-Za-z0-9+/=]{16,}\s+)*[A-Za-z0-9+/=]*\s*-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    ),
    form!(
        "private-key",
        ["Private-Lines"],
        r"(Private-Lines: [0-9]+)(?:\r?\n[A-Za-z0-9+/=]{16,})+",
        "${1}\n[masked:private-key]"
    ),
    form!(
        "age-key",
        ["AGE-SECRET-KEY-"],
        r"AGE-SECRET-KEY-1[0-9A-Z]{50,}"
    ),
    form!(
        "jwt",
        ["eyJ"],
        r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4}"
    ),
    form!(
        "aws-access-key",
        ["AKIA", "ASIA", "ABIA", "ACCA"],
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"
    ),
    form!(
        "google-key",
        ["AIza", "ya29.", "GOCSPX-", "1//0"],
        r"\b(?:AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{20,})"
    ),
    form!(
        "azure-secret",
        ["Q~"],
        r"\b[A-Za-z0-9_.-]{3}[78]Q~[A-Za-z0-9_.~-]{31,34}"
    ),
    form!(
        "github-token",
        ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"
    ),
    form!(
        "gitlab-token",
        ["gl"],
        r"\bgl(?:pat|dt|rt|rtr|cbt|ptt|ft|soat|agent|imt|oas|ffct)-[A-Za-z0-9_.-]{20,}"
    ),
    form!(
        "slack-token",
        ["xox", "xapp-", "hooks.slack.com"],
        r"\b(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,})|hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]+"
    ),
    form!(
        "telegram-token",
        [":AA"],
        r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b"
    ),
    form!(
        "discord-token",
        word of 59,
        r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}"
    ),
    form!(
        "webhook",
        ["/api/webhooks/", "webhook.office.com", "/bot/v2/hook/"],
        r"(?:discord(?:app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]{40,}|webhook\.office\.com/webhookb2/[A-Za-z0-9@/_-]+|open\.feishu\.cn/open-apis/bot/v2/hook/[A-Za-z0-9-]+)"
    ),
    form!(
        "api-key",
        ["sk-", "sk_", "rk_", "whsec_", "hf_", "r8_", "gsk_", "xai-"],
        r"\b(?:xai-[A-Za-z0-9]{60,}|sk-(?:ant-|proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,}|[sr]k_(?:live|test)_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/=]{20,}|hf_[A-Za-z]{34}|r8_[A-Za-z0-9]{37}|gsk_[A-Za-z0-9]{40,})"
    ),
    form!(
        "mail-key",
        ["SG.", "key-", "-us", "xkeysib-", "re_"],
        r"\b(?:SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}|key-[0-9a-f]{32}|[0-9a-f]{32}-us[0-9]{1,2}|xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16})\b"
    ),
    form!("twilio-key", ["SK"], r"\bSK[0-9a-f]{32}\b"),
    form!(
        "registry-token",
        ["npm_", "pypi-", "rubygems_", "dckr_pat_", "cio"],
        r"\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}|rubygems_[0-9a-f]{48}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}|cio[A-Za-z0-9]{32}\b)"
    ),
    form!(
        "cloud-token",
        [
            "_v1_", "dapi", "shp", "hv", "atlasv1", "pscale_", "sbp_", "HRKU-", "tskey-"
        ],
        r"\b(?:do[opr]_v1_[0-9a-f]{64}|dapi[0-9a-f]{32}\b|shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}|hv[sbr]\.[A-Za-z0-9_-]{24,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}|sbp_[0-9a-f]{40}|HRKU-[A-Za-z0-9_-]{30,}|tskey-(?:auth|api|client)-[A-Za-z0-9-]{20,})"
    ),
    form!(
        "service-token",
        [
            "gl", "NRAK-", "sntry", "dp.", "lin_api_", "ntn_", "ATATT3", "ops_eyJ", "PMAK-",
            "figd_", "secret_"
        ],
        r"\b(?:glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/=]{32,}|NRAK-[A-Z0-9]{27}|sntry[su]_[A-Za-z0-9_+/=-]{40,}|dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9._-]{40,}|lin_api_[A-Za-z0-9]{40}|ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43}\b|ATATT3[A-Za-z0-9_=-]{100,}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|figd_[A-Za-z0-9_-]{40,})"
    ),
    form!(
        "password-hash",
        ["$"],
        r"\$(?:1|5|6|7|y|gy|apr1|2[abxy]|argon2(?:id|i|d)|scrypt|pbkdf2(?:-sha(?:256|512))?)\$[A-Za-z0-9./$,=+-]{20,}"
    ),
    form!(
        "password-hash",
        ["{S", "{MD5}", "{CRYPT}"],
        r"\{(?:SSHA|SHA|SSHA256|SSHA512|SMD5|MD5|CRYPT)(?:256|512)?\}[A-Za-z0-9+/=$.]{20,}"
    ),
    // The last @ before the path ends the credentials: a password may hold one (RFC 3986 wants it encoded).
    form!(
        "password",
        ["://"],
        r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\x22?#\[]*:)([^\s/@'\x22\[][^\s/'\x22]*|\[[^\s/'\x22m][^\s/'\x22]*)@",
        "${1}[masked:password]@"
    ),
    form!(
        "password",
        ["://"],
        r"([a-z][a-z0-9+.-]*://)[A-Za-z0-9_-]{20,}@",
        "${1}[masked:password]@"
    ),
    form!(
        "authorization",
        ["uthorization", "UTHORIZATION"],
        r"(?i)(authorization\\*[\x22']?\s*[:=]\s*\\*[\x22']?(?:basic|bearer|token|digest|negotiate|apikey|aws4-hmac-sha256)?[ \t]*)[A-Za-z0-9._~+/=:-]{8,}",
        "${1}[masked:authorization]"
    ),
    form!(
        "authorization",
        ["earer ", "EARER "],
        r"(?i)(\bbearer +)[A-Za-z0-9._~+/-]{20,}=*",
        "${1}[masked:authorization]"
    ),
    form!(
        "cookie",
        ["ookie:", "OOKIE:"],
        r"(?i)(\b(?:set-)?cookie:[ \t]*[^\s=;]+=)[^\s;'\x22\[][^\r\n'\x22]*",
        "${1}[masked:cookie]"
    ),
    form!(
        "signature",
        ["ignature=", "sig="],
        r"(?i)([?&](?:x-amz-signature|x-goog-signature|signature|sig)=)[A-Za-z0-9%+/=_-]{16,}",
        "${1}[masked:signature]"
    ),
    form!(
        "storage-key",
        ["AccountKey", "SharedAccessKey", "accountkey"],
        r"(?i)((?:shared)?a(?:ccount|ccess)key=)[A-Za-z0-9+/]{20,}={0,2}",
        "${1}[masked:storage-key]"
    ),
    form!(
        "private-key",
        ["rivateKey", "resharedKey"],
        r"((?:PrivateKey|PresharedKey)[ \t]*=[ \t]*)[A-Za-z0-9+/]{43}=",
        "${1}[masked:private-key]"
    ),
    form!(
        "private-key",
        ["client-key-data"],
        r"(client-key-data[\x22']?:[ \t]*[\x22']?)[A-Za-z0-9+/=]{40,}",
        "${1}[masked:private-key]"
    ),
    form!(
        "registry-auth",
        ["auth"],
        r#"("(?:auth|identitytoken|registrytoken)\\*"\s*:\s*\\*")[A-Za-z0-9+/=._-]{8,}"#,
        "${1}[masked:registry-auth]"
    ),
    // netrc(5)
    form!(
        "password",
        ["login"],
        r"(\blogin[ \t\n]+\S+[ \t\n]+password[ \t\n]+)[^\s\[]\S*",
        "${1}[masked:password]"
    ),
    // ~/.pgpass: host:port:database:user:password
    form!(
        "password",
        [":5432:", ":5433:", ":6432:", ":*:"],
        r"(?m)^([^:\s]+:(?:5432|5433|6432|\*):[^:\s]+:[^:\s]+:)[^\s\[]\S*$",
        "${1}[masked:password]"
    ),
    // Programs that take a password behind a letter: mysql -pX, sshpass -p X, redis-cli -a X, ldapsearch -w X.
    form!(
        "password",
        ["mysql", "mariadb", "sshpass", "redis-cli", "ldap"],
        r"(\b(?:(?:mysql|mariadb)[a-z_-]*\b[^|;&\n]*?[ \t]-p|sshpass[ \t]+-p[ \t]*|redis-cli\b[^|;&\n]*?[ \t]-a[ \t]*|ldap(?:search|modify|add|delete|whoami|passwd)\b[^|;&\n]*?[ \t]-w[ \t]*))(?:'[^'\n]+'|\x22[^\x22\n]+\x22|[^\s'\x22\[-][^\s]*)",
        "${1}[masked:password]"
    ),
    // curl -u name:password, openssl -passin pass:…, smbclient -U name%password.
    form!(
        "password",
        ["curl", "wget", "pass:", "smb", "http"],
        r"(\b(?:curl|http|https|xh)\b[^|;&\n]*?[ \t](?:-u|--user|-U|--proxy-user|-a|--auth)[ \t=]*[\x22']?[^\s:'\x22]+:|[ \t]-pass(?:in|out|)[ \t]+[\x22']?pass:|\bsmb(?:client|map|get)\b[^|;&\n]*?[ \t]-U[ \t]*[\x22']?[^\s%'\x22]+%)[^\s'\x22\[][^\s'\x22]*",
        "${1}[masked:password]"
    ),
    // A password with a slash in it, which RFC 3986 wants encoded and databases take.
    form!(
        "password",
        ["://"],
        r"((?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver)://[^\s/:@'\x22]*:)[^\s/@'\x22\[0-9]*[^\s/@'\x22\[0-9][^\s/@'\x22\[]*/[^\s@'\x22]*@",
        "${1}[masked:password]@"
    ),
    // The same, percent-encoded.
    form!(
        "password",
        ["%3A%2F%2F", "%3a%2f%2f"],
        r"(?i)(%3A%2F%2F[a-z0-9._~-]*%3A)(?:[a-z0-9._~!*+-]|%(?:[0-35-9a-f][0-9a-f]|4[1-9a-f]))+%40",
        "${1}[masked:password]%40"
    ),
    // user:password@tcp(host:port)/database of Go's drivers; user/password@host of Oracle's.
    form!(
        "password",
        ["@tcp", "@unix("],
        r"(\b[A-Za-z0-9_.-]+:)[^\s@'\x22\[\]][^\s@'\x22\[\]]*@(tcp6?|unix)\(",
        "${1}[masked:password]@${2}("
    ),
    form!(
        "password",
        ["oracle", "sqlplus"],
        r"((?:jdbc:oracle:[a-z]+:|\bsqlplus\b[^|;&\n]*?[ \t])[A-Za-z0-9_$#]+/)[^\s/@'\x22\[][^\s@'\x22]*@",
        "${1}[masked:password]@"
    ),
    // SQL: PASSWORD '…', IDENTIFIED BY '…'.
    form!(
        "password",
        ["assword", "ASSWORD", "dentified", "DENTIFIED"],
        r"(?i)(\b(?:password|identified(?:[ \t]+with[ \t]+\S+)?[ \t]+(?:by|as))(?:[ \t]*\([ \t]*|[ \t]+))(?:'[^'\n]+'|\x22[^\x22\n]+\x22)",
        "${1}[masked:password]"
    ),
    // redis.conf, and what redis-cli prints of it.
    form!(
        "password",
        ["requirepass", "masterauth"],
        r"(\b(?:requirepass|masterauth)\x22?(?:[ \t]+|\r?\n(?:[0-9]+\) )?))(?:\x22[^\x22\n]+\x22|[^\s\x22\[][^\s\x22]*)",
        "${1}[masked:password]"
    ),
    // What is piped into a program that wants a password: chpasswd, sudo -S, docker login --password-stdin.
    form!(
        "password",
        ["chpasswd"],
        r"(\b(?:echo|printf)[ \t]+(?:-[a-z]+[ \t]+)*[\x22']?[^\s:'\x22|]+:)[^\s'\x22|\[][^\s'\x22|]*([\x22']?[ \t]*\|[ \t]*(?:sudo[ \t]+)?chpasswd)",
        "${1}[masked:password]${2}"
    ),
    form!(
        "password",
        ["stdin", "sudo -S", "sudo -kS"],
        r"(\b(?:echo|printf)[ \t]+(?:-[a-z]+[ \t]+)*)(?:'[^'\n]+'|\x22[^\x22\n]+\x22|[^\s'\x22|\[][^\s|]*)([ \t]*\|[ \t]*(?:sudo[ \t]+-k?S\b|[^|\n]*(?:--(?:password-|passphrase-|token-)?stdin)\b))",
        "${1}[masked:password]${2}"
    ),
    // A letter again: docker login -p, mongosh -p, unzip -P, ssh-keygen -N, useradd -p, htpasswd -b FILE USER.
    form!(
        "password",
        [
            "login",
            "mongo",
            "cqlsh",
            "zip",
            "7z",
            "ssh-keygen",
            "openssl",
            "user",
            "mosquitto_",
            "htpasswd"
        ],
        r"(\b(?:(?:docker|podman|nerdctl|buildah|helm|oras|skopeo|az|oc)\b[^|;&\n]*?\blogin\b[^|;&\n]*?[ \t]-p[ \t=]+|(?:mongo[a-z]*|cqlsh)\b[^|;&\n]*?[ \t]-p[ \t]*|(?:un)?zip\b[^|;&\n]*?[ \t]-P[ \t]*|7z[ar]?\b[^|;&\n]*?[ \t]-p|ssh-keygen\b[^|;&\n]*?[ \t]-N[ \t]*|openssl\b[^|;&\n]*?[ \t]-k[ \t]+|user(?:add|mod)\b[^|;&\n]*?[ \t]-p[ \t]*|mosquitto_[a-z]+\b[^|;&\n]*?[ \t]-P[ \t]*|htpasswd\b[^|;&\n]*?[ \t]-[a-zA-Z]*b[a-zA-Z]*[ \t]+\S+[ \t]+\S+[ \t]+))(?:'[^'\n]+'|\x22[^\x22\n]+\x22|[^\s'\x22\[-][^\s]*)",
        "${1}[masked:password]"
    ),
    form!(
        "password",
        ["ssh-keygen"],
        r"(\bssh-keygen\b[^|;&\n]*?[ \t]-P[ \t]*)(?:'[^'\n]+'|\x22[^\x22\n]+\x22|[^\s'\x22\[-][^\s]*)",
        "${1}[masked:password]"
    ),
];

macro_rules! names {
    () => {
        r"(?:[a-z0-9_.-]*[_.-])?(?:pass|psk)|[a-z0-9_.-]*(?:password|passwort|kennwort|passwd|passphrase|passcode|pwd|secret|secret[_-]?key|secret[_-]?key[_-]?base|api[_-]?key|access[_-]?key|auth[_-]?key|account[_-]?key|private[_-]?key|encryption[_-]?key|signing[_-]?key|master[_-]?key|token|credential|credentials)"
    };
}

/// Quotes may stand behind backslashes: JSON in JSON, as logs have it.
macro_rules! quoted {
    () => {
        r#"\\*"[^"\n]*"|\\*'[^'\n]*'"#
    };
}

/// A pattern with the groups `name` and, at its end, `value`.
pub(super) struct Assigned {
    /// Text without which it cannot match; empty for one that always must be tried.
    pub needs: &'static [&'static str],
    pub pattern: LazyLock<Option<Regex>>,
}

macro_rules! assigned {
    ($needs:expr, $pattern:expr) => {
        Assigned {
            needs: &$needs,
            pattern: LazyLock::new(|| Regex::new($pattern).ok()),
        }
    };
}

/// Secrets that are known by the name they are given to: `name` and `value`.
pub(super) static ASSIGNED: [Assigned; 8] = [
    // password: | and the value on the next line, in YAML.
    assigned!(
        ["|", ">"],
        concat!(
            r#"(?im)^[ \t]*(?:-[ \t]+)?["']?(?P<name>"#,
            names!(),
            r#")["']?[ \t]*:[ \t]*[|>][+-]?[ \t]*\r?\n[ \t]+(?P<value>[^\s\[][^\r\n]*)"#
        )
    ),
    // name: DB_PASSWORD, value: … of Kubernetes and others; <property name="password" value="…"/>.
    assigned!(
        ["value", "Value", "VALUE"],
        concat!(
            r#"(?i)\b(?:name|key)\\*["']?\s*[:=]\s*\\*["']?(?P<name>"#,
            names!(),
            r#")\\*["']?\s*,?\s*\\*["']?value\\*["']?\s*[:=]\s*(?P<value>"#,
            quoted!(),
            r#"|[^\s"',}/>\\\[]+)"#
        )
    ),
    // <password>…</password>
    assigned!(
        ["</"],
        concat!(
            r"(?i)<(?:[a-z0-9_-]+:)?(?P<name>",
            names!(),
            r")(?:[ \t][^<>\n]*)?>(?P<value>[^<>\s\[][^<>\n]*)"
        )
    ),
    // password%3D…, %22password%22%3A%22…%22
    assigned!(
        ["%3D", "%3d", "%3A", "%3a"],
        concat!(
            r"(?i)(?:^|[^a-z0-9_./-])(?P<name>",
            names!(),
            r")(?:%5C)*(?:%22|%27)?(?:%3D|%3A)(?:%20|\+)?(?:%5C)*(?:%22|%27)?(?P<value>(?:[a-z0-9._~!*()+-]|%(?:2[013-57-9a-f]|[013-9a-f][0-9a-f]))+)"
        )
    ),
    // 'X-Auth-Token: value', in quotes as on a command line.
    assigned!(
        [": ", ":"],
        r#"(?i)["'](?P<name>[a-z0-9-]*(?:token|api-?key|secret|password|auth-key)):[ \t]*(?P<value>[^\s"'\[][^"'\r\n]*)"#
    ),
    // NAME=value, "name"="value", --name=value; not /etc/passwd=… and not file.pwd=….
    assigned!(
        ["="],
        concat!(
            r"(?i)(?:^|[^a-z0-9_./-]|--?)(?P<name>",
            names!(),
            r#")\\*["']?[ \t]*(?:=|:=|=>)[ \t]*(?P<value>"#,
            quoted!(),
            r#"|[^\s"',;&|)}\]\\][^\s"',;&|)}\]]*)"#
        )
    ),
    // "name": "value", and name: value up to the end of a line or a comment, as in YAML and headers. A
    // colon in a sentence, as in `cat: passwd: No such file`, is none.
    assigned!(
        [":"],
        concat!(
            r"(?im)(?:^|[^a-z0-9_./-])(?P<name>",
            names!(),
            r#")\\*["']?[ \t]*:[ \t]*(?P<value>"#,
            quoted!(),
            r#"|[^\s"',;{}\[\]\\][^\s"',;{}\[\]]*[ \t]*(?:$|\r|[,}]|[ \t]\#))"#
        )
    ),
    // --password value
    assigned!(
        ["-"],
        r#"(?i)[ \t]--?(?P<name>[a-z0-9-]*(?:password|passwd|passphrase|token|secret|secret-key|access-key|api-key|apikey|private-key))[ \t]+(?P<value>"[^"\n]+"|'[^'\n]+'|[^\s"'-][^\s"']*)"#
    ),
];
