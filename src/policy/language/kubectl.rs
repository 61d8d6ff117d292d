//! `kubectl`: which line only reads, which changes, and which must never run.

use super::{Class, Limits, int_in, plain_word};
use crate::policy::RiskLevel;

type R = Result<(), String>;

/// Plural name, and every spelling kubectl takes for it.
const RESOURCES: &[(&str, &[&str])] = &[
    ("pods", &["pod", "po"]),
    (
        "deployments",
        &[
            "deployment",
            "deploy",
            "deployments.apps",
            "deployment.apps",
        ],
    ),
    ("services", &["service", "svc"]),
    ("nodes", &["node", "no"]),
    ("namespaces", &["namespace", "ns"]),
    ("replicasets", &["replicaset", "rs"]),
    ("statefulsets", &["statefulset", "sts"]),
    ("daemonsets", &["daemonset", "ds"]),
    ("jobs", &["job"]),
    ("cronjobs", &["cronjob", "cj"]),
    ("ingresses", &["ingress", "ing"]),
    ("ingressclasses", &["ingressclass"]),
    ("configmaps", &["configmap", "cm"]),
    ("events", &["event", "ev"]),
    ("endpoints", &["ep"]),
    ("endpointslices", &["endpointslice"]),
    ("persistentvolumes", &["persistentvolume", "pv"]),
    ("persistentvolumeclaims", &["persistentvolumeclaim", "pvc"]),
    ("storageclasses", &["storageclass", "sc"]),
    ("serviceaccounts", &["serviceaccount", "sa"]),
    ("replicationcontrollers", &["replicationcontroller", "rc"]),
    (
        "horizontalpodautoscalers",
        &["horizontalpodautoscaler", "hpa"],
    ),
    ("poddisruptionbudgets", &["poddisruptionbudget", "pdb"]),
    ("networkpolicies", &["networkpolicy", "netpol"]),
    ("resourcequotas", &["resourcequota", "quota"]),
    ("limitranges", &["limitrange", "limits"]),
    ("roles", &["role"]),
    ("rolebindings", &["rolebinding"]),
    ("clusterroles", &["clusterrole"]),
    ("clusterrolebindings", &["clusterrolebinding"]),
    (
        "customresourcedefinitions",
        &["customresourcedefinition", "crd", "crds"],
    ),
    ("priorityclasses", &["priorityclass", "pc"]),
    ("leases", &["lease"]),
    ("volumeattachments", &["volumeattachment"]),
    ("componentstatuses", &["componentstatus", "cs"]),
    ("apiservices", &["apiservice"]),
    ("certificates", &["certificate", "cert"]),
    (
        "certificatesigningrequests",
        &["certificatesigningrequest", "csr"],
    ),
    ("all", &[]),
];

fn resource(word: &str) -> Option<&'static str> {
    RESOURCES
        .iter()
        .find(|(p, o)| *p == word || o.contains(&word))
        .map(|(p, _)| *p)
}

/// Options with a value: letters, long name.
const VALUED: &[(&str, &str)] = &[
    ("-n", "--namespace"),
    ("-o", "--output"),
    ("-l", "--selector"),
    ("", "--field-selector"),
    ("", "--sort-by"),
    ("", "--tail"),
    ("", "--since"),
    ("", "--since-time"),
    ("-c", "--container"),
    ("", "--limit-bytes"),
    ("-L", "--label-columns"),
    ("", "--request-timeout"),
    ("", "--revision"),
    ("", "--timeout"),
    ("", "--api-group"),
    ("", "--types"),
    ("", "--for"),
    ("", "--chunk-size"),
];
const FLAGS: &[&str] = &[
    "-A",
    "--all-namespaces",
    "--no-headers",
    "--show-labels",
    "--show-kind",
    "--previous",
    "-p",
    "--timestamps",
    "--all-containers",
    "--prefix",
    "--short",
    "--client",
    "--containers",
    "--namespaced",
    "--ignore-not-found",
    "--recursive",
    "--list",
    "--watch=false",
    "--follow=false",
    "--all-namespaces=true",
];

/// Words and options told apart.
struct Parsed<'a> {
    words: Vec<&'a str>,
    options: Vec<(&'static str, &'a str)>,
    flags: Vec<&'a str>,
}

impl Parsed<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, v)| *v)
    }
}

