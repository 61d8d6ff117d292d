//! Bounds and laws of the readers, on any text.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aiops::command::{self, MAX_LINE, Shell, Wraps, full, render, strict};
use proptest::prelude::*;

/// Text of what shells react to.
fn shellish() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "p", "a", "1", "-x", "=", "x=1", "/etc", " ", " ", " ", "\t", "\n", ";", "|", "&", "&&", "||", "(", ")", "{", "}",
            "$", "$x", "${", "}", "$(", ")", "$((", "))", "`", "\"", "'", "\\", "\\\n", "#", "~", "*", "?", "[", "]", "!", "<", ">",
            ">>", "<<", "<<E\n", "E\n", "<<<", "2>&1", ">/dev/null", "if ", "then ", "fi", "while ", "do ", "done", "case ", " in ",
            "esac", ";;", "for ", "[[", "]]", "f() ", "time ", "{a,b}", "$'", "\\x", "eval ", "sudo ", "bash -c ", "xargs ",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn no_text_breaks_the_readers_and_what_is_written_back_reads_the_same(text in shellish()) {
        let _ = strict::read(&text);
        if let Ok(reading) = command::read(&text) {
            let again = command::read(&reading.canonical);
            prop_assert!(again.is_ok(), "{text:?}: {:?}: {again:?}", reading.canonical);
            let again = again.unwrap();
            prop_assert_eq!(&again.canonical, &reading.canonical);
            prop_assert_eq!(again.is_strict(), reading.is_strict() || again.is_strict());
            prop_assert_eq!(again.calls.len(), reading.calls.len());
            for (one, other) in again.calls.iter().zip(&reading.calls) {
                prop_assert_eq!(&one.name, &other.name);
            }
        }
    }

    #[test]
    fn what_the_strict_reader_reads_the_full_one_reads_the_same(text in shellish()) {
        if let Ok(line) = strict::read(&text) {
            let parsed = full::read(&text);
            prop_assert!(parsed.is_ok(), "{text:?}: {parsed:?}");
            prop_assert_eq!(full::ast::list(&parsed.unwrap().list), render::line(&line));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = command::read(&text);
        let _ = full::read(&text);
    }
}

#[test]
fn hostile_nesting_is_refused_and_overflows_no_stack() {
    for piece in [
        "(",
        "( ",
        "{ ",
        "$(",
        "\"$(",
        "`",
        "${x:-",
        "$((",
        "$((1+",
        "<(",
        "if ",
        "while ",
        "! ",
        "case x in a) ",
        "f() { ",
        "[[ ",
        "bash -c '",
        "sudo ",
        "eval ",
        "x=$(",
        "[",
        "<<E ",
        "{a,",
        "\"",
        "env ",
        "xargs ",
        "find -exec ",
        "&& ",
        "$(( $(",
        "a <<E\n$(",
        "timeout 1 ",
    ] {
        for length in [MAX_LINE, 1024 * 1024] {
            let text = piece.repeat(length / piece.len());
            assert!(command::read(&text).is_err(), "{piece:?} repeated is read");
        }
        // Without the bound on the line it is the bound on depth that must hold.
        let _ = full::read(&piece.repeat(200_000 / piece.len()));
    }
}

#[test]
fn long_harmless_lines_are_read_or_refused_for_their_length_only() {
    let line = format!("echo {}", "a ".repeat(30_000));
    assert!(command::read(&line).unwrap().is_strict());
    let line = format!("echo {}", "a".repeat(MAX_LINE));
    assert!(
        command::read(&line)
            .unwrap_err()
            .reason
            .contains("longer than")
    );
    let many = "p; ".repeat(4_000);
    assert_eq!(command::read(&many).unwrap().calls.len(), 4_000);
    assert!(
        command::read(&"p; ".repeat(5_000)).is_err(),
        "too many commands are refused, not dropped"
    );
}

