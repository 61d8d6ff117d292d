//! Writes lines of the whole shell's grammar, also of what the readers refuse: a reader that takes a part of such a
//! line for something else would be found by what runs.

use super::shells::Random;

/// Writes lines; here-documents wait for the end of theirs.
pub struct Writer {
    pub random: Random,
    /// The productions in the line.
    pub used: Vec<&'static str>,
    documents: String,
    /// Whether programs can run: then wrappers are written too.
    programs: bool,
}

/// A production's name for the counts, and what it may be; `W` stands for a word, `L` for a list, `S` for a simple command.
type Forms = &'static [(&'static str, &'static [&'static str])];

const COMPOUNDS: Forms = &[
    ("subshell", &["(L)", "( L )", "(L\n)"]),
    ("group", &["{ L; }", "{ L\n}", "{\tL ;}"]),
    (
        "if",
        &[
            "if L; then L; fi",
            "if L\nthen L; else L\nfi",
            "if L; then L; elif p; then L; else L; fi",
        ],
    ),
    (
        "while",
        &[
            "while f; do L; done",
            "while ! p\ndo L\ndone",
            "while f W; do L; done",
        ],
    ),
    (
        "until",
        &["until p W; do L; done", "until L; p; do L; done"],
    ),
    (
        "for",
        &[
            "for v in W W; do L; done",
            "for v in W\ndo L\ndone",
            "for v; do L; done",
            "for v do L; done",
            "for v in; do L; done",
        ],
    ),
    (
        "case",
        &[
            "case W in a|b) L;; *) L ;; esac",
            "case W in ('esac') L;; (\\done|\"fi\") L;; (*) L\nesac",
            "case W in (a) L;; (*) L\nesac",
            "case W in W) L;; W|W) L; esac",
            "case W\nin\nesac",
            "case W in a) ;; *) L;; esac",
        ],
    ),
    (
        "function",
        &[
            "h0() { L; }; h0 W",
            "h1 () (L)\nh1",
            "h2()\n{ L; } >/dev/null; h2",
            "h0() { p \"$1\" \"$@\"; }; h0 W W",
        ],
    ),
    (
        "test",
        &[
            "[[ a == b ]] && S",
            "[[ -n $v ]] || S",
            "[[ ! -f x ]] && S",
            "[[ a = a && b != c ]] && S",
            "[[ $v == a* ]] || S",
            "[[ -z \"$v\" || a < b ]] && S",
            "[[ W == W ]]",
            "[[ -n W && W != W ]] && L",
            "[[ W > W ]]",
        ],
    ),
];

/// What is refused, or should be.
const REFUSED: Forms = &[
    ("coproc", &["coproc S", "coproc { L; }", "coproc h0 { L; }"]),
    ("select", &["select v in W; do L; done"]),
    (
        "arithmetic command",
        &[
            "((1))",
            "(( 1 + 1 )) && S",
            "((L))",
            "for ((;0;)); do L; done",
        ],
    ),
    (
        "array",
        &[
            "v=(W W); S",
            "v[0]=W S",
            "v+=(W)",
            "v+=W S",
            "p \"${v[0]}\" ${v[@]}",
        ],
    ),
    (
        "keyword function",
        &["function h0 { L; }; h0", "function h0() { L; }; h0"],
    ),
    (
        "fallthrough",
        &[
            "case W in a) L;& *) L;; esac",
            "case W in a) L;;& *) L;; esac",
            "case a in a) p;& b) g;; esac",
        ],
    ),
    ("alias", &["alias p=g; S", "alias v='p '\nv S"]),
    (
        "time",
        &[
            "time { L; }",
            "time -p S",
            "time; S",
            "! time S",
            "time exit; S",
            "time cd /; S",
            "h0() { L; }; time h0 W",
            "time set -- W; S",
        ],
    ),
    ("bar and", &["S |& S", "{ L; } |& S"]),
    (
        "odd keyword",
        &[
            "then S",
            "S; do S",
            "v=1 if p; then g; fi",
            "! ! S",
            "{L}",
            "if L then L fi",
            "for W in a; do L; done",
            "esac; S",
            "case a in esac) L;; esac",
            "{ S }; S",
            "! { L; } | S",
            "if (L) then (L) fi",
            "while (f) do (L) done",
        ],
    ),
    (
        "function of a simple command",
        &[
            "h0() S; h0",
            "h0() if p; then L; fi; h0",
            "p() { g; }; p",
            "h0() { h0; }; p",
        ],
    ),
    (
        "expansion as a command",
        &[
            "$v W",
            "$(L) W",
            "`p`",
            "${v:-p} W",
            "{p,g} W",
            "\"$v\" W",
            "p$v",
            "~ W",
            "*",
        ],
    ),
    (
        "indirect",
        &[
            "p ${!v} W",
            "p ${v@Q} W",
            "p ${v:(-1)}",
            "p ${#v[@]}",
            "p $[1+1] W",
            "p ${v: 1}",
        ],
    ),
    ("locale quotes", &["p $\"W\" W", "p $\"a\" $\"$(p)\""]),
    ("history", &["!!", "!p", "!-1 W", "p !$ W", "p a!b !W"]),
    (
        "glob of ksh",
        &["p @(a|b) W", "p +(p)", "[[ a == @(a|b) ]] && S", "p !(a)"],
    ),
    (
        "high descriptor",
        &[
            "S 10>&1",
            "S {v}>&1",
            "exec {v}>&1; S",
            "S 1>& 1>&2",
            "S 2>&1>/dev/null",
            "S >&1<&0 W",
        ],
    ),
];

