//! Small formats: regular expressions, `date +FORMAT`, `ps -o`, go templates of docker.

type R = Result<(), String>;

/// A regular expression: any printable text; long repetitions are refused, they cost minutes.
///
/// # Errors
/// Says what is too large.
pub fn check_regex(text: &str) -> R {
    if text.len() > 1024 {
        return Err("regex: longer than 1024 characters".into());
    }
    check_repeats(text)?;
    if text.contains('\n') {
        Err("regex: a line end inside".into())
    } else {
        Ok(())
    }
}

/// Refuses a regular expression whose counted repetitions multiply: tools unfold them, and
/// `((a{1,255}){1,255}){1,255}` fills memory. Basic, extended and Perl's are not told apart: a `{2,5}` behind
/// what may be a group or another repetition multiplies, any other adds.
///
/// # Errors
/// Says what is too large.
pub fn check_repeats(text: &str) -> R {
    const MOST: usize = 10_000;
    let (mut sum, mut product) = (text.len(), 1usize);
    for (at, _) in text.match_indices('{') {
        let body = text[at + 1..].split('}').next().unwrap_or("");
        let body = body.strip_suffix('\\').unwrap_or(body);
        if body.is_empty() || !body.bytes().all(|b| b.is_ascii_digit() || b == b',') {
            continue;
        }
        let mut most = 1;
        for number in body.split(',').filter(|n| !n.is_empty()) {
            match number.parse::<usize>() {
                Ok(n) if number.len() <= 3 => most = most.max(n),
                _ => return Err(format!("regex: the repetition `{{{body}}}` is too large")),
            }
        }
        let before = text[..at].strip_suffix('\\').unwrap_or(&text[..at]);
        if before.ends_with([')', '}', '*', '+', '?']) {
            product = product.saturating_mul(most);
        } else {
            sum = sum.saturating_add(most);
        }
    }
    if sum.saturating_mul(product) > MOST {
        return Err("regex: its repetitions multiply to too much".into());
    }
    Ok(())
}

/// Refuses a width of more than three digits behind a `%` (printf(3), strftime(3), find's and stat's formats): it
/// is that many bytes for each item.
///
/// # Errors
/// Says so.
pub fn check_widths(text: &str) -> R {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('%') {
        rest = behind.strip_prefix('%').unwrap_or(behind);
        if rest.len() < behind.len() {
            continue;
        }
        let end = rest
            .find(|c: char| c.is_ascii_alphabetic() || c == '%')
            .unwrap_or(rest.len());
        if rest[..end]
            .split(|c: char| !c.is_ascii_digit())
            .any(|digits| digits.len() > 3)
        {
            return Err("a width of more than three digits".into());
        }
    }
    Ok(())
}

/// How much longer a text may become when matches of `pattern` are replaced: a factor, 1 where it does not grow.
/// `&` and `\\1` stand for what was matched, as in sed and awk; with `all` every match is replaced.
pub(super) fn growth(pattern: Option<&str>, replacement: &str, all: bool) -> usize {
    let (mut whole, mut groups, mut letters) = (0, [0usize; 10], 0);
    let mut bytes = replacement.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                while bytes.next_if_eq(&b'\\').is_some() {}
                match bytes.next() {
                    Some(b'0') => whole += 1,
                    Some(d @ b'1'..=b'9') => groups[usize::from(d - b'0')] += 1,
                    _ => letters += 1,
                }
            }
            b'&' => whole += 1,
            _ => letters += 1,
        }
    }
    // Groups side by side share what was matched; groups in each other each hold it.
    let nested = pattern.is_none_or(|p| {
        let opens = p.matches('(').count();
        opens > 1 && p.split(')').any(|part| part.matches('(').count() > 1)
    });
    let kept: usize = if nested {
        groups.iter().sum()
    } else {
        groups.iter().copied().max().unwrap_or(0)
    };
    let factor = if all {
        // A pattern of plain characters matches its own length, any other perhaps nothing at all.
        let matched = pattern
            .filter(|p| {
                !p.is_empty()
                    && p.bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b" _,:;-\"'".contains(&b))
            })
            .map_or(1, str::len);
        whole + kept + usize::div_ceil(letters, matched)
    } else {
        whole + kept
    };
    factor.max(1)
}

