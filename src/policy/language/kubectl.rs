//! `kubectl`: which line only reads, which changes, and which must never run.

use super::kubectl_paths::is_columns;
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
    ("runtimeclasses", &["runtimeclass"]),
    ("csidrivers", &["csidriver"]),
    ("csinodes", &["csinode"]),
    ("csistoragecapacities", &["csistoragecapacity"]),
    (
        "mutatingwebhookconfigurations",
        &["mutatingwebhookconfiguration"],
    ),
    (
        "validatingwebhookconfigurations",
        &["validatingwebhookconfiguration"],
    ),
    ("controllerrevisions", &["controllerrevision"]),
    ("podtemplates", &["podtemplate"]),
    ("all", &[]),
];

/// Resources of well-known operators, of which only the table is shown: what their objects hold is their own.
const CUSTOM: &str = "
    certificaterequests certificaterequest cr issuers issuer clusterissuers clusterissuer orders order challenges challenge
    ingressroutes ingressroute virtualservices virtualservice vs destinationrules destinationrule dr gateways gateway gw
    httproutes httproute grpcroutes gatewayclasses gatewayclass servicemonitors servicemonitor smon podmonitors podmonitor
    prometheusrules prometheusrule prometheuses alertmanagers helmreleases helmrelease hr kustomizations kustomization ks
    gitrepositories gitrepository helmrepositories helmrepository helmcharts helmchart applications application app apps
    applicationsets rollouts rollout scaledobjects scaledobject so scaledjobs volumesnapshots volumesnapshot
    volumesnapshotclasses volumesnapshotcontents machines machine machinesets machinedeployments clusters cluster
    clusteroperators clusteroperator co clusterversion clusterversions routes route deploymentconfigs dc imagestreams is
    machineconfigpools mcp ippools ciliumnodes ciliumendpoints cep nodemetrics podmetrics verticalpodautoscalers vpa
    nodepools nodeclaims backups backup schedules restores
";

fn resource(word: &str) -> Option<&'static str> {
    let custom = || {
        let known = CUSTOM.split_ascii_whitespace().any(|w| w == word);
        known.then_some("custom")
    };
    RESOURCES
        .iter()
        .find(|(p, o)| *p == word || o.contains(&word))
        .map(|(p, _)| *p)
        .or_else(custom)
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
    ("", "--raw"),
    ("", "--kubeconfig"),
    ("", "--verbs"),
    ("", "--categories"),
    ("", "--max-log-requests"),
    ("", "--api-version"),
    ("", "--as"),
    ("", "--as-group"),
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
    "--show-managed-fields",
    "--ignore-errors",
    "--cached",
    "--show-events",
    "--sum",
    "--show-capacity",
    "--show-swap",
    "--allow-missing-template-keys",
];

/// Subcommands that may be asked how they are used.
const HELPED: &str = "
    get describe logs top rollout apply create delete edit port-forward scale set label annotate cordon uncordon drain
    taint explain config auth api-resources api-versions cluster-info version wait cp expose patch replace diff events
    certificate attach proxy autoscale kustomize
";

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
        } else if FLAGS.contains(w) || is_switched(w) {
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

/// `--no-headers=true`.
fn is_switched(word: &str) -> bool {
    word.starts_with("--")
        && ["=true", "=false"]
            .iter()
            .any(|end| word.strip_suffix(end).is_some_and(|w| FLAGS.contains(&w)))
}

/// What the cluster tells of its own health, and nothing of its objects.
fn is_health(path: &str) -> bool {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let checks = ["/readyz", "/livez", "/healthz"].iter().any(|p| {
        path.strip_prefix(p).is_some_and(|rest| {
            rest.is_empty()
                || rest
                    .strip_prefix('/')
                    .is_some_and(|check| plain_word(check, "-/") && !check.contains("//"))
        })
    });
    (checks || path == "/version" || path == "/metrics")
        && (query.is_empty()
            || query.split('&').all(|q| {
                q == "verbose"
                    || q.strip_prefix("exclude=")
                        .is_some_and(|v| plain_word(v, "-"))
            }))
}

/// Checks all words after `kubectl`.
///
/// # Errors
/// The word that is not accepted.
pub fn check(words: &[&str], limits: &Limits) -> R {
    if super::asks_for_help(HELPED, words) {
        return Ok(());
    }
    let p = parse(words)?;
    values(&p, limits)?;
    let bare = |n: usize| {
        if p.words.len() == n {
            Ok(())
        } else {
            Err("kubectl: words that are not accepted here".to_string())
        }
    };
    if let Some(path) = p.get("--raw") {
        // Alone, so that nothing else is asked for.
        let alone = p.words == ["get"]
            && p.flags.is_empty()
            && p.options
                .iter()
                .all(|(n, _)| matches!(*n, "--raw" | "--request-timeout" | "--kubeconfig"));
        return if alone && is_health(path) {
            Ok(())
        } else {
            Err("kubectl: of raw paths only /readyz, /livez, /healthz, /version and /metrics are accepted".into())
        };
    }
    // As somebody else only to ask what they may do.
    let other = p.get("--as").is_some() || p.get("--as-group").is_some();
    if other && !p.words.starts_with(&["auth", "can-i"]) {
        return Err("kubectl: --as is accepted for `auth can-i` only".into());
    }
    match p.words.as_slice() {
        ["version" | "cluster-info" | "api-resources" | "api-versions"] => Ok(()),
        [
            "config",
            "current-context" | "get-contexts" | "get-clusters" | "get-users",
        ] => Ok(()),
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
            // Without --tail it is the file as kubelet keeps it: 10 MiB, then it begins another.
            log_target(rest)
        }
        ["get", rest @ ..] => {
            let kinds = targets(rest)?;
            get_output(&p, &kinds, limits)
        }
        ["describe", rest @ ..] => {
            let kinds = targets(rest)?;
            // describe shows a configmap's data and a pod's environment.
            let open = ["configmaps", "all", "custom"];
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
            "--raw" => true,
            // Files of root's own: another could run a program.
            "--kubeconfig" => matches!(
                *v,
                "/etc/kubernetes/admin.conf"
                    | "/etc/kubernetes/super-admin.conf"
                    | "/etc/kubernetes/kubelet.conf"
                    | "/etc/rancher/k3s/k3s.yaml"
                    | "/etc/rancher/rke2/rke2.yaml"
            ),
            "--max-log-requests" => int_in(v, 1, 100, "requests").is_ok(),
            "--selector" | "--field-selector" | "--label-columns" => {
                !v.is_empty()
                    && v.bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"._/=!,() -".contains(&b))
            }
            // The order tells how values compare.
            "--sort-by" => is_sorted_by(v),
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
    if columns && kinds.contains(&"custom") {
        return Err("kubectl: fields of such objects may be secrets".into());
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

/// `.metadata.name`, `{.status.startTime}`, `metadata.name`: a field whose value may be shown.
fn is_sorted_by(v: &str) -> bool {
    let path = v
        .strip_prefix('{')
        .and_then(|v| v.strip_suffix('}'))
        .unwrap_or(v);
    let dot = if path.starts_with(['.', '$', '@']) {
        ""
    } else {
        "."
    };
    is_columns(&format!("jsonpath={{{dot}{path}}}"))
}