const WRAPPED: Forms = &[
    (
        "env",
        &[
            "env S",
            "env v=W p W",
            "env -i p W",
            "env -u v g W",
            "env -- p W",
        ],
    ),
    (
        "nice, nohup, timeout, stdbuf",
        &[
            "nice p W",
            "nice -n 5 g W",
            "nohup p W",
            "timeout 5 p W",
            "timeout -k 1 5 g W",
            "stdbuf -oL p W",
        ],
    ),
    (
        "xargs",
        &[
            "p | xargs g W",
            "xargs p W </dev/null",
            "echo a b | xargs -n 1 p W",
            "echo a | xargs -I {} p {} W",
        ],
    ),
    (
        "find",
        &[
            "find . -exec p {} W ';'",
            "find . -maxdepth 0 -exec p W {} +",
            "find . -execdir g {} \\;",
            "find W -exec p ';' -exec g ';'",
        ],
    ),
    (
        "sh -c",
        &[
            "sh -c 'p a; g \"b c\"'",
            "sh -c 'p \"$0\" \"$@\"' W W",
            "bash -c 'p $1 | g' a b",
            "dash -c \"p 'a b'; f || g\" W",
            "sh -c 'p W'",
        ],
    ),
    (
        "sh of a here-document",
        &[
            "sh <<'E'\n(\np a\ng 'b c'\n); exit\nE\n",
            "bash -s W <<'E'\n( p \"$1\" ); exit 3\nE\n",
            "sh <<< '( p a ); exit'",
            "sh <<'E'\n(\nread v\np W\ng a\n); exit\nE\n",
            "bash <<'E'\n( read v\np 'a\ng evil\n' )  ;\texit\n\nE\n",
            "bash <<'E'\n(\nread -N 3 v\nS\nL\n); exit\nE\n",
            "bash <<'E'\n(\nS\nL ) 2>&1; exit\nE\n",
            "bash -c 'read v; bash' <<'E'\n( p a\ng 'b\ng evil\n' ); exit\nE\n",
            "bash -c 'cd .; bash' <<'E'\n( p a\ng b ); exit\nE\n",
            "sh -sc 'p W' <<'E'\ng W\nE\n",
        ],
    ),
    (
        "exec, command, builtin, eval",
        &[
            "exec p W",
            "command p W",
            "command -p g W",
            "command -v p",
            "builtin p",
            "eval p W",
            "eval 'p a; g b'",
            "eval \"p 'a b'\"",
            "exec -a x p W",
            "(exec p W); g",
            "eval eval p",
            "command exec p W",
            "builtin eval 'p a'",
        ],
    ),
    (
        "wrapped wrapper",
        &[
            "env nice p W",
            "timeout 5 env -i p W",
            "env sh -c 'exec p a'",
            "sh -c 'env v=1 p a; command g' W",
            "echo a | xargs env p",
            "nohup timeout 9 sh -c 'p | g' W",
        ],
    ),
    (
        "builtin",
        &[
            ": W",
            "test W = W && S",
            "[ -n W ] || S",
            "true W; S",
            "export v=W; p \"$v\"",
            "cd / && S",
            "echo W W | p",
            "printf '%s' W | g",
            "read v <<< W; p $v",
            "set -- W W; p \"$@\" $# $1",
            "local v=1",
            "shift; S",
            "return; S",
            "break; S",
            "exit; S",
            "wait; S",
            "umask; S",
            "unset v; S",
            "trap 'p a' EXIT; S",
            "set -e; f; S",
            "readonly v=W; S",
            "type p",
            "echo W",
            "ulimit; S",
        ],
    ),
];