/// `+FORMAT`. A bare operand without `+` would set the clock.
///
/// # Errors
/// Says what is not accepted.
pub fn check_date(text: &str) -> R {
    let Some(f) = text.strip_prefix('+') else {
        return Err(
            "date: the operand does not begin with `+`; without it date sets the clock".into(),
        );
    };
    check_widths(f).map_err(|e| format!("date: {e}"))
}

const PS: &[&str] = &[
    "%cpu",
    "%mem",
    "args",
    "blocked",
    "bsdstart",
    "bsdtime",
    "c",
    "caught",
    "cgname",
    "cgroup",
    "class",
    "cls",
    "cmd",
    "comm",
    "command",
    "cp",
    "cputime",
    "cputimes",
    "drs",
    "egid",
    "egroup",
    "eip",
    "esp",
    "etime",
    "etimes",
    "euid",
    "euser",
    "f",
    "fgid",
    "fgroup",
    "flag",
    "flags",
    "fname",
    "fuid",
    "fuser",
    "gid",
    "group",
    "ignored",
    "ipcns",
    "label",
    "lstart",
    "lsession",
    "luid",
    "lwp",
    "lxc",
    "machine",
    "maj_flt",
    "min_flt",
    "mntns",
    "netns",
    "ni",
    "nice",
    "nlwp",
    "nwchan",
    "numa",
    "oom",
    "oomadj",
    "ouid",
    "pcpu",
    "pending",
    "pgid",
    "pgrp",
    "pid",
    "pidns",
    "pmem",
    "policy",
    "ppid",
    "pri",
    "priority",
    "psr",
    "pss",
    "rgid",
    "rgroup",
    "rss",
    "rssize",
    "rsz",
    "rtprio",
    "ruid",
    "ruser",
    "s",
    "sched",
    "seat",
    "sess",
    "sgi_p",
    "sgid",
    "sgroup",
    "sid",
    "sig",
    "sigcatch",
    "sigignore",
    "sigmask",
    "size",
    "slice",
    "spid",
    "stackp",
    "start",
    "start_time",
    "stat",
    "state",
    "stime",
    "suid",
    "supgid",
    "supgrp",
    "suser",
    "svgid",
    "svuid",
    "sz",
    "tgid",
    "thcount",
    "tid",
    "time",
    "times",
    "tname",
    "tpgid",
    "trs",
    "tt",
    "tty",
    "ucmd",
    "ucomm",
    "uid",
    "uname",
    "unit",
    "user",
    "userns",
    "uss",
    "utsns",
    "uunit",
    "vsize",
    "vsz",
    "wchan",
];

/// A list for `ps -o`: known columns (`environ` is not one), each with an optional header.
///
/// # Errors
/// The column that is not known.
pub fn check_ps(text: &str) -> R {
    let mut columns = text.split([',', ' ']);
    let bad = columns.find(|c| {
        let (name, header) = c.split_once('=').unwrap_or((c, ""));
        let (name, width) = name.split_once(':').unwrap_or((name, "1"));
        !PS.contains(&name)
            || super::int_in(width, 1, 999, "width").is_err()
            || !header
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_%-".contains(&b))
    });
    match bad {
        Some(c) => Err(format!("ps: column `{c}` is not accepted")),
        None => Ok(()),
    }
}