fn parse<'a>(words: &[&'a str]) -> Result<Parsed<'a>, String> {
    let mut p = Parsed {
        words: vec![],
        options: vec![],
        flags: vec![],
    };
    let mut it = words.iter();
    while let Some(w) = it.next() {
        if !w.starts_with('-') {
            p.words.push(w);
        } else if FLAGS.contains(w) {
            p.flags.push(w);
        } else {
            let short = !w.starts_with("--") && w.len() > 2 && w.as_bytes().get(2) != Some(&b'=');
            let (name, glued) = match w.split_once('=') {
                Some((n, v)) if !short => (n, Some(v)),
                _ if !w.starts_with("--") && w.len() > 2 && w.is_char_boundary(2) => {
                    (&w[..2], Some(&w[2..]))
                }
                _ => (*w, None),
            };
            let Some((_, long)) = VALUED.iter().find(|(s, l)| *s == name || *l == name) else {
                return Err(format!("kubectl: option `{w}` is not accepted"));
            };
            let value = match glued {
                Some(v) => v,
                None => it.next().ok_or(format!("kubectl: {w} lacks its value"))?,
            };
            if p.get(long).is_some() {
                return Err(format!("kubectl: {long} stands twice"));
            }
            p.options.push((long, value));
        }
    }
    Ok(p)
}

/// Checks all words after `kubectl`.
///
/// # Errors
/// The word that is not accepted.
pub fn check(words: &[&str], limits: &Limits) -> R {
    let p = parse(words)?;
    values(&p, limits)?;
    let bare = |n: usize| {
        if p.words.len() == n {
            Ok(())
        } else {
            Err("kubectl: words that are not accepted here".to_string())
        }
    };
    match p.words.as_slice() {
        ["version" | "cluster-info" | "api-resources" | "api-versions"] => Ok(()),
        ["config", "current-context" | "get-contexts"] => Ok(()),
        ["explain", what] if plain_word(what, ".-") => Ok(()),
        ["events"] => Ok(()),
        ["auth", "can-i", verb, what] if plain_word(verb, "-*") && plain_word(what, ".-/*") => {
            Ok(())
        }
        ["auth", "can-i"] if p.flags.contains(&"--list") => Ok(()),
        ["auth", "whoami"] => Ok(()),
        [
            "top",
            "nodes" | "node" | "no" | "pods" | "pod" | "po",
            rest @ ..,
        ] => names(rest),
        ["rollout", "status" | "history", rest @ ..] if !rest.is_empty() => {
            let ends = p.get("--timeout").is_some() || p.flags.contains(&"--watch=false");
            if p.words.get(1) == Some(&"status") && !ends {
                return Err("kubectl: rollout status waits; add --timeout=30s".into());
            }
            if p.get("--output").is_some() || p.get("--revision").is_some() {
                return Err("kubectl: a revision in full shows its environment".into());
            }
            targets(rest).map(|_| ())
        }
        ["wait", rest @ ..] if !rest.is_empty() => {
            if p.get("--timeout").is_none() || p.get("--for").is_none() {
                return Err("kubectl: wait needs --for and --timeout=30s".into());
            }
            targets(rest).map(|_| ())
        }
        ["logs", rest @ ..] if !rest.is_empty() || p.get("--selector").is_some() => {
            if p.get("--tail").is_none() && p.get("--since").is_none() {
                return Err("kubectl: logs need --tail or --since; add --tail=200".into());
            }
            log_target(rest)
        }
        ["get", rest @ ..] => {
            let kinds = targets(rest)?;
            get_output(&p, &kinds, limits)
        }
        ["describe", rest @ ..] => {
            let kinds = targets(rest)?;
            // describe shows a configmap's data and a pod's environment.
            let open = ["configmaps", "all"];
            match kinds
                .iter()
                .find(|k| open.contains(k) && !limits.full_output.iter().any(|f| f == *k))
            {
                Some(k) => Err(format!("kubectl: describe {k} shows its data")),
                None => Ok(()),
            }
        }
        [] => bare(1),
        [verb, ..] => Err(format!("kubectl: `{verb}` is not accepted as a read")),
    }
}

