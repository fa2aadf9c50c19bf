# Makes a PostgreSQL cluster and runs its server until the standard input ends, which happens when the process that started this
# does, even by a kill. Says `up FOLDER` when the server answers. The word `crash` on the standard input makes it crash and start again;
# `pool PORT` puts a PgBouncer that pools transactions before it, and says `pools` when that answers.
# The server stays a child of this shell and is stopped by its id. `fsync` is off: no test takes the power away, and a server
# that dies without the machine finds in the files what it wrote.
#
# Killed hard, as when somebody kills its whole process group, this shell can clean up nothing. A watcher outside of the group, in a
# session of its own, then does so within a second.
umask 077
programs=$1 port=$2
home=$(mktemp -d "${TMPDIR:-/tmp}/monite-bridge-pg.XXXXXX") || exit 1
server=
pooler=
watcher=
if command -v setsid >/dev/null; then
    setsid sh -c '
        while kill -0 "$1" 2>/dev/null; do sleep 1; done
        [ ! -f "$2/pgbouncer.pid" ] || kill -TERM "$(cat "$2/pgbouncer.pid")"
        read -r server <"$2/data/postmaster.pid" && kill -QUIT "$server" && while kill -0 "$server"; do sleep 0.1; done
        rm -rf "$2"
    ' sh $$ "$home" </dev/null >/dev/null 2>&1 &
    watcher=$!
fi
trap '
    trap "" HUP INT TERM # told to go twice, it cleans up once
    [ -z "$pooler" ] || { kill -TERM $pooler; wait $pooler; }
    [ -z "$server" ] || { kill -QUIT $server; wait $server; }
    rm -rf "$home"
    [ -z "$watcher" ] || kill $watcher
' EXIT
trap 'exit 1' HUP INT TERM
run() {
    "$programs/postgres" -D "$home/data" -k "$home" -c listen_addresses=127.0.0.1 -c port="$port" -c fsync=off \
        -c max_connections=300 -c max_wal_size=256MB -c shared_buffers=64MB </dev/null >>"$home/log" 2>&1 &
    server=$!
    tries=0
    until "$programs/pg_isready" -q -h "$home" -p "$port"; do
        tries=$((tries + 1))
        if [ $tries -gt 600 ] || ! kill -0 $server 2>/dev/null; then
            cat "$home/log" >&2; exit 1
        fi
        sleep 0.1
    done
    echo "up $home"
}
"$programs/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$home/log" 2>&1 ||
    { cat "$home/log" >&2; exit 1; }
run
pool() {
    cat >"$home/pgbouncer.ini" <<END
[databases]
* = host=127.0.0.1 port=$port user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $1
unix_socket_dir = $home
pidfile = $home/pgbouncer.pid
logfile = $home/pgbouncer.log
auth_type = any
pool_mode = transaction
max_client_conn = 1000
default_pool_size = 4
END
    PATH="$PATH:/usr/sbin" pgbouncer -q "$home/pgbouncer.ini" </dev/null >/dev/null 2>&1 &
    pooler=$!
    tries=0
    until "$programs/pg_isready" -q -h 127.0.0.1 -p "$1" -d postgres; do
        tries=$((tries + 1))
        if [ $tries -gt 600 ] || ! kill -0 $pooler 2>/dev/null; then
            cat "$home/pgbouncer.log" >&2; exit 1
        fi
        sleep 0.1
    done
    echo pools
}
while read -r word argument; do
    case $word in
    crash)
        kill -QUIT $server # no goodbye and no checkpoint: what a crash leaves behind
        wait $server
        run
        ;;
    pool) pool "$argument" ;;
    esac
done
