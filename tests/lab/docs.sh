# docs/install.md, line by line: every command in it is typed on the hosts, and must print what the page shows.
#
# A block is ```console; a line `HOST# command` is root there, `USER@HOST$ command` that user; what
# follows is the output, where a line `…` stands for any lines. What differs from run to run (keys,
# fingerprints, codes, times) is compared by its form only. LAB_RECORD=FILE writes the page anew.
# shellcheck shell=bash
PAGE=$LAB_HOME/docs/install.md

# The form of a text: what is never twice the same becomes a word.
form() {
  sed -E -e 's#SHA256:[A-Za-z0-9+/]{43}#SHA256:KEY#g' -e 's#AAAA[A-Za-z0-9+/]{40,}=*#AAAAKEY#g' \
    -e 's#aiops-ticket-v1:[0-9a-f]{64}#aiops-ticket-v1:KEY#g' -e 's#[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+Z?#TIME#g' \
    -e 's#[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}#UUID#g' -e 's#[0-9]+ (ms|MB|bytes|rules|manual pages|places|steps|records|files)#N \1#g' \
    -e 's#(duration_ms|audit_seq)":[0-9]+#\1":N#g' -e 's#([Aa]pprove|[Dd]eny) [a-z0-9]{4}\b#\1 CODE#g' \
    -e 's#"approval_code":"[a-z0-9]{4}"#"approval_code":"CODE"#g' -e 's#^[a-z0-9]{4}  +#CODE #' -e 's#[0-9]{2}:[0-9]{2}:[0-9]{2}#TIME#g' \
    -e 's#up  ?[0-9:]+( min)?,.*load average: [0-9., ]+#up SOME#g' -e 's#[0-9]+\.[0-9]+\.[0-9]+_amd64#VERSION_amd64#' -e 's#[[:space:]]+$##' \
    -e 's#[0-9a-f]{64}#HASH#g' -e 's#([0-9a-f]{4}-){16}[0-9a-f]{4}#SEED#g' -e 's#; [0-9]+ so far#; N so far#' -e 's#[0-9]+ seals, the last in record [0-9]+#N seals, the last in record N#' -e 's#MainPID=[0-9]+#MainPID=N#g' -e 's#"seq":[0-9]+#"seq":N#g' -e 's#aiops [0-9]+\.[0-9]+\.[0-9]+#aiops VERSION#' -e 's#Ncheck#check#' -e 's#^[0-9]+ checks:#N checks:#'
}

# like EXPECTED ACTUAL: line by line, `…` for any lines.
like() {
  awk -v expected="$1" -v actual="$2" 'BEGIN {
    n = split(expected, e, "\n"); m = split(actual, a, "\n"); i = 1; j = 1; star = 0
    while (j <= m || i <= n) {
      if (i <= n && e[i] == "…") { star = i; back = j; i++; continue }
      if (i <= n && j <= m && e[i] == a[j]) { i++; j++; continue }
      if (star && back < m + 1 && j <= m) { back++; i = star + 1; j = back; continue }
      printf "line %d: expected \"%s\", got \"%s\"\n", i, e[i], a[j]; exit 1
    }
  }'
}

typed() {
  local where=$1 command=$2 host=${1#*@}
  case $command in
    'aiops install target "'*) command=$TYPED_TARGET ;;
    'aiops target add '*) command=$TYPED_ADD ;;
    'aiops approve '*) command="aiops approve $TYPED_CODE${command#aiops approve ????}" ;;
  esac
  SHOWN=$command
  case $where in
    *@*) OUT=$(as "$where" bash -c "cd; $command" 2>&1) || true ;;
    *) OUT=$(in_host "$host" bash -c "cd /root; PATH=\$PATH:/root; $command" 2>&1) || true ;;
  esac
  case $OUT in *'aiops install target "'*) TYPED_TARGET=$(printf '%s\n' "$OUT" | grep -o 'aiops install target ".*') ;; esac
  case $OUT in *'aiops target add '*) TYPED_ADD=$(printf '%s\n' "$OUT" | grep -o 'aiops target add [^<]*' | tail -n 1) ;; esac
  case $OUT in *'"approval_code":"'*) TYPED_CODE=$(printf '%s' "$OUT" | grep -o '"approval_code":"[a-z0-9]*"' | cut -d'"' -f4) ;; esac
}

settle_block() {
  [ -n "$WHERE" ] || return 0
  typed "$WHERE" "$COMMAND"
  if [ -n "${LAB_RECORD:-}" ]; then
    local prompt="$WHERE#"
    case $WHERE in *@*) prompt="$WHERE\$" ;; esac
    printf '%s %s\n' "$prompt" "${SHOWN#/root/}" >>"$LAB/page.new"
    case $EXPECTED in *…*) printf '%s\n' "$EXPECTED" >>"$LAB/page.new" ;; *) [ -z "$OUT" ] || printf '%s\n' "$OUT" >>"$LAB/page.new" ;; esac
  fi
  local difference
  if ! difference=$(like "$(printf '%s' "$EXPECTED" | form)" "$(printf '%s' "$OUT" | form)"); then
    [ -n "${LAB_RECORD:-}" ] || fail "docs/install.md: $WHERE: $COMMAND: $difference"
  fi
  CHECKS=$((CHECKS + 1))
  printf '  ok  %s: %s\n' "$WHERE" "$(printf '%s' "$COMMAND" | cut -c1-90)"
  WHERE=
}

part "docs/install.md, typed line by line"
# The page begins with the package on fresh hosts.
bash "$LAB_HOME/install/deb.sh" --fast --binary "$AIOPS_BIN" "$LAB/page" >/dev/null
for name in gateway srv1; do cp "$LAB"/page/*.deb "$(lab_root $name)/root/aiops.deb"; rm -f "$(lab_root $name)/root/aiops"; done
for name in gateway srv1; do in_host $name sh -c "[ ! -x /usr/local/bin/aiops ] || aiops install remove --audit --agent" >/dev/null; in_host $name rm -rf /opt/aiops /var/log/aiops; done
in_host srv1 sh -c 'rm -f /etc/nginx/conf.d/* /etc/nginx/sites-enabled/*; systemctl restart nginx' || true
: >"$LAB/page.new"
WHERE=
BLOCK=no
while IFS= read -r line || [ -n "$line" ]; do
  if [ "$BLOCK" = no ]; then
    [ "$line" = '```console' ] && BLOCK=yes
    printf '%s\n' "$line" >>"$LAB/page.new"
  elif [ "$line" = '```' ]; then
    settle_block
    BLOCK=no
    printf '%s\n' "$line" >>"$LAB/page.new"
  elif [[ $line =~ ^([a-z0-9]+)#\ (.*)$ ]] || [[ $line =~ ^([a-z]+@[a-z0-9]+)\$\ (.*)$ ]]; then
    settle_block
    WHERE=${BASH_REMATCH[1]} COMMAND=${BASH_REMATCH[2]} EXPECTED=
  else
    EXPECTED=${EXPECTED:+$EXPECTED$'\n'}$line
  fi
done <"$PAGE"
[ -z "${LAB_RECORD:-}" ] || cp "$LAB/page.new" "$LAB_RECORD"
