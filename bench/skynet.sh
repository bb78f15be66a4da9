#!/bin/bash
# skynet.sh BINARY [EXAMPLE...]: skynet's own examples and tests, unchanged, in a luahttpd and in skynet itself, and whether both print the
# same. SKYNET names a checkout of cloudwu/skynet; where it is built (make linux) its output is what is compared with, else the examples
# only have to run without an error. Times, addresses and the order of lines are left out. Outputs and differences are in $OUT.
#
#   SKYNET=~/src/skynet OUT=/tmp/skynet bench/skynet.sh ./luahttpd
#   SKYNET=~/src/skynet bench/skynet.sh ./luahttpd testecho testselect
#
# They listen on 127.0.0.1:8001 and are run one after the other.
set -u
: "${SKYNET:?names a checkout of cloudwu/skynet}"
binary=$(realpath "$1"); shift
OUT=${OUT:-$(mktemp -d)}; mkdir -p "$OUT/logs"; OUT=$(realpath "$OUT")
cd "$SKYNET" || exit 1

# name and seconds
list="testecho:4 testdeadcall:3 testdeadloop:2 testoverload:20 testresponse:3 testselect:4 testterm:3 testtimeout:4 testtimer:8 time:3
    testdatacenter:3 testmulticast:2 testping:4 testqueue:4 testsocket:3 simpleweb:3 simpledb:2 globallog:2 userlog:2"

# What asks an example that serves.
client() {
    case $1 in
    testsocket) exec 3<>/dev/tcp/127.0.0.1/8001 && printf 'one\ntwo\n' >&3 && timeout 1 head -3 <&3 ;;
    simpleweb) exec 3<>/dev/tcp/127.0.0.1/8001 && printf 'GET /a?b=c HTTP/1.1\r\nhost: d\r\n\r\n' >&3 && timeout 1 cat <&3 ;;
    esac
}

ours() {
    cat >"$OUT/$1.conf" <<CONF
daemon off; worker_processes 2; pid $OUT/nginx.pid; error_log stderr notice; events {}
http {
    lua_max_execution_time 0;
    lua_package_path "$PWD/test/?.lua;$PWD/examples/?.lua;$PWD/lualib/?.lua;;";
    actor main $2;
}
CONF
    timeout "$3" "$binary" -p "$OUT" -c "$1.conf"
}

theirs() {
    cat >"$OUT/$1.config" <<CONF
thread = 2; harbor = 0; bootstrap = "snlua bootstrap"; start = "$1"
luaservice = "./service/?.lua;./test/?.lua;./examples/?.lua"; lualoader = "./lualib/loader.lua"
lua_path = "./lualib/?.lua;./lualib/?/init.lua"; lua_cpath = "./luaclib/?.so"; cpath = "./cservice/?.so"
snax = "./examples/?.lua;./test/?.lua"
CONF
    timeout "$3" ./skynet "$OUT/$1.config"
}

# What is compared: lines without what the systems say of themselves, of errors only that there was one.
plain() {
    sed -E 's/\t//g; s/\x1b\[[0-9]*m//g; s/^\[:[0-9a-f]{8}\] //
        s/^[0-9\/]+ [0-9:]+ \[notice\] [0-9]+#[0-9]+: (\[lua\] [^ ]+ )?//; s/^[a-zA-Z_]+\(\): //; s/, context: actor$//
        s/false.*(call failed|EDEAD|EERROR).*$/false ERROR/; s/:[0-9a-f]{8}/ADDRESS/g; s/0x[0-9a-f]+/POINTER/g; s/[0-9]+(\.[0-9]+)?/N/g' |
        grep -Ev 'LAUNCH|KILL self|SERVER|\(SIG|start worker|gracefully|exiting|exit$|using the "epoll|nginx/|built by|OS: |getrlimit|dead letter|May overload|lua call \[|<TRACE|^TRACE|^\[C\]: in|^\./.*: in |^stack traceback|TIMER|^$'
}

run() {
    local how=$1 name=$2 file=$3 seconds=$4
    { (sleep 1; client "$name") & "$how" "$name" "$file" "$seconds"; wait; } >"$OUT/$name.$how" 2>&1 </dev/null
    plain <"$OUT/$name.$how" | sort >"$OUT/$name.$how.plain"
}

for entry in $list; do
    name=${entry%:*} seconds=${entry#*:}
    [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
    file=$PWD/test/$name.lua; [ -f "$file" ] || file=$PWD/examples/$name.lua
    run ours "$name" "$file" "$seconds"
    if grep -Eq '\[(emerg|alert|crit)\]|fork: ' "$OUT/$name.ours"; then
        echo "$name: fails: $(grep -Em1 '\[(emerg|alert|crit)\]|fork: ' "$OUT/$name.ours")"
    elif [ ! -x ./skynet ]; then
        echo "$name: runs"
    else
        run theirs "$name" "$file" "$seconds"
        if diff "$OUT/$name.theirs.plain" "$OUT/$name.ours.plain" >"$OUT/$name.diff"; then
            echo "$name: the same $(wc -l <"$OUT/$name.ours.plain") lines"
        else
            echo "$name: differs in $(grep -c '^[<>]' "$OUT/$name.diff") lines, $OUT/$name.diff"
        fi
    fi
done