const WORDS: Forms = &[
    (
        "keyword as a word",
        &[
            "esac", "done", "fi", "then", "in", "do", "if", "}", "case", "function", "time",
            "select", "]]", "coproc", "else", "{", "!",
        ],
    ),
    (
        "plain",
        &[
            "a", "b", "-n", "x+=1", "x=1", "=", "!", "a!b", "a#b", "a~b", "%", "a:b", "@", "a,b",
            "ä", "--", "-", "+a",
        ],
    ),
    (
        "quoted",
        &[
            "'a b'",
            "'$(p)'",
            "\"a b\"",
            "''",
            "\"\"",
            "\\ ",
            "\\$",
            "\\#",
            "'a\"b'",
            "\"a'b\"",
            "\"\\$(p)\"",
            "\"\\`p\\`\"",
            "\"a\\b\"",
            "\\'",
            "'\n'",
            "\"a\nb\"",
            "\\;",
            "\\(",
            "'\\'",
            "\"!\"",
        ],
    ),
    (
        "dollar quotes",
        &[
            "$'a\\tb'",
            "$'\\''",
            "$'\\x61'",
            "$'$(p)'",
            "$'a\\nb'",
            "$'\\\\'",
            "$'\\101b'",
            "$'\\u00e4'",
            "a$'b c'd",
            "\"$'a'\"",
            "$''",
        ],
    ),
    (
        "parameter",
        &[
            "$v",
            "\"$v\"",
            "${v}",
            "$#",
            "$?",
            "$-x",
            "\"$@\"",
            "$*",
            "$1",
            "${1}",
            "\"${v}a\"",
            "$va",
            "a$v\"b$v\"",
            "${#v}",
            "\"${#v}\"",
            "$@a",
            "${@}",
            "$v$v",
            "$",
            "a$",
            "\"$\"",
            "$%",
        ],
    ),
    (
        "default",
        &[
            "${v:-a}",
            "${v:-'a b'}",
            "\"${v:-a}\"",
            "${1:-p}",
            "${v-\"a b\"}",
            "${v:-\"$(p)\"}",
            "${v:-'$(p)'}",
            "${v:-$v}",
            "\"${v:-$(p)}\"",
            "${v:-`p`}",
            "${v:-a b}",
            "\"${v:-a b}\"",
            "${v:-${v:-b}}",
            "\"${v:-${v:-$(p c)}}\"",
            "${v:=b}",
            "\"${v:=a b}\"",
            "${v=b}",
            "${v:+a}",
            "\"${v:+$(p)}\"",
            "${v+'a'b}",
            "${v:-\"'\"}",
            "${v:-$'a'}",
            "${v:-#a}",
            "${v:-a#b}",
            "${v:-;}",
            "${v:-a|p}",
            "${v:-&}",
        ],
    ),
    (
        "default with odd quotes",
        &[
            "\"${v:-'a'}\"",
            "\"${v:-\"a\"}\"",
            "${v:-\\}}",
            "${v:-a\\ b}",
            "\"${v:-\\\"a}\"",
            "${v:-'}'}",
            "${v:-\"}\"}",
            "\"${v:-}}\"",
            "${v:-{a}",
            "\"${v:-'}'}\"",
            "${v:-~}",
            "${v:-<(p)}",
            "${v:-(a)}",
            "${v:-a\n}",
        ],
    ),
    ("error", &["${v:?}", "${v?a b}", "\"${v:?$(p)}\""]),
    (
        "trimmed",
        &[
            "${v%a}",
            "${v#*b}",
            "${v##a}",
            "${v%%'a b'}",
            "${v#\"$v\"}",
            "\"${v%a}\"",
            "${v#$(p)}",
            "${v%[ab]}",
            "${v#'*'}",
            "\"${v%'a'}\"",
        ],
    ),
    (
        "bash's parameters",
        &[
            "${v/a/b}",
            "${v//a/b}",
            "${v/#a/'b c'}",
            "${v^}",
            "${v,,}",
            "${v:1}",
            "${v:0:1}",
            "\"${v/a/$(p)}\"",
            "${v/$v/b}",
            "${v^^a}",
        ],
    ),
    (
        "arithmetic",
        &[
            "$((1+2))",
            "$(( (1) ))",
            "\"$((1))\"",
            "$((1<2?3:4))",
            "$((v))",
            "$(($v))",
            "$((1+$((2))))",
            "$((${#v}))",
            "$((0x1f))",
            "$((1==1&&2))",
            "$(( 1 ))a",
            "$((x=1))",
            "$((1,2))",
            "$((~1))",
            "$((!0))",
            "$(($(p)))",
            "$(( $(p | wc -l) + 1 ))",
            "$(( ($(date -d \"$v\" +%s) - $(date +%s)) / 2 ))",
            "\"$(($(nproc)*$(p \"$v\" | grep -c a)))\"",
            "$(( `p | wc -l` ))",
            "$(( \"$(p | wc -l)\" ))",
            "$(($(L | wc -l)))",
            "$((a[0]))",
            "$(((1)+(2)))",
            "$(((1)))",
            "$((1 + 2) )",
            "$((p); g)",
        ],
    ),
    (
        "braces",
        &[
            "-d[",
            "-d[a=1",
            "-d[ ]",
            "a.b[*].c",
            "a[*]",
            "[*]",
            "{a,b}",
            "{1..3}",
            "a{b,c}d",
            "{a,b}{c,d}",
            "{}",
            "{a}",
            "a@{0}",
            "{{.a}}",
            "--f={{.a}}:{{.b}}",
            "{a}{b,c}",
            "{a,b}{c}",
            "{a}..{b}",
            "a{b,c}/{1..2}d",
            "{a}>b",
            "x{}y",
            "{a,{b,c}}",
            "{a..c}$v",
            "{Z..a..2}'$(a)'",
            "{Z..a..6}a{Z..a..6}",
            "{A..e}",
            "$v{a,b}",
            "\"{a,b}\"",
            "{a,'b c'}",
            "{,}",
            "{a,b",
            "a,b}",
            "{1..3..2}",
            "'{'a,b}",
            "\\{a,b}",
        ],
    ),
    (
        "tilde",
        &[
            "~", "~/a", "~root", "a:~", "~+", "v=~", "~'a'", "\"~\"", "~/'a b'",
        ],
    ),
    (
        "glob",
        &[
            "*",
            "a?",
            "[ab]",
            "[",
            "]",
            "[!a]",
            "[^a]",
            "[a-c]*",
            "[]a]",
            "[[:alpha:]]",
            "a[",
            "*'*'",
            "[a'b']",
            "?\"?\"",
        ],
    ),
    (
        "command substitution",
        &[
            "$(L)",
            "\"a $(L) b\"",
            "$( L )",
            "\"$(L)\"",
            "$(L\n)",
            "$(p)",
            "\"$(f)\"",
            "a$(L)b",
            "$(\nL)",
            "$( (L) )",
            "$( (L); p)",
            "$( { L; } )",
            "$(L # a\n)",
            "$(:)",
            "$(<x)",
            "$()",
            "$(case W in a) L;; esac)",
            "$(case W in (a) L;; esac)",
            "\"$(p \"$(p \"a b\")\")\"",
            "$(p <<E\na $(g) b\nE\n)",
            "$(p <<E\na\nE\nL)",
            "$(p <<E; L\na\nE\n)",
            "$(p <<E | S\na\nE\n)",
            "$( { p <<E; } || L\na\nE\n)",
            "$( (p <<'E'\na\nE\n) && S; L)",
            "$(if p <<E; then L; fi\na\nE\n)",
            "$(S && p <<E\na\nE\n)",
            "$(p <<E &\na\nE\nL)",
            "`p <<E\na\nE\ng a; p b`",
        ],
    ),
    (
        "backquotes",
        &[
            "`p`",
            "\"`g`\"",
            "`p a 'b c'`",
            "\"`p 'a b'`\"",
            "`p \\`g\\``",
            "`p \\$v`",
            "`p \"a\"`",
            "`p \\\\a`",
            "a`p`b",
            "`p; g`",
            "`p | g`",
            "\"`p \"a\"`\"",
            "`p $(g)`",
            "$(p `g`)",
            "`p '\\''`",
            "`# a`",
            "`p #`",
        ],
    ),
    (
        "process substitution",
        &[
            "<(p <<E\na\nE\nL)",
            "<(L)",
            ">(L)",
            "<(p)",
            "a<(p)",
            "< (p)",
            "\"<(p)\"",
            "<(p)a",
        ],
    ),
    (
        "comment",
        &["#", "#a", "'#'", "\\#", "a #b $(p)\n", "# `p`\n", "#'\n"],
    ),
    (
        "continued",
        &[
            "a\\\nb",
            "\\\na",
            "a \\\n b",
            "\"a\\\nb\"",
            "$\\\n(p)",
            "$(\\\np)",
            "${v\\\n}",
            "'a\\\nb'",
            "\\\\\n",
            "$((1\\\n+1))",
            "<\\\n(p)",
            "`p \\\n a`",
        ],
    ),
];

