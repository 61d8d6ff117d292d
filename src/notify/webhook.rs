//! HTTP POST in the shapes of ntfy, Slack and Telegram, or as plain JSON.
//!
//! `curl` does the TLS. Everything it needs goes through its standard input: an argument could be
//! read by every user of the machine.

use super::{Notice, TIME_LIMIT, feed};
use crate::config::{Shape, Url, check_url};
use std::path::Path;
use std::process::Command;

/// curl reads no longer line of a configuration.
const MAX_BODY: usize = 90 * 1024;
/// Telegram takes no longer message.
const MAX_TELEGRAM: usize = 4096;

pub(super) fn send(
    shape: Shape,
    url: &Url,
    token_file: Option<&Path>,
    chat: Option<&str>,
    notice: &Notice,
) -> Result<(), String> {
    let url = match url {
        Url::Plain(url) => url.clone(),
        Url::File(file) => secret(file)?,
    };
    let token = token_file.map(secret).transpose()?;
    let config = config(shape, &url, token.as_deref(), chat, notice)?;
    let mut command = Command::new("curl");
    // -q first: no ~/.curlrc. Redirects are not followed: the code goes nowhere else.
    command.args([
        "-q",
        "--silent",
        "--fail",
        "--proto",
        "=http,https",
        "--max-time",
    ]);
    command.arg((TIME_LIMIT.as_secs() - 1).to_string()).args([
        "--output",
        "/dev/null",
        "--config",
        "-",
    ]);
    let ended = feed(command, config.as_bytes())?;
    match ended.code() {
        Some(0) => Ok(()),
        Some(6) => Err("its host is not known (curl 6)".into()),
        Some(7) => Err("its host takes no connection (curl 7)".into()),
        Some(22) => Err("it answered with an HTTP error (curl 22)".into()),
        Some(28) => Err("it did not answer in time (curl 28)".into()),
        Some(35 | 51 | 60 | 77) => Err("its certificate is not accepted (curl 60)".into()),
        _ => Err(format!("curl ended with {ended}")),
    }
}

fn secret(file: &Path) -> Result<String, String> {
    let text = crate::approval::files::read(file)
        .map_err(|e| e.to_string())?
        .ok_or_else(|| format!("{}: there is no such file", file.display()))?;
    let text = text.trim().to_owned();
    if text.is_empty() || text.len() > 2048 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!(
            "{}: it must hold one line of plain characters",
            file.display()
        ));
    }
    Ok(text)
}

/// What curl reads on its standard input (curl(1), --config).
fn config(
    shape: Shape,
    url: &str,
    token: Option<&str>,
    chat: Option<&str>,
    notice: &Notice,
) -> Result<String, String> {
    let mut headers = Vec::new();
    let mut url = url.to_owned();
    let body = match shape {
        Shape::Json => notice.json.to_string(),
        Shape::Slack => {
            // docs.slack.dev: these three are all that must be escaped, and then nothing is a link or a mention.
            let text = notice
                .text
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;");
            serde_json::json!({ "text": format!("```\n{}\n```", text.replace("```", "'''")) })
                .to_string()
        }
        Shape::Telegram => {
            if notice.text.encode_utf16().count() > MAX_TELEGRAM {
                return Err(format!(
                    "the question is longer than the {MAX_TELEGRAM} characters that it takes"
                ));
            }
            url = format!(
                "{}/bot{}/sendMessage",
                url.trim_end_matches('/'),
                token.unwrap_or_default()
            );
            serde_json::json!({ "chat_id": chat, "text": notice.text, "disable_web_page_preview": true }).to_string()
        }
        Shape::Ntfy => {
            headers.push(format!("Title: {}", notice.subject));
            headers.push(format!(
                "Priority: {}",
                if notice.urgent { "high" } else { "default" }
            ));
            headers.push("Content-Type: text/plain; charset=utf-8".to_owned());
            notice.text.clone()
        }
    };
    if shape != Shape::Ntfy {
        headers.push("Content-Type: application/json".to_owned());
    }
    if let (Some(token), false) = (token, shape == Shape::Telegram) {
        headers.push(format!("Authorization: Bearer {token}"));
    }
    if body.len() > MAX_BODY {
        return Err("the question is too long for a webhook".into());
    }
    check_url(&url)?;
    // `@` at the beginning would make curl read a file.
    if body.starts_with('@') {
        return Err("the question begins with @".into());
    }
    let mut text = format!("url = {}\ndata-binary = {}\n", quoted(&url), quoted(&body));
    for header in headers {
        text.push_str(&format!("header = {}\n", quoted(&header)));
    }
    Ok(text)
}

fn quoted(text: &str) -> String {
    let text = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\t', "\\t")
        .replace('\r', "\\r");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_add_a_line_to_curl_s_configuration() {
        let notice = Notice {
            subject: "s".into(),
            text: "a\"\nurl = \"http://evil\" \\".into(),
            json: serde_json::json!({}),
            urgent: true,
        };
        let text = config(Shape::Ntfy, "https://ntfy.sh/x", Some("tk"), None, &notice).unwrap();
        assert_eq!(
            text.lines().filter(|l| l.starts_with("url")).count(),
            1,
            "{text}"
        );
        assert!(
            text.contains(r#"data-binary = "a\"\nurl = \"http://evil\" \\""#),
            "{text}"
        );
        assert!(text.contains("Bearer tk"));
        let slack = config(
            Shape::Slack,
            "https://h/x",
            None,
            None,
            &Notice {
                text: "<!channel> ``` &".into(),
                ..notice
            },
        )
        .unwrap();
        assert!(slack.contains("&lt;!channel&gt; ''' &amp;"), "{slack}");
    }
}