#[test]
fn what_only_bash_reads_is_marked_or_refused_inside_a_posix_shell() {
    for line in [
        "[[ -f x ]]",
        "cat <(p)",
        "echo {a,b}",
        "p <<<a",
        "p &>x",
        "echo $'a'",
        "echo ${x/a/b}",
    ] {
        assert_eq!(command::read(line).unwrap().shell, Shell::Bash, "{line}");
        let inside = format!("sh -c {}", quoted(line));
        assert!(command::read(&inside).is_err(), "{inside}");
        let inside = format!("bash -c {}", quoted(line));
        assert!(command::read(&inside).is_ok(), "{inside}");
    }
    for line in [
        "echo $(p)",
        "if p; then g; fi",
        "cat <<E\n$x\nE",
        "p & g",
        "( p ) > x",
        "echo \"${x:-a}\"",
    ] {
        assert_eq!(command::read(line).unwrap().shell, Shell::Posix, "{line}");
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    render::quote(&mut out, text);
    out
}

/// The names of all commands that a line is read to run.
fn names(line: &str) -> Vec<String> {
    command::read(line)
        .unwrap_or_else(|e| panic!("{line:?}: {e}"))
        .calls
        .iter()
        .map(|c| c.name.text.clone())
        .filter(|n| !n.is_empty())
        .collect()
}

#[test]
fn commands_are_found_wherever_they_stand() {
    for (line, expected) in [
        ("a $(b `c`) \"${x:-$(d)}\"", "a b c d"),
        ("a <<E\n$(b) `c`\nE\nd", "a b c d"),
        ("a <<'E'\n$(b)\nE\nc", "a c"),
        ("x=$(a) y=`b`", "a b"),
        ("a > $(b) 2> \"`c`\"", "a b c"),
        ("for i in $(a); do b; done < $(c)", "b a c"),
        ("case $(a) in $(b)) c;; esac", "c a b"),
        ("while a; do b; done | { c; } && ( d )", "a b c d"),
        ("f() { a; }; f", "a f"),
        ("echo $(( $(( 1 )) ))", "echo"),
        ("bash <<'E'\n(a); exit\nE", "bash a exit"),
        ("bash <<< '(a; b); exit'", "bash a b exit"),
        ("sudo -n timeout 5 sh -c 'a | b'", "sudo timeout sh a b"),
        ("trap 'a; b' EXIT", "trap a b"),
        ("eval 'a' b", "eval a"),
        ("busybox sh -c a", "busybox sh a"),
        ("xargs -I% sh -c 'a'", "xargs sh a"),
    ] {
        assert_eq!(names(line).join(" "), expected, "{line}");
    }
}

#[test]
fn no_number_of_words_or_commands_hides_one_behind_a_wrapper_that_is_not_read() {
    let padding = "-e A=1 ".repeat(60);
    for run in ["exec", "run"] {
        let line = format!("docker {run} {padding} c rm -rf /usr");
        assert!(names(&line).contains(&"rm".to_owned()));
    }
    let many = "true; ".repeat(60);
    for line in [
        format!("docker exec c sh -c '{many} rm -rf /usr'"),
        format!("script -qc '{many} rm -rf /usr'"),
        format!("python3 <<'E'\n{many} rm -rf /usr\nE"),
    ] {
        assert!(names(&line).contains(&"rm".to_owned()), "{line}");
    }
    assert!(command::read(&format!("docker run {} rm -rf /usr", "a ".repeat(500))).is_err());
    assert!(command::read("docker exec c sh -c 'rm -rf /usr; $x'").is_err());
    assert!(command::read("kubectl exec p -- bash -c \"$x\"").is_err());
}

#[test]
fn no_line_makes_work_that_multiplies() {
    // Calls times the redirections around them.
    assert!(
        command::read(&format!(
            "{{ {} }} {}",
            "a;".repeat(4000),
            ">/x ".repeat(13_000)
        ))
        .is_err()
    );
    let nested = format!(
        "{}{}{}",
        "{ ".repeat(38),
        "a;".repeat(500),
        format!("}} {} ", ">/x ".repeat(15)).repeat(38)
    );
    assert!(command::read(&nested).is_err());
    // Actions of find inside one another, each of which could end at two places.
    let actions = "-exec find . -exec df + ".repeat(8);
    let line = format!("find . {actions} -exec df {} ';'", "a ".repeat(5000));
    assert!(command::read(&line).is_err());
    let line = format!("find . {} a ';'", "-f -exec ".repeat(4000));
    assert!(command::read(&line).is_err());
    let line = format!(
        "parallel 'df {}' ::: {}",
        "{}".repeat(15_000),
        "a".repeat(30_000)
    );
    assert!(command::read(&line).is_err());
    // A delimiter that no line of a document begins with.
    let line = format!("cat <<'E'\nEOF{}\nE\n", "_".repeat(63_900));
    assert!(command::read(&line).is_ok());
    // Variables times the words that could set them.
    let names: Vec<String> = (0..1500).map(|i| format!("a{i}")).collect();
    let set = names.join("=1 ");
    let counted = format!(
        "bash -c '{set}=1; : $(({}))'; echo {}",
        names.join("+"),
        "1 ".repeat(18_000)
    );
    assert!(command::read(&counted).is_err());
    // Guesses inside guesses.
    let mut line = "df".to_owned();
    for _ in 0..12 {
        let inner = format!("-aabc;x=1;y=1;z=1;w=1;{line}");
        let escaped: String = inner
            .chars()
            .flat_map(|c| {
                if c.is_ascii_alphanumeric() {
                    vec![c]
                } else {
                    vec!['\\', c]
                }
            })
            .collect();
        line = format!("strace {escaped}");
        if line.len() > MAX_LINE {
            break;
        }
        let _ = command::read(&line);
    }
}

#[test]
fn a_keyword_as_a_pattern_is_written_back_in_quotes() {
    let reading = command::read("echo \"$(case x in ('esac') echo '$(p)' ;; esac)\"").unwrap();
    assert!(
        reading.canonical.contains("('esac')"),
        "{}",
        reading.canonical
    );
}

#[test]
fn a_bracket_behind_an_equals_sign_or_an_arrow_is_written_back_in_quotes() {
    for (line, canonical) in [
        ("a='[' p", "a='[' p"),
        ("p >'['", "p >'['"),
        ("[ a = b ]", "[ a = b ]"),
    ] {
        let reading = aiops::command::read(line).unwrap();
        assert_eq!(reading.canonical, canonical);
        let again = aiops::command::read(canonical).unwrap();
        assert_eq!(again.canonical, canonical);
    }
}

#[test]
fn what_only_one_shell_reads_so_is_refused() {
    for line in [
        // bash appends to a variable and runs `p`; dash looks for a program `x+=1`.
        "x+=1 p",
        "x+=1",
        // bash reads `p x}a xb`.
        "p x{}a,b}",
        "p ${v:-q}{}a,b}",
        "p {}{}a,b}",
        "p {}'a',b}",
        // bash takes this `esac` for the end of the `case`.
        "case a in (a) for v in esac b; do p; done;; esac",
        // bash does not run `p` for the first, and closes for `>&-`.
        r"p 2>&\-",
        "p 2>&'-'",
        // dash takes the number for the next redirection's, and finds no target.
        "p 1>& 1>&2 2",
        "p 2>&1>/dev/null",
        "p >&2</dev/null",
        // bash finds a test of one word without its word.
        "[[ -n > a ]]",
        // bash takes the bracket for a substitution when it looks for the end of the quotes, and then for text.
        r#"p "$$(" 'a' ")""#,
        "p $v$",
        "p ${v:-a b}$",
        "p $.$(p)",
        "p \"$$(b $'c) d\"",
        "p \"$${v\"",
        // Shells join the lines inside backquotes before they look at quotes and comments.
        "p `p '\\\n'`",
        "p `p # a\\\ng`",
        // bash expands the tilde, which begins a word there.
        "p {,}~",
        "p {,a}~/b",
        // dash ends the quotes early, and runs `g`; the line itself would go to any shell.
        r"eval 'p $'\''\'\''; g #'\'",
        "eval 'p {a,b}'",
        "trap 'p <(g)' EXIT",
        "p; [[ a && -n != b ]]",
    ] {
        assert!(aiops::command::read(line).is_err(), "{line:?}");
    }
    for line in [
        "p x}~ }~",
        "p {} {}.bak",
        "p x{}",
        "p a+=b",
        "p {}/a|p {};p",
        "p `p {}`",
    ] {
        assert!(aiops::command::read(line).is_ok(), "{line:?}");
    }
}

#[test]
fn options_of_wrappers_that_run_or_take_values_are_seen() {
    for line in [
        "ssh -o ProxyCommand='rm -rf /usr' host df",
        "ssh -o 'LocalCommand rm -rf /usr' host df",
        "strace -o '|rm -rf /usr' df",
        "xargs --max-lines rm -r /usr",
        "xargs --replace rm -r /usr",
    ] {
        // Refused is seen, too.
        let Ok(reading) = command::read(line) else {
            continue;
        };
        assert!(reading.calls.iter().any(|c| c.name.base == "rm"), "{line}");
    }
}

#[test]
fn a_part_of_a_pipeline_reads_it_wherever_it_stands_inside() {
    for line in [
        "a | (b; c)",
        "a | { while d; do c; done; }",
        "a | echo $(c)",
        "a | if b; then c; fi",
    ] {
        let reading = command::read(line).unwrap();
        let last = reading.calls.iter().find(|c| c.name.text == "c").unwrap();
        let first = &reading.calls[0];
        assert_eq!(first.pipe.pipeline, last.pipe.pipeline, "{line}");
        assert!(last.pipe.index > first.pipe.index, "{line}");
    }
}

#[test]
fn redirections_around_a_compound_command_are_its_commands() {
    let reading = command::read("{ a; if b; then c; fi; } > /etc/passwd").unwrap();
    for call in &reading.calls {
        assert!(
            call.redirections.iter().any(|r| r.writes()),
            "{}",
            call.name.text
        );
    }
    let empty = command::read("for i in; do a; done; > /x").unwrap();
    assert!(
        empty
            .calls
            .iter()
            .any(|c| c.words.is_empty() && c.redirections.len() == 1)
    );
}

#[test]
fn arithmetic_reads_what_surely_is_a_number() {
    for line in [
        r#"echo $(( ($(date -d "$end" +%s) - $(date +%s)) / 86400 ))"#,
        "echo $(( $(wc -l </etc/passwd) * 2 ))",
        "echo $(( $(grep x /etc/passwd | wc -l) + 1 ))",
        "n=$(nproc); echo $((n * 2)) $(( $n + 1 ))",
        r#"n="$(sudo stat -c %Y /etc/passwd)"; now=$(date +%s); echo "$(( (now - n) / 60 ))""#,
        "t=$(awk '/MemTotal/ {print $2}' /proc/meminfo); echo $((t / 1024))",
        "for n in $(nproc) 4; do echo $((n)); done",
        "echo $(( `date +%s` ))",
        "a=$(cat /sys/class/net/eth0/statistics/rx_bytes); sleep 5; b=$(cat /sys/class/net/eth0/statistics/rx_bytes); echo $(( (b-a)/5 ))",
    ] {
        assert!(
            command::read(line).is_ok(),
            "{line:?}: {:?}",
            command::read(line)
        );
    }
    for line in [
        // What it says may be anything.
        "echo $(( $(cat x) ))",
        "echo $(( $(date) ))",
        "echo $(( $(date +a%s) ))",
        "echo $(( $(date $x +%s) ))",
        r#"echo $(( $(date "$x" +%s) ))"#,
        r#"echo $(( $(date -d $x +%s) ))"#,
        r#"echo $(( $(date -d "$@" +%s) ))"#,
        "echo $(( $(date +%s +%s) ))",
        "echo $(( $(date -f x +%s) ))",
        // Messages.
        r#"echo $(( $(date -d "$x" +%s 2>&1) ))"#,
        r#"echo $(( $(date -d "$x" +%s 2>/dev/stdout) ))"#,
        "echo $(( $(wc -l x) ))",
        "echo $(( $(wc --files0-from=x) ))",
        "echo $(( $(grep -c a x y) ))",
        "echo $(( $(grep -c -f) ))",
        "echo $(( $(p | grep -ch x) ))",
        "echo $(( $(stat -c %n /x) ))",
        "echo $(( $(stat -c %s $x) ))",
        r#"echo $(( $(stat -c %s "$x") ))"#,
        "echo $(( $(awk '/x/ {print $3}' /proc/meminfo) ))",
        "echo $(( $(awk '/x/ {print $2}' x) ))",
        "echo $(( $(cat /proc/sys/kernel/hostname) ))",
        "echo $(( $(cat /sys/class/net/../../../tmp/x/statistics/y) ))",
        "echo $(( $(cat /sys/class/net/eth0/statistics/../../../x) ))",
        // More than one command, or another one.
        "echo $(( $(p; date +%s) ))",
        "echo $(( $(date +%s; p) ))",
        "echo $(( $(date +%s || p) ))",
        "echo $(( $(! date +%s) ))",
        "echo $(( $(x=1 date +%s) ))",
        "echo $(( $({ date +%s; }) ))",
        "echo $(( $(./date +%s) ))",
        "date() { echo 'a[$(id)]'; }; echo $(( $(date +%s) ))",
        // Words that bring options along; what is defined or exported elsewhere.
        "x='a -c a[$(id)] /'; echo $(( $(stat -c %s /$x) ))",
        "echo $(( $(stat -c %s /*) ))",
        "date() { p; }; eval 'echo $(( $(date +%s) ))'",
        "eval 'date() { p; }'; echo $(( $(date +%s) ))",
        "eval 'date() { p; }'; n=$(date +%s); echo $((n))",
        ". ./x; echo $(( $(date +%s) ))",
        "$x 'date() { p; }'; echo $(( $(date +%s) ))",
        "bash -c 'echo $(( $(date +%s) ))'",
        "bash -c 'n=$(nproc); echo $((n))'",
        "trap 'echo $(( $(date +%s) ))' EXIT",
        "export GREP_OPTIONS; echo $(( $(grep -c x </etc/passwd) ))",
        "set -a; GREP_OPTIONS=x; echo $(( $(grep -c x </etc/passwd) ))",
        "ssh h 'echo $(( $(date +%s) ))'",
        "echo $(( $(date +%s) )); date() { p; }",
        "date() { p; }; n=$(date +%s); echo $((n))",
        "PATH=/tmp; echo $(( $(date +%s) ))",
        "PATH=/tmp; n=$(date +%s); echo $((n))",
        "n=$(date +%s); n=$(cat x); echo $((n))",
        "n=$(date +%s)x; echo $((n))",
        "n=$(date +%s); read n; echo $((n))",
        "for n in $(nproc) $x; do echo $((n)); done",
    ] {
        assert!(command::read(line).is_err(), "{line:?}");
    }
}

#[test]
fn no_line_of_a_document_is_taken_for_its_end() {
    // Inside `$(…)` bash ends a document at a line that begins as its end and holds the closing bracket.
    for line in [
        "x=$(a <<E\nE b )\nE\n)",
        "x=$(a <<'E'\nE b # )\nE\n)",
        "x=$(a <<-E\n\tE b )\n\tE\n)",
        "a <(b <<E\nEc d )\nE\n)",
        "x=$( { a <<E\nE b )\nE\n} )",
        "x=$(a <<''\nb )\n\n)",
    ] {
        assert!(command::read(line).is_err(), "{line:?}");
    }
    // Nor may the delimiter that is written back stand at the beginning of one.
    let reading = command::read("x=$(a <<X\nEOF b )\nEOF_ c )\nX\n)").unwrap();
    assert!(
        reading.canonical.contains("<<'EOF__'"),
        "{}",
        reading.canonical
    );
}

#[test]
fn braces_that_give_nothing_are_refused() {
    for line in [
        "p {1..3}",
        "p {a..e}",
        "p {-2..8..2}",
        "p {a,b}x",
        "p {a..b,c}",
        "p {01..03}",
    ] {
        assert!(command::read(line).is_ok(), "{line:?}");
    }
    // bash takes these for text, and looks for a comma behind them.
    for line in [
        "p {a..}$v'{'a,b}",
        "p {..b}",
        "p {a..bb}",
        "p {1..a}",
        "p {1..3..x}",
        "p {1..2..3..4}",
        "p {a...c}",
        "p {..}",
        // The backslash among these, and the backquote, are read.
        "p {Z..a..2}'$(rm)'",
        "p {A..z}",
        "p {c..Z..7}'$(rm)'",
    ] {
        assert!(command::read(line).is_err(), "{line:?}");
    }
}

#[test]
fn a_bracket_that_opens_nothing_is_text() {
    for (line, word) in [
        ("cut -d[ -f2", "-d["),
        ("awk -F[ 1", "-F["),
        ("cut -d[a.b=c -f2", "-d[a.b=c"),
    ] {
        let reading = command::read(line).unwrap();
        assert_eq!(reading.calls[0].words[1].literal(), Some(word), "{line:?}");
    }
    assert!(command::read("cut -d[ -f2").unwrap().is_strict());
    for line in [
        "cut -d''[x]y[",
        "cut -d[$x]",
        "cut -d[\"]\"",
        "cut -d[{a],b}",
        "a[ ]",
        "a[ b ]=1",
        "export a[ b ]=1",
        "cut -d[\\]",
        "cut x[y",
    ] {
        assert!(command::read(line).is_err(), "{line:?}");
    }
}

#[test]
fn what_a_shell_would_evaluate_as_code_is_refused() {
    for line in [
        "test -v 'a[$(p)]'",
        "[ -v 'a[`p`]' ]",
        "printf -v 'a[$(p)]' x",
        "read 'a[$(p)]'",
        "unset 'a[$(p)]'",
        "declare 'a[$(p)]=1'",
        "let 'a[$(p)]=1'",
        "x='a[$(p)]'; echo $((x))",
        "echo $((x))",
        "for i in $(p); do echo $((i)); done",
        "read n; echo $((n+1))",
        "x=1; x=$(p); echo $((x))",
        "echo $(( $(p) ))",
        "echo ${x:y}",
        "echo ${x[1]}",
        "echo ${x@P}",
        "echo ${!x}",
        "[[ x -eq 1 ]]",
        "[[ -v x ]]",
        "PS4='$(p)' a",
        "BASH_ENV=x bash -c p",
        "env ENV=x sh -c p",
        "alias p=g",
        "shopt -s extglob",
        "enable -f x p",
        "set -k",
        "for PS4 in '$(p)'; do set -x; a; done",
        ": ${PS4='$(p)'}; set -x; a",
        "read PS4",
        "printf -v PS4 '$(p)'",
        "getopts x BASH_ENV",
        "_=1; echo 'a[$(p)]'; echo $((_))",
        "REPLY=1; read <<< 'a[$(p)]'; echo $((REPLY))",
        "RANDOM='a[$(p)]' df",
        "for OPTIND in 'a[$(p)]'; do df; done",
        "read RANDOM <<< 'a[$(p)]'",
        "declare -i a; a='x[$(p)]'",
        "f() { local -n r=a; r='x[$(p)]'; }; a=1; f; echo $((a))",
        "f() { local -i a; a='x[$(p)]'; }; f",
        "mapfile -C 'p;:' -c 1 a <<< x",
        "compgen -W '$(p)' x",
        "case x in (esac) p;; esac",
        "case x in a|esac) p;; esac",
        "script -qc 'rm -rf /usr; ((1))'",
        "flock /tmp/l -c 'rm -rf /usr; a[1]=2'",
        "bash -pc 'rm -rf /usr; ((1))'",
        "ssh -oProxyCommand='rm -rf /usr; ((1))' host df",
        "env -S 'rm\trf'",
        "exec 3<<'E'; sh <&3\np\nE\n",
        "f() { sh; }; f <<'E'\np\nE\n",
        "hash -p /x p",
        "eval \"$x\"",
        "bash -c \"$x\"",
        "trap \"$x\" EXIT",
        "$x a",
        "`p` a",
        "\"$x\" a",
        "sudo \"$x\"",
        "ssh h \"ls $x\"",
        "bash <<E\n$x\nE",
    ] {
        assert!(command::read(line).is_err(), "{line:?} is read");
    }
    for line in [
        "n=0; while p; do n=$((n+1)); done",
        "for i in 1 2 3; do echo $((i*2)); done",
        "echo $((1+2))",
        "for i in {1..3}; do echo $((i)); done",
    ] {
        assert!(
            command::read(line).is_ok(),
            "{line:?} is refused: {:?}",
            command::read(line)
        );
    }
}

#[test]
fn no_wrapper_hides_what_it_runs() {
    for line in [
        // Options that another reading would take for the command, or the command for a value.
        "watch -x sh -c 'rm -rf /usr'",
        "watch -dn rm -rf /usr",
        "watch --differences --exec rm -rf /usr",
        "nsenter -t 4711 -m -u -- rm -rf /usr",
        "nsenter -mu rm -rf /usr",
        "nsenter --target 4711 --wd=/x rm -rf /usr",
        "unshare -mu rm -rf /usr",
        "unshare --map-root-user -R /x rm -rf /usr",
        "setarch x86_64 -R rm -rf /usr",
        "setarch -R rm -rf /usr",
        "prlimit -n rm -rf /usr",
        "prlimit --nofile=5 rm -rf /usr",
        "chrt -o 0 rm -rf /usr",
        "chrt --idle rm -rf /usr",
        "choom -n 5 rm -rf /usr",
        "choom -p 0 rm -rf /usr",
        "prlimit -p 0 rm -rf /usr",
        "taskset -p 1 rm -rf /usr 0",
        "chrt -o -p 0 rm -rf /usr 0",
        "choom -n 5 -- rm -rf /usr",
        "strace -fo out rm -rf /usr",
        "strace -o '|rm -rf /usr' df",
        "strace -E A=b rm -rf /usr",
        "ltrace -n 5 -S rm -rf /usr",
        "flock -o /tmp/l rm -rf /usr",
        "flock /tmp/l -c 'rm -rf /usr'",
        "flock /tmp/l --command 'rm -rf /usr'",
        "systemd-run --scope -p MemoryMax=1G rm -rf /usr",
        "systemd-run -S rm -rf /usr",
        "systemd-inhibit --what=sleep --mode block rm -rf /usr",
        "systemd-cat -t x -p 5 rm -rf /usr",
        "runuser -u bob -- rm -rf /usr",
        "runuser -u bob rm -rf /usr",
        "runuser - bob -c 'rm -rf /usr'",
        "runuser bob -s /bin/sh -c 'rm -rf /usr'",
        "runuser bob -- -c 'rm -rf /usr'",
        "su -c 'df' bob --command='rm -rf /usr'",
        "script /dev/null -qc 'rm -rf /usr'",
        "sudo FOO=1 -u bob rm -rf /usr",
        "sudo A=b -- rm -rf /usr",
        "sudo -R /x -D /y rm -rf /usr",
        "sudo systemd-run -t nsenter -t 1 -a -- flock /tmp/l sh -c 'rm -rf /usr'",
        "env - A=b rm -rf /usr",
        "xargs -i rm -rf /usr",
        "xargs -l rm -rf /usr",
        "xargs -ti sh -c 'rm -rf /usr'",
        "find . -exec rm + -rf /usr ';'",
        "find . -exec df {} + -exec rm -rf /usr ';'",
        "find . -ok df {} + rm -rf /usr ';' -exec rm -rf /usr ';'",
        "busybox nsenter -t 1 rm -rf /usr",
        "busybox timeout -t 5 rm -rf /usr",
        "ip netns exec x rm -rf /usr",
        "ip netns e x rm -rf /usr",
        "ip -all netns exec rm -rf /usr",
        "run0 -u bob rm -rf /usr",
        "pee 'rm -rf /usr'",
        "docker exec -it -e A=b web rm -rf /usr",
        "docker container exec web sh -c 'rm -rf /usr'",
        "docker -H x exec web rm -rf /usr",
        "docker compose -f x.yml -p y exec -T web rm -rf /usr",
        "docker-compose exec web rm -rf /usr",
        "docker exec -i web sh <<'E'\n( rm -rf /usr ); exit\nE",
        "docker run --entrypoint=rm image -rf /usr",
        "docker run --entrypoint rm image -rf /usr",
        "coreutils --coreutils-prog=rm -rf /usr",
        "gdb -batch -ex 'shell rm -rf /usr'",
        "podman exec -l rm -rf /usr",
        "kubectl exec -n exec web -c app -- rm -rf /usr",
        "kubectl -n exec exec web -- rm -rf /usr",
        "kubectl exec web rm -rf /usr",
        "kubectl exec web -- sh -c 'rm -rf /usr'",
        // Text, wherever it comes from.
        "echo '( rm -rf /usr ); exit' | at now",
        "printf '%s\\n' '( rm -rf /usr ); exit' | batch",
        "cat <<'E' | at now\n( rm -rf /usr ); exit\nE",
        "at now <<< '( rm -rf /usr ); exit'",
        "crontab - <<'E'\n# m h\nMAILTO=a\n*/5 * * * * rm -rf /usr \\% x\nE",
        "echo '@reboot rm -rf /usr' | crontab -",
        "echo '( rm -rf /usr ); exit' | sh",
        "ssh host -- rm -rf /usr",
        "ssh host bash <<'E'\n( rm -rf /usr ); exit\nE",
        "ssh host 'sudo -n sh -s' <<'E'\n( rm -rf /usr ); exit\nE",
        "sh -c sh <<'E'\n( rm -rf /usr ); exit\nE",
        "{ sh <<'A'\n( rm -rf /usr ); exit\nA\n} <<'B'\ndf\nB",
        "nsenter -t 4711 -- bash <<'E'\n( rm -rf /usr ); exit\nE",
        "parallel rm -rf ::: /usr",
        "parallel -j 4 'df; rm -rf {}' ::: /usr",
        "parallel ::: df 'rm -rf /usr'",
        "parallel sh -c '\"rm -rf /usr\"' ::: a",
        "parallel -- df 'rm -rf /usr'",
        "parallel --pipe rm -rf /usr",
        "parallel rm ::: -rf ::: /usr",
        "parallel rm -rf '{//}' ::: /usr/x",
        "parallel rm -rf '/{/.}' ::: /a/usr.d",
        "parallel rm -rf '{.}' ::: /usr.d",
        "parallel rm -rf ::: /\"$x\" /usr",
        "nsenter -t 4711 -a --wdns rm df -rf /usr",
        "nsenter -t 4711 -a -W rm -rf /usr",
        "find /srv -exec ls + -exec rm -rf /usr ';'",
        "find /srv -exec rm -rf /usr + -exec ls + -exec df ';'",
        "ionice -c3 -p 1 rm -rf /usr",
        "ionice -p 0 rm -rf /usr",
        "ionice -c3 -p 1 sh -c 'rm -rf /usr'",
        "ionice -c3 --pid=1 2 rm -rf /usr",
        "start-stop-daemon -S --exec=/bin/rm -- -rf /usr",
        "start-stop-daemon -S -x/bin/rm -- -rf /usr",
        "start-stop-daemon -S --startas=rm -- -rf /usr",
        "perf stat --pre='rm -rf /usr' df",
        // Programs that run a command besides much else.
        "npx -c 'rm -rf /usr'",
        "npm exec -c 'rm -rf /usr'",
        "npm x -- rm -rf /usr",
        "npx rm -rf /usr",
        "bundle exec rm -rf /usr",
        "yarn exec rm -rf /usr",
        "pnpm exec rm -rf /usr",
        "turbostat rm -rf /usr",
        "turbostat -n 1 sh -c 'rm -rf /usr'",
        "cpupower monitor rm -rf /usr",
        "buildah unshare rm -rf /usr",
        "buildah run c rm -rf /usr",
        "runc exec c rm -rf /usr",
        "pct exec 100 -- rm -rf /usr",
        "qm guest exec 100 -- rm -rf /usr",
        "borg with-lock /r rm -rf /usr",
        "consul lock x 'rm -rf /usr'",
        "consul exec 'rm -rf /usr'",
        "etcdctl lock x rm -rf /usr",
        "etcdctl watch k -- rm -rf /usr",
        "nomad alloc exec 5 rm -rf /usr",
        "crm cluster run 'rm -rf /usr'",
        "minikube ssh 'rm -rf /usr'",
        "vagrant ssh -c 'rm -rf /usr'",
        "gcloud compute ssh x --command='rm -rf /usr'",
        "doctl compute ssh x --ssh-command 'rm -rf /usr'",
        "salt-call cmd.run 'rm -rf /usr'",
        "salt-call cmd.run cmd='rm -rf /usr'",
        "cmake -E env rm -rf /usr",
        "composer exec rm -rf /usr",
        "dotnet exec rm -rf /usr",
        "split --filter='rm -rf /usr' x",
        "split --fil 'rm -rf /usr' x",
        "restic --password-command='rm -rf /usr' backup /srv",
        "borg --rsh='rm -rf /usr' list x",
        "fio --exec_prerun='rm -rf /usr' x",
        "ansible all -m shell -a 'cmd=\"rm -rf /usr\"'",
    ] {
        let reading = command::read(line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        let seen = reading.calls.iter().any(|c| {
            let words: Vec<_> = c.words.iter().filter_map(|w| w.literal()).collect();
            c.name.base == "rm" && words.contains(&"-rf") && words.contains(&"/usr")
        });
        assert!(seen, "{line:?}: {:?}", names(line));
        let wrapper = reading
            .calls
            .iter()
            .any(|c| c.wraps != aiops::command::Wraps::Nothing);
        assert!(wrapper, "{line:?} wraps nothing");
    }
}

#[test]
fn a_command_whose_name_was_not_seen_is_refused_behind_every_wrapper() {
    for line in [
        "x='5 rm -rf /usr'; timeout $x df",
        "x='1 5 rm -rf /usr'; timeout -k $x df",
        "x='root rm -rf /usr'; sudo -u $x df",
        "x='1 rm -rf /usr'; sudo A=b FOO=$x df",
        "x='1 rm -rf /usr'; env FOO=$x df",
        "env --split-string=\"$x\" df",
        "x='. -exec rm -rf /usr ;'; find $x",
        "find \"$x\" rm -rf /usr ';'",
        "find . -name -exec a ';' rm -rf /usr ';'",
        "strace \"$@\"",
        "strace -f \"$x\" df",
        "nsenter -t 1 $x",
        "unshare \"$x\" df",
        "flock \"$x\" df",
        "cpulimit -l 50 $x",
        "tmux new -d \"$x\"",
        "docker run \"$image\" df",
        "docker exec web \"$x\"",
        "docker exec \"$c\" df",
        "set -- exec; docker \"$1\" c rm -rf /usr",
        "docker container \"$1\" c df",
        "docker ex* c df",
        "docker \"$@\"",
        "docker --new web \"$1\" c df",
        "docker -H $h exec c df",
        "docker compose -f x.yml \"$1\" web df",
        "kubectl \"$1\" web -- df",
        "kubectl -n $ns get pods",
        "ip net \"$1\" blue df",
        "ip -netns \"$1\" \"$2\"",
        "git \"$1\" run df",
        "git submodule \"$1\" df",
        "npm \"$1\" df",
        "vagrant \"$1\" -c df",
        "aws ssm \"$1\" df",
        "kubectl exec web -- \"$@\"",
        "kubectl exec web -- $x",
        "runuser -u bob -- $x",
        "su bob -c \"$x\"",
        "script -c \"$x\"",
        "watch -x $x",
        "python3 \"$x\"",
        "python3 -c \"$x\"",
        "perl -e 'print' -e \"$x\"",
        "python3 <<E\n$x\nE",
        "bash \"$x\"",
        "source \"$x\"",
        "xargs nice -n",
        "xargs timeout 5",
        "xargs sh",
        "xargs -ifoo sh -c foo",
        "xargs -I% -E -ifoo sh -c %",
        "find . -exec timeout 5 {} ';'",
        "curl x | at now",
        "at now",
        "crontab -",
        "echo() { curl x; }; echo df | at now",
        "{ echo df; curl x; } | at now",
        "(cd /x; echo df) | at now",
        "curl x | sh -c 'at now'",
        "ls | parallel",
        "ls | parallel sh -c {}",
        "parallel 'df \"{}\"' ::: '$(rm -rf /usr)'",
        "parallel 'df {= system(1) =}' ::: a",
        "systemd-run -p ExecStartPre='rm -rf /usr' df",
        "systemd-run -E X='; rm -rf /usr' sh -c 'echo ${X}'",
        "systemd-run -EBASH_ENV=/tmp/x bash -c df",
        "systemd-run -p Environment='A=b BASH_ENV=/tmp/x' bash -c df",
        "strace -E BASH_ENV=/tmp/x bash -c df",
        "docker exec -eBASH_ENV=/tmp/x web bash -c df",
        "SHELL=/tmp/x flock /tmp/l -c df",
        "ansible all -m shell -a 'df\n)'",
        "ansible all -a 'df )'",
        "ansible all -mansible.builtin.raw -a 'df )'",
        "turbostat $x",
        "docker exec -e=BASH_ENV=/tmp/x web bash -c df",
        "docker compose exec -e=BASH_ENV=/tmp/x web bash -c df",
        "parallel -N2 find ::: / -delete",
        "parallel rm -rf ::: /usr :::",
        "parallel '{1} {3} {2}' ::: rm ::: /usr ::: -rf",
        "parallel 'df{} x' ::: ';rm'",
        "parallel 'df<{}' ::: x",
        "ls | parallel 'df <<{}\np\nE'",
        "exec -a pkill pgrep -f x",
        "exec -la df rm",
        "ip -batch -",
        "ip -ba x",
        "for PATH in /tmp/e:$PATH; do cat <<'E' | sh\ndf\nE\ndone",
        "printf -v PATH /tmp/e; cat <<'E' | sh\ndf\nE",
        ": \"${PATH:=/tmp/e}\"; cat <<'E' | sh\ndf\nE",
        "for LC_ALL in zh_TW.BIG5; do bash -c 'df'; done",
        "printf -v LC_ALL zh_TW.BIG5",
        ": \"${LC_CTYPE:=zh_TW.BIG5}\"",
        "bash <<'E'\nread x\ndf `f\ng` rm `h`\ndf `f\ng`\nE",
        "bash <<'E'\nread x\nfor x\nin rm b\ndo df; done\nE",
        "bash <<'E'\nperl x\nif df\nthen ls\nfi\nE",
        "bash <<'E'\ndd if=stdin count=1\ndf rm a\nE",
        "bash <<'E'\nread -N2 y </tmp/x\ndf rm a\nE",
        "bash <<'E'\nzcat\nxxrm a\nE",
        "y='a[$(id)]'; eval ': \"${x:=$y}\"'; eval 'f && x=1; df $((x))'",
        "set -a; y='a[$(id)]'; eval ': \"${x:=$y}\"'; bash -c 'f && x=1; df $((x))'",
        "x='a[$(id)]' sh -c 'sh -c \"f && x=1; df \\$((x))\"'",
        "x='a[$(id)]' tmux new 'f && x=1; df $((x))'",
        "printf 'aaaaaaa%n'$x",
        "printf \"aaaaaaa%n$@\"",
        "script -qc bash /dev/null <<'E'\ndf rm\n!df:1 a\nE",
        "ssh -tt h <<'E'\ndf\n!df\nE",
        "ssh -tt h bash <<'E'\n\tdf\nE",
        "ssh -o RequestTTY=force h bash <<'E'\n!df\nE",
        "su -P -c bash <<'E'\n!df\nE",
        "systemd-run --pty bash <<'E'\n!df\nE",
        "trap -- -p EXIT",
        "env 'UID=-v a[$(id)]' bash -c '[ $UID = 0 ] && ls'",
        "UID='-v a[$(id)]' bash -c '[ $UID = 0 ]'",
        "read EUID; export EUID; bash -c '[ $EUID = 0 ]'",
        "docker exec -e EUID=x c bash -c '[ $EUID = 0 ]'",
        "[ $(hostname) == x ] && ls",
        "[ $(uname -n) == x ] && ls",
        "cd /etc; cp f profile; bash -lc ls",
        "read -e x",
        "read -rei y x",
        "eval 'cat() { g; }'; cat <<'E' | sh\ndf\nE",
        "bash <<'E'\nsed -n '1e head -c3 >/dev/null' /etc/hostname\ndf rm a\nE",
        "bash <<'E'\nsed 's/x/head -c3/e' /etc/hostname\ndf rm a\nE",
        "bash <<'E'\nawk 'BEGIN{system(\"head -c3\")}' /etc/hostname\ndf rm a\nE",
        "bash <<'E'\ndf | awk 'BEGIN{\"head -c2 /proc/\" PROCINFO[\"ppid\"] \"/f\" \"d/0\" | getline}'\ndf rm a\nE",
        "bash <<'E'\ndf | perl -e 'x'\ndf rm a\nE",
        "bash <<'E'\nperl -e 'x' 2</dev/null\ndf rm a\nE",
        "trap sh USR1; { df; } <<'E'\nrm a\nE",
        "trap python3 USR1; { df; } <<'E'\nrm a\nE",
        "h() { ed x; }; h <<'E'\n!rm a\nE",
        "eval 'h() { ed x; }'; h <<< '!rm a'",
        "eval \"eval 'h() { ed x; }'\"; h <<< '!rm a'",
        "h0() { . /dev/stdin; }; h0 <<'E'\nrm a\nE",
        "h0() { bash /dev/stdin; }; h0 <<'E'\nrm a\nE",
        "h0() { sudo -s; }; h0 <<'E'\nrm a\nE",
        "sudo -s <<'E'\nread -N2 y\ndf rm a\nE",
        "docker run -i x <<'E'\nread -N2 y\ndf rm a\nE",
        "docker exec -it c bash <<'E'\ndf\nE",
        "script -q /dev/null <<'E'\nrm -rf /usr\nE",
        "script -qc bash /dev/null <<'E'\ndf rm a\n^df ^^\nE",
        "bash -i <<'E'\ndf\nE",
        "bash <<'E'\nsed -u --line-length 5 /df/q >/dev/null\ndf `f\ng` rm `h`\nE",
        "bash <<'E'\nsed -u 1q /dev//stdin\nif df\nthen ls\nfi\nE",
        "bash <<'E'\nsed -u 1q /home/l\nif df\nthen ls\nfi\nE",
        "bash <<'E'\nx=fd\ng | dd bs=1 count=2 if=/proc/$$/$x/0\ndf rm a\nE",
        "bash <<'E'\ncd /proc/$$/fd\ng | dd bs=1 count=2 if=0\ndf rm a\nE",
        "bash <<'E'\nd=/proc/1\ncd \"$d\"\ng | dd bs=1 count=2 if=0\ndf rm a\nE",
        "bash <<'E'\nread -N2 y </dev/null </tmp/w/x\ndf rm a\nE",
        "[[ ! 1> -f ]]",
        "npm -d \"$1\" df",
        "gem \"$1\" df",
        "git rebase \"$1\" df",
        "docker exec -iteHOME=/d c bash -lc df",
        "systemd-run -qEHOME=/d bash -lc df",
        "docker exec -iteLC_ALL=zh_TW.BIG5 c bash -c df",
        "systemd-run -p Environment=LC_ALL=zh_TW.BIG5 bash -c df",
        "TERMINFO=/tmp/e script -qc bash /dev/null",
        "systemd-run --setenv=\"$x\" df",
        "systemd-run --property=\"$x\" df",
        "systemd-run --setenv=BASH_ENV=\"$x\" bash -c df",
        "sudo --user=$u df",
        "sudo --us\"$u\" df",
        "bash <<'E'\nsudo -S df\nif ls\nthen df\nfi\nE",
        "bash <<'E'\ngrep --max-count 1 /x\nif ls\nthen df\nfi\nE",
        "bash <<'E'\ngrep -m1 x - /etc/hosts\nif ls\nthen df\nfi\nE",
        "bash <<'E'\nperl -e 'sysread STDIN,$_,2'\ndf rm a\nE",
        "bash /dev/stdin <<'E'\nread x\ndf `f\ng` rm `h`\nE",
        "x=1; df $y$!",
        "PS2='$(rm)' bash -i <<'E'\nif g\nthen df\nfi\nE",
        "strace -EHOME=/d bash -lc df",
        "docker exec -e LC_ALL=zh_TW.BIG5 c bash -c df",
        "HOME=/d zsh -c df",
        "CDPATH=/; cd usr && df",
        "SSH_ASKPASS=/tmp/e ssh h df",
        "time -p -p df",
        "h0() { case \"$(sh)\" in esac; }; h0 <<'F'\nrm a\nF",
        "systemd-run -p $'Description=x\\n[Service]' df",
        "xargs -i -i df",
        "env read 'a[$(rm)]' </etc/hostname",
        "timeout 5 jobs -x rm 2",
        "x='a[$(rm)]'; env read \"$x\" </etc/hostname",
        "xargs -a k read",
        "systemd-run -E Y='5 rm' nice -n '$'\"$x\" df",
        "crontab - <<'E'\nHOME=/d\n* * * * * bash -lc df\nE",
        "HOME=/tmp/x parallel df ::: a",
        "env XDG_CONFIG_HOME=/tmp/x parallel df ::: a",
        "export PERL5OPT=-Mx; parallel df ::: a",
        "parallel -n0 passwd ::: -S",
        "parallel --max-args=3 chown ::: -R bob /home",
        "parallel -a /tmp/f ::: df",
        "ls | parallel -N2",
        "ls | parallel -X",
        "parallel --arg-file /tmp/f rm ::: df",
        "parallel rm '{##}' ::: x",
        "parallel rm '{+1}' ::: x",
        "parallel rm '{-1}' ::: x",
        "parallel rm '{host}' ::: x",
        "parallel rm -rf '/usr{2}' ::: x",
        "parallel find ::: / :::+ -delete",
        "ionice -c3 -p $x",
        "ionice -c3 -p \"$x\" df",
        "exec <<'E'\nrm -rf /usr\nE\nsh",
        "exec 3<<'E'\nrm -rf /usr\nE\nsh /dev/fd/3",
        "f() { sudo sh; }; f <<'E'\nrm -rf /usr\nE",
        "f() { sh -c sh; }; f <<'E'\nrm -rf /usr\nE",
        "while read x; do bash; done <<'E'\ncat <<'Q'\nrm -rf /usr\nQ\nE",
        ". /dev/stdin <<'E'\nrm -rf /usr; ((1))\nE",
        "ssh host bash <<E\n$x\nE",
        "git -c core.pager=\"$x\" log",
    ] {
        assert!(
            command::read(line).is_err(),
            "{line:?} is read: {:?}",
            names(line)
        );
    }
    // One word that is no option is as good as a plain one.
    for line in [
        "sudo -u \"$user\" df",
        "for h in a b; do ssh -- \"$h\" uptime; done",
        "kubectl exec \"pod/$p\" -- df",
        "flock \"/run/$x\" df",
        "python3 x.py \"$x\"",
        "find \"$x\" -name a",
        "env A=\"$x\" df",
        "git commit -m \"$x\"",
    ] {
        assert!(
            command::read(line).is_ok(),
            "{line:?}: {:?}",
            command::read(line)
        );
    }
}

#[test]
fn wrappers_that_run_nothing_run_nothing() {
    for line in [
        "taskset -p 1234",
        "taskset -p 03 1234",
        "chrt -p 1234",
        "prlimit -p 1234",
        "ionice -p 1234",
        "flock 9",
        "at -l",
        "setpriv -d",
        "systemd-inhibit --list",
        "env",
    ] {
        let reading = command::read(line).unwrap();
        assert_eq!(reading.calls.len(), 1, "{line}");
        assert_eq!(
            reading.calls[0].wraps,
            aiops::command::Wraps::Nothing,
            "{line}"
        );
    }
}

#[test]
fn the_strict_reader_has_the_bounds_of_the_full_one() {
    let many = format!("p{}", " 2>&1".repeat(17));
    assert!(strict::read(&many).is_err() && command::read(&many).is_err());
    assert!(strict::read(&many[..many.len() - 5]).is_ok());
    // Found by fuzzing: the full reader counted empty quotes as parts in front of a brace.
    let quotes = format!("f{}e{{}}", "''".repeat(70));
    assert!(strict::read(&quotes).is_ok() && full::read(&quotes).is_ok());
    let pipes = format!("df{}", " | wc".repeat(64));
    assert!(strict::read(&pipes).is_err() && command::read(&pipes).is_err());
    assert!(strict::read(&pipes[..pipes.len() - 5]).is_ok());
}

#[test]
fn guesses_in_guesses_have_an_end_where_none_of_them_is_kept() {
    // Found by fuzzing: each `sh` was taken for a command with all words behind it, in texts that could then not be read.
    let line = concat!(
        "bash -c,  sh -shczhe-shIcxhen  sh  p--- sh -ssh'b=esi &$/d/| sh  p--- sh -sshIcxhen sh -2hc sh -sh  sh ",
        "-shczhe-shIcxhen  sh  p--- sh -sshIcxhen sh -2hc sh -sh  sh -shczhen2>&1  sh h  sh -sh sh -2hc ",
        "s-shczhen2>&1  sh h  rgc|os sh -bse\\;===={}sh -shcd/z|he{}<<<  $(c)cxh  [&1'en "
    );
    let refused = command::read(line).unwrap_err();
    assert!(
        refused.reason.contains("too much text"),
        "{}",
        refused.reason
    );
    // What people write is far from that bound.
    let long = format!("docker run {} alpine sh -c 'id'", "-v /a:/b ".repeat(100));
    assert!(command::read(&long).is_ok());
}

#[test]
fn a_brace_is_no_pattern_of_case() {
    // Found by the oracle: in braces bash ends them there, and dash does not.
    for line in [
        "{ case x in a) p;; }) p;; esac; }",
        "{ case x in (}) p;; esac; }",
        "{ case x in a|}) p;; esac; }",
        "case x in }) p;; esac",
    ] {
        let error = command::read(line).unwrap_err();
        assert!(
            error.reason.contains("`}` as a pattern"),
            "{line}: {}",
            error.reason
        );
    }
    assert!(command::read("{ case x in a) p;; '}') p;; esac; }").is_ok());
}

/// What people write with the builtins that could evaluate text is read, and goes to the shell that does what it says.
#[test]
fn subcommands_that_stand_in_the_line_are_read() {
    for line in [
        "kubectl -n \"$ns\" get pods",
        "sudo --user=\"$u\" df",
        "nsenter --target=\"$p\" --net df",
        "systemd-run --unit=\"$n\" --setenv=A=\"$x\" df",
        "docker exec --user=\"$u\" web df",
        "kubectl exec --container=\"$c\" web -- df",
        "kubectl --namespace=\"$ns\" get \"$x\"",
        "kubectl -n\"$ns\" -v 6 logs \"$p\"",
        "kubectl get -n $ns pods",
        "git --no-pager -C \"$d\" log \"$x\"",
        "docker -H \"$h\" compose -f \"$f\" ps $x",
        "ip -br addr show \"$d\"",
        "npm --prefix \"$d\" run \"$x\"",
        "aws --profile \"$p\" ec2 describe-instances",
        "borg --lock-wait 5 list \"$r\"",
    ] {
        command::read(line).unwrap();
    }
}

#[test]
fn everyday_words_of_builtins_are_read() {
    let lines = [
        ("n=5; [ $n -gt 3 ] && p", Shell::Posix),
        (
            "[ $# -lt 1 ] || [ $? -eq 0 ] || [ ${#x} -gt 3 ]",
            Shell::Posix,
        ),
        ("n=$(ls | wc -l); [ $n -gt 3 ] && p", Shell::Posix),
        ("[ $(ls | wc -l) -gt 3 ] && p", Shell::Posix),
        (
            "n=$(grep -c x f); echo $((n+1)); u=$(df / | tail -1 | tr -dc 0-9); [ $u -gt 80 ]",
            Shell::Posix,
        ),
        (
            "[ $(id -u) -ne 0 ] && exit; [ $(date +%H) -lt 8 ] || [ $(systemctl is-active nginx) = active ]",
            Shell::Posix,
        ),
        (
            "x=$(cat f); [ \"$x\" = a ] && [ ! -f \"/tmp/$x\" ]",
            Shell::Posix,
        ),
        (
            "[ \"$a\" -gt \"$b\" ] && [ \"$a\" != \"$c\" -a -n \"$d\" ]",
            Shell::Posix,
        ),
        (
            "[ -e /etc/*.conf ] && sudo test -f $x; ls | xargs -n1 test -e",
            Shell::Posix,
        ),
        (
            "p & pid=$!; wait $pid; wait $!; wait; wait -- $x",
            Shell::Posix,
        ),
        ("export FOO=\"$x\" BAR=b; readonly y=1", Shell::Posix),
        (
            "printf -- \"$x\\n\"; printf '%s\\n' \"$x\" $y; printf \"a $x\"",
            Shell::Posix,
        ),
        (
            "read -r -p \"$q\" x y; unset -v x y; getopts ab: o",
            Shell::Posix,
        ),
        (
            "bash <<'E'\n(\nset -e\napt-get update\nif [ -f /a ]; then\ndf\nfi\n); exit\nE\n",
            Shell::Posix,
        ),
        ("x=$(cat <<E | g\na\nE\n); p \"$x\"", Shell::Posix),
        ("export x=5; bash -c 'y=1; p $((y))'", Shell::Posix),
        ("export DATE=$(date +%F); p", Shell::Bash),
        ("f() { local x=$1; p \"$x\"; }; f a", Shell::Bash),
        ("x='a b'; export v='c d'$x; p", Shell::Bash),
        ("set -euo pipefail; p | g", Shell::Bash),
        ("[ a == b ] || p", Shell::Bash),
        ("[ $UID -eq 0 ] || [ $EUID -ne 0 ]", Shell::Bash),
        ("x=/tmp :; rm \"$x/y\"", Shell::Bash),
        ("x=1 p; eval p; exec p", Shell::Posix),
        ("x=$(</etc/hostname); p \"$x\"", Shell::Bash),
        (
            "rm -rf \"/tmp/$UID/x\"; source f; declare -r z=1",
            Shell::Bash,
        ),
    ];
    for (line, shell) in lines {
        let reading = command::read(line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        assert_eq!(reading.shell, shell, "{line:?}");
    }
    // Quoted, it would be split.
    let reading = command::read("export v='a b'$x").unwrap();
    assert_eq!(reading.canonical, "export v='a b'${x}");
}

/// What a pipe brings to a shell is known only where its writer is the program of that name, and nobody else reads there.
#[test]
fn a_shell_behind_a_pipe_is_read_only_where_what_it_gets_is_certain() {
    let wraps = |line: &str| {
        let reading = command::read(line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        let shell = reading.calls.iter().find(|c| c.name.text == "sh");
        shell.unwrap_or_else(|| panic!("{line:?}")).wraps
    };
    for line in [
        "echo '( df ); exit' | sh",
        "printf '%s\\n' '( df ); exit' | sh",
        "cat <<'E' | sh\n( df ); exit\nE\n",
    ] {
        assert_eq!(wraps(line), Wraps::Text, "{line:?}");
    }
    for line in [
        "printf 'p evil a' | { head -c2 >/dev/null; sh; }",
        "echo 'p evil a' | x=$(head -c2) sh",
        "builtin source f; cat <<'E' | sh\np\nE\n",
        "PATH=/d:$PATH; cat <<'E' | sh\np\nE\n",
        "printf 'p evil a' | find / -exec head -c2 ';' -exec sh ';'",
    ] {
        assert_eq!(wraps(line), Wraps::Unknown, "{line:?}");
    }
}

#[test]
fn what_dash_does_otherwise_than_its_writer_meant_goes_to_bash() {
    for line in [
        "echo -e 'a\\nb'",
        "echo 'a\\tb'",
        "rm -rf d/.*",
        "df \"${@##*/}\"",
        "echo -ne a | tr a b",
        "exec -- df",
        "command -p exec -- df",
        "command command -- exec -- df",
        "command -p eval -- df",
    ] {
        assert_eq!(command::read(line).unwrap().shell, Shell::Bash, "{line}");
    }
    for line in [
        "echo -n a",
        "echo a",
        "ls d/*.x",
        "echo -- a",
        "bash -euo pipefail -c 'df | sort'",
    ] {
        assert_eq!(command::read(line).unwrap().shell, Shell::Posix, "{line}");
    }
}

#[test]
fn a_loop_over_many_words_is_kept_once() {
    let words = "a ".repeat(15_000);
    for body in ["export x=1;".repeat(2000), "df;".repeat(4000)] {
        let line = format!("for x in {words}; do {body} done");
        let calls = command::read(&line).unwrap().calls;
        let first = &calls[0].scope;
        assert!(
            calls
                .iter()
                .all(|c| std::sync::Arc::ptr_eq(&c.scope, first))
        );
    }
    let inner = "for y in a;do df;done; ".repeat(1300);
    assert!(command::read(&format!("for x in {words}; do {inner} done")).is_err());
}