/// First field names whose whole value may be shown. `.Config`, `.Args`, `.HostConfig` as a whole
/// and `.Env` hold secrets.
const FIELDS: &[&str] = &[
    "ID",
    "Id",
    "Names",
    "Name",
    "Image",
    "Command",
    "CreatedAt",
    "Created",
    "CreatedSince",
    "RunningFor",
    "Ports",
    "State",
    "Status",
    "Size",
    "Labels",
    "Mounts",
    "Networks",
    "LocalVolumes",
    "Container",
    "CPUPerc",
    "MemUsage",
    "MemPerc",
    "NetIO",
    "BlockIO",
    "PIDs",
    "Repository",
    "Tag",
    "Digest",
    "Driver",
    "Scope",
    "Mountpoint",
    "RestartCount",
    "NetworkSettings",
    "Platform",
    "LogPath",
    "RepoTags",
    "RepoDigests",
    "Architecture",
    "Os",
    "SizeRw",
    "SizeRootFs",
    "VirtualSize",
    "Client",
    "Server",
    "ServerVersion",
    "Containers",
    "ContainersRunning",
    "ContainersPaused",
    "ContainersStopped",
    "Images",
    "KernelVersion",
    "OperatingSystem",
    "OSType",
    "NCPU",
    "MemTotal",
    "DockerRootDir",
    "CgroupDriver",
    "CgroupVersion",
    "LoggingDriver",
    "IPAM",
    "Type",
    "TotalCount",
    "Active",
    "Reclaimable",
    "Service",
    "Project",
    "Health",
    "ExitCode",
    "Publishers",
    "Path",
    "GraphDriver",
    "AppArmorProfile",
    "MountLabel",
    "ProcessLabel",
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "Internal",
    "EnableIPv6",
    "Attachable",
    "Ingress",
    "Parent",
    "Comment",
    "Author",
    "DockerVersion",
    "RootFS",
    "Metadata",
    "UsageData",
    "SwapLimit",
    "MemoryLimit",
    "SecurityOptions",
    "Plugins",
    "Runtimes",
    "DefaultRuntime",
    "LiveRestoreEnabled",
    "Warnings",
    "DriverStatus",
    "NFd",
    "NGoroutines",
    "NEventsListener",
    "SystemTime",
    "ExperimentalBuild",
    "Action",
    "Actor",
    "Time",
    "TimeNano",
    "From",
    "Hostname",
    "Availability",
    "ManagerStatus",
    "EngineVersion",
    "Mode",
    "Replicas",
    "DesiredState",
    "CurrentState",
    "Error",
    "Node",
    "Self",
    "CreatedBy",
    "CreatedTime",
    "Pod",
    "PodName",
    "PodID",
    "Pids",
    "StartedAt",
    "ExitedAt",
    "Exited",
    "IsInfra",
    "Restarts",
    "UpTime",
    "CPU",
    "AvgCPU",
    "Namespace",
    "ConfigFiles",
    "ContainerName",
    "UniqueSize",
    "SharedSize",
    "host",
    "Host",
];
const CONFIG: &[&str] = &[
    "Image",
    "Hostname",
    "User",
    "WorkingDir",
    "ExposedPorts",
    "Labels",
    "Healthcheck",
    "Volumes",
    "StopSignal",
    "StopTimeout",
    "Domainname",
    "OpenStdin",
    "AttachStdout",
    "Tty",
];
const HOST_CONFIG: &[&str] = &[
    "RestartPolicy",
    "Memory",
    "MemorySwap",
    "MemoryReservation",
    "NanoCpus",
    "CpuShares",
    "CpuQuota",
    "CpuPeriod",
    "NetworkMode",
    "PortBindings",
    "Privileged",
    "PidsLimit",
    "Binds",
    "AutoRemove",
    "ReadonlyRootfs",
    "CapAdd",
    "CapDrop",
    "ShmSize",
    "PidMode",
    "IpcMode",
    "UTSMode",
    "UsernsMode",
    "CgroupnsMode",
    "Cgroup",
    "CgroupParent",
    "Dns",
    "DnsSearch",
    "DnsOptions",
    "ExtraHosts",
    "Ulimits",
    "OomKillDisable",
    "OomScoreAdj",
    "CpusetCpus",
    "CpusetMems",
    "CpuPercent",
    "CpuCount",
    "BlkioWeight",
    "SecurityOpt",
    "Sysctls",
    "Runtime",
    "Isolation",
    "Init",
    "MemorySwappiness",
    "KernelMemory",
    "GroupAdd",
    "PublishAllPorts",
    "Devices",
    "DeviceRequests",
    "Tmpfs",
    "VolumesFrom",
    "Links",
    "MaskedPaths",
    "ReadonlyPaths",
    "VolumeDriver",
    "ContainerIDFile",
];
const FUNCTIONS: &[&str] = &[
    "json", "len", "index", "upper", "lower", "title", "join", "split", "println", "print",
    "printf", "truncate", "pad", "eq", "ne", "lt", "gt", "le", "ge", "and", "or", "not", "slice",
];

/// A go template for `docker ... --format`: fields that hold no secrets, simple functions,
/// range, if and with.
///
/// # Errors
/// The field or word that is not accepted.
pub fn check_template(text: &str) -> R {
    if !text.contains("{{") {
        return Err("docker format: without a `{{field}}` it may print everything".into());
    }
    let mut rest = text;
    // Blocks under way; true: the dot inside is a value that may be shown.
    let mut scopes: Vec<bool> = Vec::new();
    while let Some(i) = rest.find("{{") {
        let body = &rest[i + 2..];
        let end = body.find("}}").ok_or("docker format: `}}` is missing")?;
        action(&body[..end], &mut scopes)?;
        rest = &body[end + 2..];
    }
    if scopes.is_empty() {
        Ok(())
    } else {
        Err("docker format: an {{end}} is missing".into())
    }
}