const REDIRECTIONS: Forms = &[
    (
        "harmless redirection",
        &[
            " 2>&1",
            " >/dev/null",
            " &>/dev/null",
            " >&2",
            " 2>&-",
            " </dev/null",
            " 1>&2 2>&1",
            " >>/dev/null",
            " 3>&1",
            "<&-",
            " >|/dev/null",
            " 3<&0",
            " <>/dev/null",
            " &>>/dev/null",
        ],
    ),
    (
        "redirection to a word",
        &[
            " </nonexistent",
            " >W",
            " <W",
            " 2>W",
            " >&W",
            " 2>&W",
            ">a>b",
            " <$v",
            " >\"$(p)\"",
            " 2> >(g)",
            " < <(p W)",
            " > >(L)",
            " >a2>b",
            " W>&1",
            " 2>&1W",
        ],
    ),
    (
        "here-string",
        &[
            " <<<a",
            " <<<$v",
            "<<<\"$(p)\"",
            " <<< 'a b'",
            " <<<W",
            " <<<\"W\"",
            " 0<<<`g`",
        ],
    ),
];

/// What a variable holds before a builtin is given it, where `g evil` is what must not run.
const HELD: [&str; 12] = [
    "",
    "v='a[$(g evil)]'; ",
    "v='-v a[$(g evil)]'; ",
    "v='-va[$(g evil)]'; ",
    "v='a[$(g evil)]=1'; ",
    "v='x PS4=$(g evil)'; ",
    "v='PS4=$(g evil)'; ",
    "x=1; v='($(g evil))'; ",
    "v=-v; x='a[$(g evil)]'; ",
    "x=1; v='+a[$(g evil)]'; ",
    "a=1; v=v; x='a[$(g evil)]'; ",
    "a=1; v=-v; x='[$(g evil)]'; ",
];

