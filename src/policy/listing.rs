//! What a policy's rules say, for people and tools: the table of packs, and checks of rules against tools.

use super::options::Value;
use super::rule::Verdict;
use super::{Policy, RiskLevel};
use serde::Serialize;

/// One rule, as far as it can be told in words.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub about: String,
    /// `auto`, `approval` or `forbidden`.
    pub decision: &'static str,
    /// Its level.
    pub risk_level: RiskLevel,
    /// The commands it speaks of; none for any.
    pub commands: Vec<String>,
    /// Its subcommands, as written.
    pub subcommands: Vec<String>,
    /// The options it allows.
    pub options: Vec<ListedOption>,
    /// Whether a reader takes the place of the lists.
    pub reader: Option<&'static str>,
    /// The file it stands in.
    pub file: String,
    /// Lines it decides.
    pub examples: Vec<String>,
}

/// An option that a rule allows.
#[derive(Debug, Clone, Serialize)]
pub struct ListedOption {
    /// Its spellings.
    pub names: Vec<String>,
    /// `none`, `optional` or `required`.
    pub value: &'static str,
}

/// Every rule, by file and then in order.
pub fn list(policy: &Policy) -> Vec<Listed> {
    policy
        .rules
        .iter()
        .map(|rule| Listed {
            id: rule.id.clone(),
            about: rule.about.clone(),
            decision: match rule.verdict {
                Verdict::Auto => "auto",
                Verdict::Approval => "approval",
                Verdict::Forbidden => "forbidden",
            },
            risk_level: rule.level,
            commands: rule.commands.clone(),
            subcommands: rule.subcommands.iter().map(|s| s.join(" ")).collect(),
            options: rule
                .global_options
                .iter()
                .chain(&rule.options)
                .map(|o| ListedOption {
                    names: o.names.clone(),
                    value: match o.value {
                        Value::None => "none",
                        Value::Optional(_) => "optional",
                        Value::Required(_) => "required",
                    },
                })
                .collect(),
            reader: rule.reader.as_ref().map(|(kind, _)| kind.name()),
            file: rule.place.0.clone(),
            examples: rule.matches.clone(),
        })
        .collect()
}

/// The rules as Markdown: a section a file, a table of its rules with the first example of each.
pub fn markdown(rules: &[Listed]) -> String {
    let mut text = String::from(
        "# The packs\n\nWhat the shipped rules say, made by `aiops policy rules --markdown`: do not edit it by hand.\n\
         `auto` rules allow exactly what they list; `approval` and `forbidden` rules look for signs, anywhere in a line.\n",
    );
    let mut file = "";
    for rule in rules {
        if rule.file != file {
            file = &rule.file;
            text.push_str(&format!(
                "\n## {}\n\n| Rule | Decision | About | Example |\n|---|---|---|---|\n",
                cell(file)
            ));
        }
        let level = match (rule.decision, rule.risk_level) {
            ("approval", level) => format!(" ({})", crate::outcome::level_name(level)),
            _ => String::new(),
        };
        text.push_str(&format!(
            "| `{}` | {}{level} | {} | {} |\n",
            rule.id,
            rule.decision,
            cell(&rule.about),
            rule.examples.first().map(|e| code(e)).unwrap_or_default()
        ));
    }
    text
}

/// Text that cannot end a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Code that cannot end itself or a cell.
fn code(text: &str) -> String {
    format!("`` {} ``", cell(text))
}
