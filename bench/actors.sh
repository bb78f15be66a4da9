#!/bin/bash
# actors.sh BINARY: messages between services and what services cost, in a luahttpd and in skynet (SKYNET names a built checkout), the same
# program (actors.lua) in turn, with one thread each and with two. ROUNDS (1) times.
#
#   SKYNET=~/src/skynet bench/actors.sh ./luahttpd
set -u
: "${SKYNET:?names a built checkout of cloudwu/skynet}"
binary=$(realpath "$1"); here=$(dirname "$(realpath "$0")"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
for THREADS in 1 2; do
    export THREADS
    cat >"$work/ours.conf" <<CONF
daemon off; worker_processes $THREADS; pid $work/pid; error_log stderr error; env THREADS; events {}
http { lua_max_execution_time 0; lua_package_path "$here/?.lua;;"; actor main $here/actors.lua; }
CONF
    cat >"$work/theirs.config" <<CONF
thread = $THREADS; harbor = 0; bootstrap = "snlua bootstrap"; start = "actors"; lualoader = "./lualib/loader.lua"
luaservice = "./service/?.lua;$here/?.lua"; lua_path = "./lualib/?.lua;./lualib/?/init.lua"; lua_cpath = "./luaclib/?.so"; cpath = "./cservice/?.so"
CONF
    for _ in $(seq "${ROUNDS:-1}"); do
        for how in ours theirs; do
            if [ $how = ours ]; then set -- "$binary" -p "$work" -c ours.conf; else set -- ./skynet "$work/theirs.config"; fi
            (cd "$SKYNET" && exec "$@") >/dev/null 2>"$work/log" &
            pid=$!
            for _ in $(seq 300); do grep -q "measure end" "$work/log" && break; sleep 0.1; done
            kill -KILL $pid; wait $pid 2>/dev/null
            sed -n "s/^measure /$how: /p" "$work/log" | grep -v end
            grep -q "measure end" "$work/log" || { tail -5 "$work/log"; exit 1; }
        done
    done
done