/// Builtins that name variables.
const NAMING: [&str; 25] = [
    "export",
    "readonly",
    "local",
    "declare",
    "typeset",
    "read",
    "mapfile",
    "readarray",
    "unset",
    "getopts",
    "printf",
    "wait",
    "test",
    "[",
    "let",
    "set",
    "jobs",
    "history",
    "command export",
    "builtin printf",
    "builtin declare",
    "time printf",
    "command test",
    "command [",
    "command wait",
];

/// What stands behind them: options, names, values, and all of it in one.
const GIVEN: [&str; 59] = [
    "'aaa%n'",
    "a\"$x\"",
    "-\"$v\"",
    "a?*",
    "'a[$v]'",
    "HOME=/x",
    "'%s\\n'",
    "-v",
    "-p",
    "-a",
    "-r",
    "-x",
    "-i",
    "-n",
    "-ra",
    "-vx",
    "-aPS4",
    "-vPS4",
    "-raPS4",
    "-o",
    "-oo",
    "-t",
    "-d",
    "--",
    "+x",
    "-v x",
    "-N 1",
    "-s",
    "v",
    "x",
    "$v",
    "\"$v\"",
    "\"$x\"",
    "$x",
    "x=$v",
    "x=\"$v\"",
    "x='a b'$v",
    "\"x\"=$v",
    "x+=$v",
    "x+=+v",
    "PS4",
    "PS4='$(g evil)'",
    "PS4+='$(g evil)'",
    "'PS4=$(g evil)'",
    "'a[$(g evil)]'",
    "a[v]",
    "'a[x]=1'",
    "'x[0]'",
    "'x=($(g evil))'",
    "'BASH_CMDS[p]=/bin/g'",
    "'$(g evil)'",
    "a[$v]=1",
    "W",
    "=",
    "-gt",
    "1",
    "*",
    "$((1))",
    "]",
];