fn action(body: &str, scopes: &mut Vec<bool>) -> R {
    let body = body.strip_prefix("- ").unwrap_or(body);
    let body = body.strip_suffix(" -").unwrap_or(body).trim();
    if body.is_empty() || body.starts_with("/*") {
        return Err("docker format: an empty or comment action".into());
    }
    let (head, tail) = body.split_once(' ').unwrap_or((body, ""));
    let inside = scopes.contains(&true);
    match head {
        "end" if tail.is_empty() => scopes
            .pop()
            .map(|_| ())
            .ok_or("docker format: {{end}} without a block".into()),
        "else" => {
            // In the other branch of with and range the dot is the outer one again.
            if let Some(top) = scopes.last_mut() {
                *top = false;
            }
            let inside = scopes.contains(&true);
            match tail.trim().strip_prefix("if ") {
                _ if scopes.is_empty() => Err("docker format: {{else}} without a block".into()),
                None if tail.is_empty() => Ok(()),
                Some(c) => pipeline(c, inside),
                None => Err("docker format: this {{else}} is not accepted".into()),
            }
        }
        "range" | "with" => {
            pipeline(tail, inside)?;
            scopes.push(true);
            Ok(())
        }
        "if" => {
            pipeline(tail, inside)?;
            scopes.push(false);
            Ok(())
        }
        _ => pipeline(body, inside),
    }
}

fn pipeline(text: &str, inside: bool) -> R {
    let mut rest = text.trim_start();
    if rest.is_empty() {
        return Err("docker format: an expression is expected".into());
    }
    while !rest.is_empty() {
        if let Some(s) = rest.strip_prefix('"') {
            let end = s.find('"').ok_or("docker format: a string has no end")?;
            if s[..end].contains('%') && s[..end].bytes().filter(u8::is_ascii_digit).count() > 4 {
                return Err("docker format: a wide column".into());
            }
            if s[..end]
                .replace("\\n", "")
                .replace("\\t", "")
                .contains('\\')
            {
                return Err("docker format: `\\` in a string".into());
            }
            rest = s[end + 1..].trim_start();
            continue;
        }
        if let Some(r) = rest
            .strip_prefix(['|', '(', ')', ','])
            .or_else(|| rest.strip_prefix(":="))
        {
            rest = r.trim_start();
            continue;
        }
        let end = rest
            .find(|c: char| c.is_whitespace() || "|(),:=\"".contains(c))
            .unwrap_or(rest.len());
        if end == 0 {
            return Err(format!("docker format: `{rest}` is not accepted"));
        }
        word(&rest[..end], inside)?;
        rest = rest[end..].trim_start();
    }
    Ok(())
}

fn word(w: &str, inside: bool) -> R {
    let refused = || Err(format!("docker format: `{w}` is not accepted"));
    if !w
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._$-".contains(&b))
        || w.split('.').any(|p| p == "Env")
    {
        return refused();
    }
    if w.bytes().all(|b| b.is_ascii_digit()) && w.len() <= 4 {
        return Ok(());
    }
    if let Some(path) = w.strip_prefix("$.") {
        return if root_path(path) { Ok(()) } else { refused() };
    }
    if w.starts_with('$') {
        // A variable can only hold what a range or with gave it.
        return if w.len() > 1 && (!w.contains('.') || inside) {
            Ok(())
        } else {
            refused()
        };
    }
    match w.strip_prefix('.') {
        Some("") if inside => Ok(()),
        Some(path) if inside || root_path(path) => Ok(()),
        None if FUNCTIONS.contains(&w) => Ok(()),
        _ => refused(),
    }
}

/// Whether the field at a path of `docker inspect` may be shown.
pub(super) fn is_shown(path: &str) -> bool {
    root_path(path)
}

fn root_path(path: &str) -> bool {
    let mut parts = path.split('.');
    match (parts.next(), parts.next()) {
        (Some("Config"), Some(f)) => CONFIG.contains(&f),
        // Its options may hold a token of where logs are sent.
        (Some("HostConfig"), Some("LogConfig")) => parts.next() == Some("Type"),
        (Some("HostConfig"), Some(f)) => HOST_CONFIG.contains(&f),
        (Some(f), _) => FIELDS.contains(&f),
        _ => false,
    }
}