/// Values of options and namespaces.
fn values(p: &Parsed<'_>, limits: &Limits) -> R {
    for (name, v) in &p.options {
        let ok = match *name {
            "--namespace" => namespace(v, limits)?,
            "--output" => output(v),
            "--selector" | "--field-selector" | "--label-columns" => {
                !v.is_empty()
                    && v.bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"._/=!,() -".contains(&b))
            }
            "--sort-by" => v
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".{}[]_-'\"\\/*@".contains(&b)),
            "--tail" => int_in(v, 0, limits.lines(), "--tail").is_ok(),
            "--limit-bytes" | "--chunk-size" => int_in(v, 1, 100_000_000, "size").is_ok(),
            "--for" => plain_word(v, "._/:+-,="),
            "--since" | "--request-timeout" | "--timeout" => duration(v),
            "--revision" => int_in(v, 0, 1_000_000, "revision").is_ok(),
            _ => plain_word(v, "._/:+-,"),
        };
        if !ok {
            return Err(format!("kubectl: `{v}` is not accepted for {name}"));
        }
    }
    let ns = &limits.namespaces;
    let tiered = !ns.read.is_empty() || !ns.approval.is_empty() || !ns.forbidden.is_empty();
    if tiered
        && p.flags
            .iter()
            .any(|f| f.starts_with("-A") || f.starts_with("--all-namespaces"))
    {
        return Err("kubectl: all namespaces at once; name one".into());
    }
    if !ns.read.is_empty()
        && p.get("--namespace").is_none()
        && !ns.read.iter().any(|n| n == "default")
    {
        return Err("kubectl: a namespace is required; add -n".into());
    }
    Ok(())
}

fn namespace(v: &str, limits: &Limits) -> Result<bool, String> {
    let ns = &limits.namespaces;
    let has = |l: &[String]| l.iter().any(|n| n == v);
    if has(&ns.forbidden) {
        return Err(format!("kubectl: namespace `{v}` is forbidden"));
    }
    if has(&ns.approval) || (!ns.read.is_empty() && !has(&ns.read)) {
        return Err(format!("kubectl: namespace `{v}` needs approval"));
    }
    Ok(plain_word(v, "-."))
}

/// Seconds to hours, to one day.
fn duration(v: &str) -> bool {
    [("s", 1), ("m", 60), ("h", 3600)]
        .into_iter()
        .find_map(|(unit, seconds)| Some((v.strip_suffix(unit)?, seconds)))
        .is_some_and(|(n, seconds)| int_in(n, 1, 86_400 / seconds, "duration").is_ok())
}

fn output(v: &str) -> bool {
    matches!(v, "wide" | "name" | "yaml" | "json") || is_columns(v)
}

/// Fields whose value may be shown, as the last name of a path. Whole objects (`.items[0]`,
/// `.spec`) are not: they hold the environment.
const LEAVES: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "phase",
    "nodeName",
    "image",
    "imageID",
    "podIP",
    "hostIP",
    "ip",
    "clusterIP",
    "type",
    "port",
    "nodePort",
    "targetPort",
    "replicas",
    "readyReplicas",
    "availableReplicas",
    "updatedReplicas",
    "currentReplicas",
    "minReplicas",
    "maxReplicas",
    "restartCount",
    "ready",
    "reason",
    "status",
    "startTime",
    "creationTimestamp",
    "startedAt",
    "finishedAt",
    "exitCode",
    "kubeletVersion",
    "cpu",
    "memory",
    "storage",
    "address",
    "host",
    "kind",
    "apiVersion",
    "generation",
    "observedGeneration",
    "resourceVersion",
    "serviceAccountName",
    "schedule",
    "suspend",
    "lastScheduleTime",
    "capacity",
    "allocatable",
    "unschedulable",
    "key",
    "effect",
    "storageClassName",
    "volumeName",
    "accessModes",
    "requests",
    "limits",
    "priority",
    "qosClass",
    "containerID",
    "protocol",
    "lastTimestamp",
    "count",
    "labels",
    "claimName",
    "hostname",
    "restartPolicy",
    "containerPort",
];

/// Output of chosen fields: `jsonpath={PATH}...` or `custom-columns=NAME:PATH,...`.
fn is_columns(v: &str) -> bool {
    if let Some(columns) = v.strip_prefix("custom-columns=") {
        return columns.split(',').all(|c| {
            c.split_once(':')
                .is_some_and(|(n, path)| plain_word(n, "_-") && is_path(path, true))
        });
    }
    let Some(mut rest) = v.strip_prefix("jsonpath=") else {
        return false;
    };
    let mut fields = 0;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((body, tail)) = after.split_once('}') else {
            return false;
        };
        let literal = body.len() >= 2 && body.starts_with('"') && body.ends_with('"');
        let ok = body == "end"
            || (literal
                && body[1..body.len() - 1]
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b" \\:=/_|-".contains(&b)))
            || body
                .strip_prefix("range ")
                .is_some_and(|p| is_path(p.trim(), false))
            || is_path(body.trim(), true);
        if !ok || before.contains('}') {
            return false;
        }
        fields += 1;
        rest = tail;
    }
    fields > 0 && !rest.contains('}')
}