/// What shows that a variable was set, or evaluated.
const SHOWN: [&str; 9] = [
    "",
    "; p $((v))",
    "; p $((x))",
    "; set -x; p",
    "; p a",
    "; [[ a ]]",
    " <<< 'a[$(g evil)]'; p $((x))",
    " <<< '$(g evil)'; set -x; p",
    "; set -x; p; [[ a ]]",
];

const DELIMITERS: [(&str, &str); 8] = [
    ("<<E", "E"),
    ("<<'E'", "E"),
    ("<<-E", "\tE"),
    ("<< \"E F\"", "E F"),
    ("<<\\E", "E"),
    ("<<-'E'", "\t\tE"),
    ("0<<E", "E"),
    ("<<E''", "E"),
];

const BODIES: [&str; 20] = [
    "a W 'b' \"c\" \\$v\n",
    "$(L)\n",
    "`p a`\n",
    "a $(p \"b c\") `g` $v ${v:-b}\n",
    "${v:-$(p)}\n",
    "\\$(p) \\`g\\` \\\\\n",
    "$(p 'a\n')\n",
    "E a\n E\n",
    "\ta\n\t\tb\n",
    "\"$(p)\" '$(g)'\n",
    "a\\\nb\n",
    "${v:-\"a\"} ${v:-'b'}\n",
    "$((1+1)) $(( $(p) ))\n",
    "$(p <<F\n$(g)\nF\n)\n",
    "# $(p)\n",
    "E g )\n",
    "EOF g # )\n",
    "\\\\$(p)\n",
    "a `p \"b\"` `p \\`g\\``\n",
    "",
];

/// The name of what [`Writer::naming`] writes.
const NAMED: &str = "builtin that names variables";

/// The productions that the readers read, by name; those of [`REFUSED`] they may refuse wherever they stand.
pub fn read(programs: bool) -> Vec<&'static str> {
    let all = [COMPOUNDS, WORDS, REDIRECTIONS, WRAPPED];
    let forms = &all[..if programs { 4 } else { 3 }];
    forms
        .iter()
        .flat_map(|f| f.iter())
        .map(|(n, _)| *n)
        .chain([NAMED])
        .collect()
}

impl Writer {
    pub fn new(seed: u64, programs: bool) -> Writer {
        Writer {
            random: Random(seed),
            used: Vec::new(),
            documents: String::new(),
            programs,
        }
    }

