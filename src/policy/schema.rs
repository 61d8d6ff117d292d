//! The JSON Schema of policies and packs, for editors that complete and check while one writes.
//!
//! `policies/schema.json` is its output; a test holds it against the reader's own fields. The reader, not the
//! schema, decides what a policy is: it also refuses what a schema cannot say.

use super::language::Kind;
use serde_json::{Value, json};

/// The schema as JSON text, with a line feed at its end.
pub fn text() -> String {
    format!("{:#}\n", schema())
}

fn schema() -> Value {
    let text = || json!({"type": "string", "minLength": 1});
    let texts = || json!({"type": "array", "items": {"type": "string", "minLength": 1}});
    let one_or_more =
        || json!({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]});
    let flag = || json!({"type": "boolean"});
    let kinds: Vec<&str> = Kind::ALL
        .iter()
        .filter(|(_, k)| k.is_whole_argv())
        .map(|(n, _)| *n)
        .collect();
    let level = json!({"enum": ["low", "medium", "high", "critical"]});
    let object = |required: &[&str], properties: Value| json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties});
    let by_level = |value: Value| {
        object(
            &[],
            json!({"low": value, "medium": value, "high": value, "critical": value}),
        )
    };
    let operand = object(
        &["type"],
        json!({
            "type": told("A type: path, int(1..10), enum(a|b), like(REGEX), …", text()),
            "min": {"type": "integer", "minimum": 0}, "max": {"type": "integer", "minimum": 0},
            "under": told("Folders and files that may be read; $name is a set", texts()),
            "not": told("What may not, besides `secret`", texts()), "hosts": texts(),
            "glob": flag(), "optional": flag(), "repeat": flag(),
            "as_root": told("Where it may lead as root instead of `under`", texts()),
        }),
    );
    let places = object(
        &[],
        json!({"under": texts(), "not": texts(), "words": texts()}),
    );
    let step = object(
        &["after", "approvals"],
        json!({"after": {"type": "integer", "minimum": 1}, "approvals": {"type": "integer", "minimum": 1}, "roles": texts()}),
    );
    let quorum = json!({"oneOf": [
        {"const": "forbidden"},
        object(&["approvals"], json!({"approvals": {"type": "integer", "minimum": 1}, "roles": texts(), "methods": texts()})),
    ]});
    let limits = object(
        &[],
        json!({
            "under": texts(), "not": texts(), "hosts": texts(), "paths": texts(), "resolvers": texts(), "domains": texts(), "tables": texts(),
            "keys": texts(), "full_output": texts(), "follow_redirects": flag(), "s_client": flag(),
            "max_lines": {"type": "integer", "minimum": 0},
            "namespaces": object(&[], json!({"read": texts(), "approval": texts(), "forbidden": texts()})),
        }),
    );
    let when = object(
        &[],
        json!({
            "targets": texts(), "tags": texts(), "requesters": texts(),
            "hours": object(&["from", "to"], json!({
                "from": told("Time of day, such as 08:00", text()), "to": text(), "days": texts(),
                "offset": told("From UTC, such as +01:00", text()), "tz": told("A place, such as Europe/Berlin", text()),
            })),
            "rate": object(&["max", "per"], json!({"max": {"type": "integer", "minimum": 1}, "per": told("Such as 10m, 1h, 1d", text())})),
        }),
    );
    let rule = object(
        &["id", "about", "decision"],
        json!({
            "id": told("Unique, such as systemd.read", text()),
            "about": told("One sentence; approvers see it", text()),
            "decision": {"enum": ["auto", "approval", "forbidden"]},
            "risk": level,
            "reversibility": {"enum": ["read_only", "reversible", "externally_reversible", "irreversible"]},
            "command": told("A program's name without folders, or several", one_or_more()),
            "subcommands": told("Exact words, such as \"addr show\"", texts()),
            "global_options": told("Options in front of the subcommand", texts()),
            "options": told("\"-n, --lines: int(1..100) required\"", texts()),
            "style": {"enum": ["gnu", "single_dash", "plain"]},
            "operands": {"oneOf": [{"const": "none"}, operand, {"type": "array", "items": operand}]},
            "under": told("For paths in option values", texts()), "not": texts(), "hosts": texts(),
            "reader": {"enum": kinds}, "reader_options": limits,
            "stdin": {"enum": ["any", "pipe_or_operand", "pipe", "silent", "question"]},
            "picked_by": told("keys(a|b): only in front of a grep that picks lines of these keys", text()),
            "sudo": {"enum": ["refused", "allowed"]},
            "run_as": told("Users as whom sudo -u may run it", texts()),
            "env": texts(), "wraps": flag(), "when": when, "hint": text(),
            "unless_auto": told("Gives way to auto rules", flag()),
            "has_option": {"oneOf": [texts(), {"type": "array", "items": texts()}]},
            "lacks_option": texts(), "as_root": flag(),
            "has_operand": object(&[], json!({"at": texts(), "under": texts(), "words": texts(), "expansions": flag(), "but_last": flag()})),
            "has_word": one_or_more(), "redirects_to": places,
            "writes_to": told("Where the command writes, by redirections and the `writes` tables", object(&[], json!({"under": texts(), "at": texts(), "trees": texts(), "words": texts(), "not": texts()}))),
            "pipes_into": texts(), "substituted_into": texts(), "line_regex": text(), "word_regex": text(),
            "probe": text(), "dry_run": text(),
            "match": told("Lines this rule must decide", texts()), "no_match": told("Lines it must not match", texts()),
        }),
    );
    let rules = json!({"type": "array", "items": rule});
    let sets = json!({"type": "object", "additionalProperties": texts()});
    let writes = object(
        &["command"],
        json!({
            "command": one_or_more(),
            "when": told("Holds only with one of these options or words", texts()),
            "options": told("Their value is a file that is written; of= for a word that begins so", texts()),
            "folders": told("Their value is a folder that things are put into", texts()),
            "values": told("Other options that take a value", texts()),
            "operands": {"enum": ["none", "all", "first", "second", "last"]},
            "into": told("The written operand may be a folder for the others", flag()),
            "itself": told("With one of these it is none", texts()),
            "tree": told("With one of these a tree lands there; always", texts()),
            "here": told("Without a folder it writes where it runs", flag()),
            "bare": told("Letters with values of a first word without a dash", json!({"type": "string"})),
            "inside": told("Regular expressions; their group is a file in the text of a word", texts()),
        }),
    );
    let writes = json!({"type": "array", "items": writes});
    let policy = object(
        &["version", "mode", "unknown_default"],
        json!({
            "version": {"const": 1}, "mode": {"enum": ["lab", "production"]},
            "unknown_default": {"enum": ["approval_required", "reject"]},
            "include": texts(),
            "approval": object(&[], json!({"methods": texts(), "separation": flag(), "probes": flag()})),
            "levels": by_level(quorum), "trust": by_level(json!({"type": "array", "items": step})),
            "readable": texts(), "readable_as_root": texts(), "remote": texts(), "secret": texts(), "open": texts(), "hosts": texts(), "sets": sets,
            "writes": writes, "code": told("Programs whose words may hold code", texts()), "rules": rules,
        }),
    );
    let pack = object(
        &["version", "pack", "rules"],
        json!({
            "version": {"const": 1}, "pack": text(), "readable": texts(), "readable_as_root": texts(), "remote": texts(), "secret": texts(), "open": texts(),
            "sets": sets, "writes": writes, "code": texts(), "rules": rules,
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "aiops policy or pack",
        "oneOf": [policy, pack],
    })
}

