//! What people do at a terminal besides voting: freeze, thaw, look at an approval, enrol, trust.
//!
//! On an installed gateway they may not read what is the gate's; sudo brings them here by a rule
//! without arguments (sudoers wildcards match too much), and what they want comes on standard input.
//! Must never believe that message about who they are: the kernel says it.

use super::{Fault, Gate, freeze, learn, people};
use crate::outcome::Exit;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;

/// Longest message, in bytes.
const MAX: u64 = 64 * 1024;

/// One thing that a person wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// `aiops freeze`.
    Freeze {
        /// The target; none for all.
        target: Option<String>,
        /// Why.
        why: String,
        /// Also end what runs.
        now: bool,
    },
    /// `aiops thaw`.
    Thaw {
        /// The target; none for the freeze of all.
        target: Option<String>,
    },
    /// `aiops approval show`.
    Show {
        /// Code or id.
        code: String,
        /// As JSON.
        json: bool,
        /// Exactly the text that is signed.
        signable: bool,
    },
    /// `aiops approver add --totp`.
    Enrol {
        /// Whom.
        name: String,
        /// Even if there is a secret.
        replace: bool,
    },
    /// `aiops approver remove --totp`.
    Forget {
        /// Whom.
        name: String,
    },
    /// `aiops approver list`.
    People,
    /// `aiops trust show`.
    Trust {
        /// As JSON.
        json: bool,
    },
    /// `aiops trust reset`.
    Distrust {
        /// The rule; none for all.
        rule: Option<String>,
    },
}

impl Act {
    /// Reads one from standard input.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(input: &mut impl Read) -> Result<Act, Fault> {
        let mut text = String::new();
        input
            .take(MAX)
            .read_to_string(&mut text)
            .map_err(|e| e.to_string())
            .and_then(|_| serde_json::from_str(&text).map_err(|e| e.to_string()))
            .map_err(|e| Fault {
                exit: Exit::BadInput,
                message: format!("the message is not one of a person's: {e}"),
            })
    }

    /// Does it, as whom the kernel says; what there is to tell.
    ///
    /// # Errors
    /// When it cannot or may not be done.
    pub fn carry_out(&self, config: &Path) -> Result<String, Fault> {
        match self {
            Act::Freeze { target, why, now } => {
                freeze::freeze(config, target.as_deref(), why, *now)
            }
            Act::Thaw { target } => freeze::thaw(config, target.as_deref()),
            Act::Show {
                code,
                json,
                signable,
            } => show(config, code, *json, *signable),
            Act::Enrol { name, replace } => people::enrol(config, name, *replace),
            Act::Forget { name } => people::remove(config, name),
            Act::People => people::list(config),
            Act::Trust { json } => learn::trust_show(config, *json),
            Act::Distrust { rule } => learn::trust_reset(config, rule.as_deref()),
        }
    }
}

/// `aiops approval show`.
fn show(config: &Path, code: &str, json: bool, signable: bool) -> Result<String, Fault> {
    let gate = Gate::open(config)?;
    let Some(approval) = gate.find_approval(code)? else {
        return Err(Fault {
            exit: Exit::NotApplied,
            message: format!(
                "no approval has the code or id {}",
                crate::display::escape(code)
            ),
        });
    };
    if signable {
        return Ok(approval.signable());
    }
    let value = serde_json::to_value(approval.without_codes()).map_err(|e| Fault {
        exit: Exit::Internal,
        message: e.to_string(),
    })?;
    Ok(if json {
        format!("{value:#}\n")
    } else {
        indented(&value, 0)
    })
}

/// A JSON value as `key: value` lines.
fn indented(value: &serde_json::Value, depth: usize) -> String {
    let pad = "  ".repeat(depth);
    let shown = crate::display::escape;
    match value {
        serde_json::Value::Object(map) => map
            .iter()
            .map(|(key, value)| match value {
                serde_json::Value::Object(_) => {
                    format!("{pad}{key}:\n{}", indented(value, depth + 1))
                }
                serde_json::Value::String(text) => format!("{pad}{key}: {}\n", shown(text)),
                other => format!("{pad}{key}: {}\n", shown(&other.to_string())),
            })
            .collect(),
        other => format!("{pad}{}\n", shown(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        let act = Act::Freeze {
            target: None,
            why: "x".into(),
            now: true,
        };
        let text = serde_json::to_string(&act).unwrap();
        assert_eq!(Act::read(&mut text.as_bytes()).unwrap(), act);
        for bad in [
            "",
            "{}",
            "Approve",
            r#"{"act":"run","command":"id"}"#,
            r#"{"act":"thaw","target":null,"who":"alice"}"#,
            &format!("{text}{text}"),
        ] {
            assert_eq!(
                Act::read(&mut bad.as_bytes()).unwrap_err().exit,
                Exit::BadInput,
                "{bad}"
            );
        }
    }
}