    pub fn line(&mut self) -> String {
        self.documents.clear();
        self.used.clear();
        let mut text = self.list(0);
        text.push_str(
            self.random
                .pick(&["", "", "", " ", ";", " &", "\n", " # a"]),
        );
        if !self.documents.is_empty() {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&std::mem::take(&mut self.documents));
        }
        text
    }

    fn list(&mut self, depth: usize) -> String {
        let mut text = self.pipeline(depth);
        for _ in 0..self.random.below(3) / (1 + depth) {
            let joint = self.random.pick(&[
                " && ", " || ", "; ", " ; ", ";", "&&", "||", " & ", "\n", "&", " &&\n", "\n\n",
                "||\\\n", " # a\n",
            ]);
            // A line feed would end the line of a document.
            text.push_str(if joint.contains('\n') && !self.documents.is_empty() {
                "; "
            } else {
                joint
            });
            text.push_str(&self.pipeline(depth));
        }
        text
    }

    fn pipeline(&mut self, depth: usize) -> String {
        let mut text = String::new();
        if self.random.below(12) == 0 {
            text.push_str("! ");
        }
        text.push_str(&self.command(depth));
        for _ in 0..self.random.below(7) / 5 {
            text.push_str(self.random.pick(&[" | ", "|", " |\\\n", " | ", " |\n"]));
            text.push_str(&self.command(depth));
        }
        text
    }

    fn command(&mut self, depth: usize) -> String {
        let kind = if depth > 2 {
            99
        } else {
            self.random.below(60 + 30 * depth)
        };
        let text = match kind {
            0..=19 => self.form(COMPOUNDS, depth),
            20 if self.random.below(3) == 0 => self.form(REFUSED, depth),
            21..=24 if self.programs => self.form(WRAPPED, depth),
            25..=27 => self.naming(depth),
            _ => return self.simple(depth),
        };
        if self.random.below(6) == 0 {
            return text + &self.form(REDIRECTIONS, depth + 1);
        }
        text
    }

    /// A builtin that could evaluate what it is given.
    fn naming(&mut self, depth: usize) -> String {
        if !self.used.contains(&NAMED) {
            self.used.push(NAMED);
        }
        let mut text = self.random.pick(&HELD).to_owned();
        text.push_str(self.random.pick(&NAMING));
        for _ in 0..=self.random.below(3) {
            let given = self.random.pick(&GIVEN);
            text.push(' ');
            text.push_str(&self.fill(given, depth + 2));
        }
        text.push_str(self.random.pick(&SHOWN));
        text
    }

    /// One of the forms, with its words and lists written.
    fn form(&mut self, forms: Forms, depth: usize) -> String {
        let (name, list) = forms[self.random.below(forms.len())];
        let form = self.random.pick(list);
        if !self.used.contains(&name) {
            self.used.push(name);
        }
        self.fill(form, depth + 1)
    }

    fn fill(&mut self, form: &str, depth: usize) -> String {
        let mut text = String::new();
        for c in form.chars() {
            match c {
                'W' => text.push_str(&self.word(depth)),
                'L' => text.push_str(&self.list(depth)),
                'S' => text.push_str(&self.simple(depth)),
                c => text.push(c),
            }
        }
        text
    }

    fn simple(&mut self, depth: usize) -> String {
        let mut text = String::new();
        if self.random.below(10) == 0 {
            self.used.push("assignment");
            let value = self.word(depth);
            text.push_str(&format!("v={value} "));
            if self.random.below(3) == 0 {
                return text;
            }
        }
        if self.random.below(16) == 0 {
            text.push_str(self.random.pick(&[
                ">/dev/null ",
                "2>&1 ",
                "eval ",
                "command ",
                "builtin ",
                "exec 3>&1; ",
                "</dev/null ",
                "! ",
                "time ",
            ]));
        }
        // Mostly stand-ins: what is not there costs a process.
        let other = self.random.pick(&["p", "g", "no", "./p", "-p"]);
        text.push_str(self.random.pick(&[
            "p", "f", "g", "p", "f", "g", "'p'", "\"f\"", "\\g", "p''", "$'p'", "$'\\x67'",
            "''\"\"g", "p\\\n", other,
        ]));
        for _ in 0..self.random.below(4) {
            text.push_str(self.random.pick(&[" ", "  ", "\t", " \\\n", " \t ", " "]));
            for _ in 0..=self.random.below(5) / 4 {
                text.push_str(&self.word(depth));
            }
        }
        match self.random.below(20) {
            0 if depth == 0 && self.documents.is_empty() => {
                self.used.push("here-document");
                let (operator, mark) = DELIMITERS[self.random.below(DELIMITERS.len())];
                let body = self.random.pick(&BODIES);
                let body = self.fill(body, 3);
                text.push_str(&format!(" {operator}"));
                self.documents.push_str(&format!("{body}{mark}\n"));
            }
            1..=4 => text.push_str(&self.form(REDIRECTIONS, depth)),
            _ => {}
        }
        text
    }

    fn word(&mut self, depth: usize) -> String {
        // Deep down only what is plain ends the recursion.
        if depth > 3 || self.random.below(5) < 2 {
            return self.form(&WORDS[..3], 9);
        }
        self.form(WORDS, depth)
    }
}