/// `.name`, `[*]`, `[0]` and `[?(@.name=="word")]` in a row. With `leaf`, the last name must be
/// one that may be shown; without, it is walked by range and shows nothing itself.
fn is_path(path: &str, leaf: bool) -> bool {
    let mut rest = path;
    let mut last = "";
    while !rest.is_empty() {
        if let Some(r) = rest.strip_prefix('.') {
            let end = r
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
                .unwrap_or(r.len());
            last = &r[..end];
            if last.is_empty()
                || [
                    "env",
                    "envfrom",
                    "data",
                    "stringdata",
                    "binarydata",
                    "annotations",
                ]
                .contains(&last.to_ascii_lowercase().as_str())
            {
                return false;
            }
            rest = &r[end..];
        } else if let Some(r) = rest.strip_prefix('[') {
            let Some((index, tail)) = r.split_once(']') else {
                return false;
            };
            let filter = index
                .strip_prefix("?(@.")
                .and_then(|f| f.strip_suffix(')'))
                .and_then(|f| f.split_once("=="))
                .is_some_and(|(n, w)| {
                    LEAVES.contains(&n) && plain_word(w.trim_matches(['"', '\'']), "._-")
                });
            if index != "*" && !filter && !is_index(index) {
                return false;
            }
            rest = tail;
        } else {
            return false;
        }
    }
    !path.is_empty() && (!leaf || LEAVES.contains(&last))
}

/// `0`, or `-1` for the last.
fn is_index(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn names(words: &[&str]) -> R {
    match words.iter().find(|w| !plain_word(w, ".-")) {
        Some(w) => Err(format!("kubectl: `{w}` is not accepted")),
        None => Ok(()),
    }
}

/// `TYPE[,TYPE] [NAME...]` or `TYPE/NAME...`: the plural kinds.
fn targets(words: &[&str]) -> Result<Vec<&'static str>, String> {
    let Some(first) = words.first() else {
        return Err("kubectl: a resource is expected".into());
    };
    let known = |w: &str| resource(w).ok_or(format!("kubectl: resource `{w}` is not accepted"));
    if first.contains('/') {
        return words
            .iter()
            .map(|w| match w.split_once('/') {
                Some((t, n)) if plain_word(n, ".-") => known(t),
                _ => Err(format!("kubectl: `{w}` is not TYPE/NAME")),
            })
            .collect();
    }
    let kinds: Result<Vec<_>, _> = first.split(',').map(known).collect();
    names(&words[1..])?;
    kinds
}

fn log_target(words: &[&str]) -> R {
    let ok = match words {
        [] => true,
        [pod] | [pod, _] if pod.contains('/') => pod.split_once('/').is_some_and(|(t, n)| {
            matches!(
                resource(t),
                Some(
                    "pods" | "deployments" | "statefulsets" | "daemonsets" | "jobs" | "replicasets"
                )
            ) && plain_word(n, ".-")
        }),
        [pod, rest @ ..] => rest.len() <= 1 && plain_word(pod, ".-"),
    };
    let container = words.get(1).is_none_or(|c| plain_word(c, ".-"));
    if ok && container {
        Ok(())
    } else {
        Err("kubectl: this log source is not accepted".into())
    }
}

