//! `kubectl get -o jsonpath=…` and `custom-columns=…`: fields that hold no secret.
//!
//! Must never show a whole object: an environment, an annotation (which repeats the object as it was applied) or the
//! headers of a probe would be in it. Fields are a list; below the status everything is open.

use super::plain_word;

/// Names that lead to secrets, wherever they stand.
const CLOSED: &str = "env envfrom data stringdata binarydata annotations managedfields value valuefrom httpheaders command args values";
/// Below these everything may be shown.
const OPEN: &str = "
    labels matchlabels nodeselector capacity allocatable requests limits ownerreferences taints conditions addresses
    images tolerations selector involvedobject regarding claimref ports loadbalancer scaletargetref metrics resources affinity
    strategy updatestrategy rollingupdate nodeinfo containerstatuses initcontainerstatuses ephemeralcontainerstatuses
    securitycontext topologyspreadconstraints source series accessmodes podips hostips finalizers subjects roleref rules
    ingress subsets endpoints backend persistentvolumeclaim issuerref dnsnames hard used
";
/// Fields whose value may be shown, as the last name of a path.
const LEAVES: &str = "
    name namespace uid phase nodename image imageid podip hostip ip clusterip clusterips type port nodeport targetport
    replicas readyreplicas availablereplicas updatedreplicas currentreplicas minreplicas maxreplicas restartcount ready
    reason message status starttime creationtimestamp deletiontimestamp startedat finishedat exitcode kubeletversion cpu
    memory storage address host hosts kind apiversion generation observedgeneration resourceversion serviceaccountname
    serviceaccount schedule suspend lastscheduletime unschedulable key effect storageclassname volumename volumemode priority qosclass
    containerid protocol lasttimestamp firsttimestamp eventtime note action count claimname hostname subdomain
    restartpolicy containerport hostport externalips externalname loadbalancerip sessionaffinity externaltrafficpolicy
    internaltrafficpolicy ingressclassname servicename persistentvolumereclaimpolicy provisioner reclaimpolicy volumebindingmode
    allowvolumeexpansion completions parallelism backofflimit activedeadlineseconds concurrencypolicy
    successfuljobshistorylimit failedjobshistorylimit startingdeadlineseconds ttlsecondsafterfinished imagepullpolicy
    hostnetwork hostpid hostipc privileged runasuser runasgroup runasnonroot readonlyrootfilesystem allowprivilegeescalation
    dnspolicy schedulername priorityclassname preemptionpolicy terminationgraceperiodseconds podcidr podcidrs providerid mountpath
    subpath readonly secretname path pathtype revisionhistorylimit progressdeadlineseconds minreadyseconds paused
    maxsurge maxunavailable minavailable podmanagementpolicy generatename holderidentity renewtime acquiretime
    leasedurationseconds leasetransitions reportingcomponent reportingcontroller component group version scope plural
    ipfamilies ipfamilypolicy timezone notafter notbefore renewaltime commonname runtimeclassname enableservicelinks
    automountserviceaccounttoken lasttransitiontime lastupdatetime lastheartbeattime lastprobetime completiontime
    lastsuccessfultime nextscheduletime scaletime lastscaletime
";

fn is_in(list: &str, word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    list.split_ascii_whitespace().any(|w| w == lower)
}

