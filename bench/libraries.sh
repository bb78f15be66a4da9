#!/bin/bash
# libraries.sh BINARY DIR...: the own test suites of Lua libraries (Test::Nginx, unchanged) against a binary that takes nginx's command
# line. For each clone DIR it prints name, version and the assertions that passed, of how many; what failed is in $OUT/NAME.log.
#
#   TEST_NGINX=~/src/test-nginx OUT=/tmp/ours bench/libraries.sh ./luahttpd ~/src/lua-resty-redis ~/src/lua-resty-mysql
#   LOAD_MODULES="/usr/lib/nginx/modules/ndk_http_module.so …/ngx_http_lua_module.so" LUA_PATH=… bench/libraries.sh /usr/sbin/nginx …
#
# Run as root: it takes network and process namespaces of its own, so that the suites' ports are free, nothing else is reached and all
# ends with it. redis-server, memcached and mariadb are started there when they are installed. A library that others need lies beside them.
set -u
if [ -z "${LIBRARIES_INSIDE:-}" ]; then
    : "${TEST_NGINX:?name a clone of openresty/test-nginx}"
    export LIBRARIES_INSIDE=1 OUT=${OUT:-$(mktemp -d)} TEST_NGINX
    exec unshare --net --pid --fork --kill-child --mount-proc "$0" "$@"
fi
binary=$(realpath "$1"); shift
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; chmod 755 "$work"; mkdir -p "$OUT"
ip link set lo up
command -v iptables >/dev/null && iptables -I OUTPUT -p tcp --dst 127.0.0.2 --dport 12345 -j DROP # where connecting is to take too long
quiet() { "$@" >>"$work/servers.log" 2>&1 </dev/null & }
command -v redis-server >/dev/null && quiet redis-server --bind 127.0.0.1 --port 6379 --save "" --dir "$work"
command -v memcached >/dev/null && quiet memcached -u root -l 127.0.0.1 -p 11211 -U 11211 -o track_sizes
if command -v mariadbd >/dev/null; then
    mkdir -p /var/run/mysql
    sql() { mariadb --no-defaults -uroot -S /var/run/mysql/mysql.sock "$@"; }
    mysql_install_db --no-defaults --datadir="$work/mysql" --user=root --auth-root-authentication-method=normal >>"$work/servers.log" 2>&1
    keys=$(for d; do ls "$d"/t/data/test-sha256.crt 2>/dev/null; done | head -1); keys=${keys%.crt}
    quiet mariadbd --no-defaults --user=root --datadir="$work/mysql" --bind-address=127.0.0.1 --socket=/var/run/mysql/mysql.sock \
        --secure-auth=0 ${keys:+--ssl-ca="$keys.crt" --ssl-cert="$keys.crt" --ssl-key="$keys.key"}
    for _ in $(seq 100); do sql -e 'select 1' >/dev/null 2>&1 && break; sleep 0.2; done
    { for d; do zcat "$d/t/data/world.sql.gz" 2>/dev/null; done
      echo "create database ngx_test character set utf8mb4 collate utf8mb4_unicode_ci; set old_passwords = 1;"
      user() { echo "create user '$1'@'%' identified $2; ${3:-} grant all on ngx_test.* to '$1'@'%';"; }
      user user_old "with mysql_old_password" "set password for 'user_old'@'%' = password('pass_old');"
      user nopass_old "with mysql_old_password"
      echo "set old_passwords = 0; install soname 'auth_ed25519';"
      user ngx_test "by 'ngx_test'"; user user_native "by 'pass_native'"; user nopass_native "with mysql_native_password"
      user ed25519_user "via ed25519 using password('ed25519_pass')"; user ed25519_nopass "via ed25519 using '4LH+dBF+G5W2CKTyId8xR3SyDqZoQjUNUVNxx8aWbG4'" # no password
      echo "grant all on world.* to 'ngx_test'@'%'; drop user if exists ''@'localhost'; flush privileges;"
    } | sql --force >>"$work/servers.log" 2>&1
    export DB_VERSION=mariadb:10.11
fi
for dir; do cp -r "$dir" "$work/"; done
chmod -R a+rX "$work"
export TEST_NGINX_BINARY=$binary TEST_NGINX_NO_SHUFFLE=1 TEST_NGINX_LOAD_MODULES=${LOAD_MODULES:-} LC_ALL=C
for dir; do
    name=$(basename "$dir"); log=$OUT/$name.log; : >"$log"
    cd "$work/$name" || exit 1
    for file in $(find t -name '*.t' | sort); do
        echo "# $file" >>"$log"
        timeout 300 perl -I. -I"$TEST_NGINX/inc" -I"$TEST_NGINX/lib" "$file" >>"$log" 2>&1 </dev/null
    done
    echo "$name $(git -C "$dir" describe --tags --always 2>/dev/null) $(awk '/^(not )?ok [0-9]/ && !/# ?(skip|TODO)/ { n++; p += $1 == "ok" } END { print p + 0 "/" n + 0 }' "$log")"
done