/// A schema with a remark for whoever writes.
fn told(remark: &str, mut schema: Value) -> Value {
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".into(), remark.into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The fields the reader knows, by its own error about one that it does not.
    fn known(text: &str) -> BTreeSet<String> {
        let error = crate::policy::Policy::parse("p", text)
            .unwrap_err()
            .to_string();
        let (_, list) = error
            .split_once("expected ")
            .unwrap_or_else(|| panic!("{error}"));
        list.lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("one of ")
            .replace(" or ", ", ")
            .split(", ")
            .map(|name| name.trim_matches('`').to_owned())
            .collect()
    }

    fn properties(schema: &Value) -> BTreeSet<String> {
        schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    }

    #[test]
    fn it_names_the_readers_own_fields() {
        let schema = schema();
        let (policy, pack) = (&schema["oneOf"][0], &schema["oneOf"][1]);
        let rule = &policy["properties"]["rules"]["items"];
        let head = "version: 1\nmode: lab\nunknown_default: reject\n";
        let of_rule = |field: &str| {
            format!(
                "{head}rules:\n- id: a\n  about: A\n  decision: auto\n  command: x\n  {field}\n"
            )
        };
        for (text, fields) in [
            (format!("{head}zzz: 1\n"), properties(policy)),
            (of_rule("zzz: 1"), properties(rule)),
            (
                of_rule("when: {zzz: 1}"),
                properties(&rule["properties"]["when"]),
            ),
            (
                of_rule("when: {hours: {zzz: 1}}"),
                properties(&rule["properties"]["when"]["properties"]["hours"]),
            ),
            (
                of_rule("reader_options: {zzz: 1}"),
                properties(&rule["properties"]["reader_options"]),
            ),
            (
                of_rule("has_operand: {zzz: 1}"),
                properties(&rule["properties"]["has_operand"]),
            ),
            (
                of_rule("redirects_to: {zzz: 1}"),
                properties(&rule["properties"]["redirects_to"]),
            ),
            (
                of_rule("writes_to: {zzz: 1}"),
                properties(&rule["properties"]["writes_to"]),
            ),
            (
                format!("{head}writes: [{{zzz: 1}}]\n"),
                properties(&policy["properties"]["writes"]["items"]),
            ),
            (
                format!("{head}approval: {{zzz: 1}}\n"),
                properties(&policy["properties"]["approval"]),
            ),
        ] {
            assert_eq!(known(&text), fields, "{text}");
        }
        let pack_error = crate::policy::Policy::parse("p", &of_rule("risk: low"))
            .unwrap()
            .with_pack("k", "version: 1\npack: k\nrules: []\nzzz: 1\n")
            .unwrap_err()
            .to_string();
        for field in properties(pack) {
            assert!(pack_error.contains(&field), "{field}: {pack_error}");
        }
    }

    #[test]
    fn the_file_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/schema.json");
        let file = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            file == text(),
            "policies/schema.json is not current: run `cargo run -- policy schema > policies/schema.json`"
        );
    }
}