/// Output of chosen fields: `jsonpath={PATH}...` or `custom-columns=NAME:PATH,...`.
pub(super) fn is_columns(v: &str) -> bool {
    if let Some(columns) = v.strip_prefix("custom-columns=") {
        return columns.split(',').all(|c| {
            c.split_once(':').is_some_and(|(n, path)| {
                let dotted = if path.starts_with(['.', '[']) {
                    path.to_owned()
                } else {
                    format!(".{path}")
                };
                plain_word(n, "_()%/#. -") && is_path(&dotted, true)
            })
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
        let ok = body == "end"
            || is_literal(body)
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

/// `"\t"`, `'x: '`.
fn is_literal(body: &str) -> bool {
    ['"', '\''].iter().any(|quote| {
        body.len() >= 2
            && body
                .strip_prefix(*quote)
                .and_then(|b| b.strip_suffix(*quote))
                .is_some_and(|b| {
                    b.bytes()
                        .all(|c| c.is_ascii_alphanumeric() || b" \\:=/_|,.;()<>#@%+*-".contains(&c))
                })
    })
}

/// `.name`, `[*]`, `[0]` and `[?(@.name=="word")]` in a row, perhaps behind `$` or `@`. With `leaf` it must end where
/// the value may be shown; without, it is walked by range and shows nothing itself.
fn is_path(path: &str, leaf: bool) -> bool {
    let mut rest = path.strip_prefix(['$', '@']).unwrap_or(path);
    let mut names: Vec<String> = Vec::new();
    while !rest.is_empty() {
        if let Some(r) = rest.strip_prefix('.') {
            let (name, tail) = take_name(r);
            if name.is_empty() || is_in(CLOSED, &name) {
                return false;
            }
            names.push(name);
            rest = tail;
        } else if let Some(r) = rest.strip_prefix('[') {
            let Some((index, tail)) = r.split_once(']') else {
                return false;
            };
            // Of what is no list, this would be a field of any name.
            let list = names.last().is_none_or(|name| is_list(name));
            if !is_shown(&names) && (!list || tail.starts_with('[')) {
                return false;
            }
            if index != "*" && !is_filter(index) && !is_slice(index) {
                return false;
            }
            rest = tail;
        } else {
            return false;
        }
    }
    if leaf {
        is_shown(&names)
    } else {
        !names.is_empty()
    }
}

/// Whether what stands at a path of names may be shown.
pub(super) fn is_shown(names: &[String]) -> bool {
    let own = match names.split_first() {
        Some((first, more)) if first == "items" => more,
        _ => names,
    };
    // Kubernetes' own conditions and counts: what was wished for stands in the spec.
    let state = own.first().is_some_and(|n| n == "status");
    let open = own.iter().any(|n| is_in(OPEN, n));
    let last = own.last().is_some_and(|n| is_in(LEAVES, n));
    state || open || last
}

/// Whether a field is a list.
pub(super) fn is_list(name: &str) -> bool {
    const LISTS: &str = "items containers initcontainers ephemeralcontainers volumes volumemounts tls paths webhooks versions volumeclaimtemplates";
    is_in(LISTS, name)
}

/// Whether a name leads to secrets, wherever it stands.
pub(super) fn is_closed(name: &str) -> bool {
    is_in(CLOSED, name)
}

/// A name up to the next `.` or `[`; `\.` is a dot in it.
fn take_name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut rest = text;
    loop {
        if let Some(r) = rest.strip_prefix("\\.") {
            name.push('.');
            rest = r;
            continue;
        }
        match rest.chars().next() {
            Some(c) if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/') => {
                name.push(c);
                rest = &rest[1..];
            }
            _ => return (name, rest),
        }
    }
}

/// `?(@.type=="Ready")`: by a field that may be shown, so that it tells nothing of another.
fn is_filter(index: &str) -> bool {
    let Some(inner) = index.strip_prefix("?(@").and_then(|f| f.strip_suffix(')')) else {
        return false;
    };
    let found = ["==", "!=", ">=", "<=", ">", "<"]
        .iter()
        .find_map(|op| inner.split_once(op));
    match found {
        None => is_path(inner.trim(), true),
        Some((name, word)) => {
            let word = word.trim().trim_matches(['"', '\'']);
            is_path(name.trim(), true) && plain_word(word, "._/:-")
        }
    }
}

/// `0`, `-1` for the last, `0:3`.
fn is_slice(text: &str) -> bool {
    text.split(':').count() <= 2
        && text.split(':').all(|part| {
            let digits = part.strip_prefix('-').unwrap_or(part);
            (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::is_columns;

    #[test]
    fn fields_are_shown_and_no_object_that_could_hold_a_secret() {
        for good in [
            "jsonpath={.spec.taints}",
            r#"jsonpath={range .items[*]}{.metadata.name}{"\t"}{.status.numberReady}/{.status.desiredNumberScheduled}{"\n"}{end}"#,
            r#"jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}"#,
            "jsonpath={.status.containerStatuses[*].state}{'\\n'}",
            r"jsonpath={.items[*].metadata.labels.app\.kubernetes\.io/name}",
            r#"jsonpath={.items[?(@.status.phase!="Running")].metadata.name}"#,
            "jsonpath={.spec.template.spec.containers[*].image}",
            "custom-columns=NAME:.metadata.name,CPU:.spec.containers[*].resources.requests.cpu",
            "custom-columns=NAME:metadata.name,NODE:spec.nodeName",
            "jsonpath={$.items[0].metadata.name}",
        ] {
            assert!(is_columns(good), "{good}");
        }
        for bad in [
            "jsonpath={}",
            "jsonpath={.}",
            "jsonpath={@}",
            "jsonpath={$}",
            "jsonpath={..}",
            "jsonpath={..name}",
            "jsonpath={.items}",
            "jsonpath={.items[*]}",
            "jsonpath={.spec}",
            "jsonpath={.items[*].spec.containers}",
            "jsonpath={.metadata}",
            "jsonpath={.metadata.annotations}",
            r"jsonpath={.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}",
            "jsonpath={.spec.containers[*].env[*].name}",
            "jsonpath={.spec.containers[*].Env}",
            r#"jsonpath={.items[?(@.spec.containers[0].env[0].value=="x")].metadata.name}"#,
            r#"jsonpath={.items[?(@.metadata.annotations.x=="x")].metadata.name}"#,
            "jsonpath={.spec.containers[*].livenessProbe}",
            "jsonpath={.spec.containers[*].command}",
            "jsonpath={.data.status}",
            "jsonpath={range .items[*].spec.containers[*].env[*]}{.name}{end}",
            "jsonpath={.spec.template}",
            "jsonpath={range .items[*]}{@}{end}",
            "jsonpath={range .items[*]}{.}{end}",
            "jsonpath={.items[*]['spec']}",
            "jsonpath={.items[*].metadata[*].name}",
            "jsonpath={.items[*][*].name}",
            "jsonpath={range .items[*].spec.containers[*][*]}{.name}{end}",
            "custom-columns=X:.spec,NAME:.metadata.name",
            "custom-columns=X:spec",
            "jsonpath=x",
        ] {
            assert!(!is_columns(bad), "{bad}");
        }
    }
}