fn get_output(p: &Parsed<'_>, kinds: &[&str], limits: &Limits) -> R {
    let full = matches!(p.get("--output"), Some("yaml" | "json"));
    let columns = p.get("--output").is_some_and(is_columns);
    // Kinds whose objects hold neither environment nor data.
    const OPEN: &[&str] = &[
        "services",
        "nodes",
        "namespaces",
        "ingresses",
        "ingressclasses",
        "events",
        "endpoints",
        "endpointslices",
        "persistentvolumes",
        "persistentvolumeclaims",
        "storageclasses",
        "horizontalpodautoscalers",
        "poddisruptionbudgets",
        "networkpolicies",
        "resourcequotas",
        "limitranges",
        "roles",
        "rolebindings",
        "clusterroles",
        "clusterrolebindings",
        "priorityclasses",
        "leases",
    ];
    let closed = |k: &&&str| !OPEN.contains(*k) && !limits.full_output.iter().any(|f| f == **k);
    if full && let Some(k) = kinds.iter().find(closed) {
        return Err(format!(
            "kubectl: full output of {k} may show secrets in their environment or data"
        ));
    }
    if columns
        && kinds.contains(&"configmaps")
        && !limits.full_output.iter().any(|f| f == "configmaps")
    {
        return Err("kubectl: fields of configmaps may be secrets".into());
    }
    Ok(())
}

/// What a line does that [`check`] does not accept.
pub fn classify(words: &[&str], limits: &Limits) -> Class {
    if check(words, limits).is_ok() {
        return Class::Read;
    }
    let lower: Vec<String> = words.iter().map(|w| w.to_ascii_lowercase()).collect();
    let has = |w: &str| lower.iter().any(|x| x == w);
    let names_kind = |kinds: &[&str]| {
        lower
            .iter()
            .any(|w| w.split([',', '/', '.']).any(|part| kinds.contains(&part)))
    };
    if lower.iter().any(|w| {
        limits.namespaces.forbidden.iter().any(|n| {
            w == n
                || w.strip_prefix("-n")
                    .is_some_and(|r| r.trim_start_matches('=') == n)
                || w.strip_prefix("--namespace=") == Some(n)
        })
    }) {
        return Class::Forbidden("Touches a namespace that the policy forbids".into());
    }
    let heavy = [
        "namespace",
        "namespaces",
        "ns",
        "pv",
        "persistentvolume",
        "persistentvolumes",
        "pvc",
        "persistentvolumeclaim",
        "persistentvolumeclaims",
        "crd",
        "crds",
        "customresourcedefinition",
        "customresourcedefinitions",
        "node",
        "nodes",
        "no",
    ];
    if has("delete") && names_kind(&heavy) {
        return Class::Forbidden(
            "Deletes a namespace, volume, node or resource definition with all it holds".into(),
        );
    }
    if has("delete") && (has("--all") || has("all") || has("-a") || has("--all-namespaces")) {
        return Class::Forbidden("Deletes all objects of a kind".into());
    }
    let table: &[(&str, RiskLevel, &str)] = &[
        ("delete", RiskLevel::High, "Deletes objects of the cluster"),
        ("drain", RiskLevel::High, "Evicts every pod from a node"),
        ("exec", RiskLevel::High, "Runs a command inside a container"),
        ("attach", RiskLevel::High, "Attaches to a running container"),
        ("debug", RiskLevel::High, "Starts a debug container"),
        (
            "cp",
            RiskLevel::High,
            "Copies files from or into a container",
        ),
        (
            "apply",
            RiskLevel::High,
            "Creates or changes objects of the cluster",
        ),
        (
            "replace",
            RiskLevel::High,
            "Replaces objects of the cluster",
        ),
        ("patch", RiskLevel::High, "Changes objects of the cluster"),
        ("edit", RiskLevel::High, "Changes an object in an editor"),
        (
            "create",
            RiskLevel::Medium,
            "Creates objects of the cluster",
        ),
        ("run", RiskLevel::High, "Starts a pod"),
        ("scale", RiskLevel::Medium, "Changes how many replicas run"),
        (
            "rollout",
            RiskLevel::Medium,
            "Restarts, pauses or undoes a rollout, or waits for one",
        ),
        ("cordon", RiskLevel::Medium, "Stops scheduling on a node"),
        ("uncordon", RiskLevel::Medium, "Allows scheduling on a node"),
        ("set", RiskLevel::Medium, "Changes a field of an object"),
        ("label", RiskLevel::Medium, "Changes labels"),
        ("annotate", RiskLevel::Medium, "Changes annotations"),
    ];
    for (verb, level, what) in table {
        if has(verb) {
            return Class::Change(*level, (*what).into());
        }
    }
    if names_kind(&["secret", "secrets"]) {
        return Class::Change(RiskLevel::High, "Shows secrets of the cluster".into());
    }
    Class::Change(
        RiskLevel::Medium,
        "Reads or changes the cluster in a way that is not known to be harmless".into(),
    )
}
