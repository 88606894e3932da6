# Throw-away PostgreSQL, Redis and RabbitMQ for one run of .ci/run, on free ports and in its scratch folder: whatever
# else runs on this machine is neither used nor disturbed. Sourced, not run; expects $scratch.

# Program -> Debian package. The last few are asked by tests to give a second opinion on our signatures and PDFs.
declare -A PROGRAMS=(
    [redis-server]=redis-server
    [rabbitmq-server]=rabbitmq-server
    [chromium]=chromium
    [pdfsig]=poppler-utils
    [qpdf]=qpdf
    [certutil]=libnss3-tools
    [go]=golang-go
    [javac]=default-jdk-headless
    [softhsm2-util]=softhsm2
    [openssl]=openssl
)

# What is no program but a library, by a file of its package: Go's transparency log, and what veraPDF needs.
declare -A FILES=(
    [/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog]=golang-golang-x-mod-dev
    [/usr/share/java/jaxb-api.jar]=libjaxb-java
)

install_missing_programs() {
    local -a packages=()
    local program
    for program in "${!PROGRAMS[@]}"; do
        PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || packages+=("${PROGRAMS[$program]}")
    done
    for program in "${!FILES[@]}"; do
        [[ -e $program ]] || packages+=("${FILES[$program]}")
    done
    [[ -n $(postgresql_programs) ]] || packages+=(postgresql)
    [[ ${#packages[@]} -gt 0 ]] || return 0
    local -a install=(apt-get install --yes --no-install-recommends "${packages[@]}")
    if [[ $(id -u) -ne 0 ]]; then
        printf 'Missing here, and only root can install them. Run this, then try again:\n\n    sudo %s\n\n' "${install[*]}"
        return 1
    fi
    # The packages would start services of their own, which nobody here asked for.
    local guard=/usr/sbin/policy-rc.d guarded=false
    if [[ ! -e $guard ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$guard"
        chmod 755 "$guard"
        guarded=true
    fi
    local failed=0
    { apt-get update && DEBIAN_FRONTEND=noninteractive "${install[@]}"; } >"$scratch/apt.log" 2>&1 || failed=$?
    [[ $guarded == false ]] || rm -f "$guard"
    [[ $failed -eq 0 ]] || { tail -n 20 "$scratch/apt.log"; return "$failed"; }
    printf 'installed %s\n' "${packages[*]}"
}

postgresql_programs() {
    local -a found=(/usr/lib/postgresql/*/bin/initdb)
    [[ ! -x ${found[-1]} ]] || dirname "${found[-1]}"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# PostgreSQL and RabbitMQ refuse, or dislike, to run as root.
as_service() {
    local user=$1
    shift
    if [[ $(id -u) -eq 0 ]]; then
        runuser -u "$user" -- "$@"
    else
        "$@"
    fi
}

service_folder() {
    mkdir -p "$scratch/$1"
    [[ $(id -u) -ne 0 ]] || chown "$2" "$scratch/$1"
    printf '%s' "$scratch/$1"
}

start_postgresql() {
    local programs folder port
    programs=$(postgresql_programs)
    folder=$(service_folder postgresql postgres)
    port=$(free_port)
    as_service postgres "$programs/initdb" --auth=trust --username=assay --encoding=UTF8 --locale=C.UTF-8 \
        --pgdata="$folder/data" >"$folder.log"
    # Durability costs minutes here and protects nothing: the cluster is thrown away.
    local -a options=(-p "$port" -k "$folder" -c listen_addresses=127.0.0.1 -c dynamic_shared_memory_type=mmap
        -c max_connections=200 -c fsync=off -c synchronous_commit=off -c full_page_writes=off)
    as_service postgres "$programs/pg_ctl" --pgdata="$folder/data" --log="$folder/server.log" --wait \
        --options="${options[*]}" start >>"$folder.log"
    "$programs/createdb" --host=127.0.0.1 --port="$port" --username=assay assay
    "$programs/createdb" --host=127.0.0.1 --port="$port" --username=assay assay_second
    export POSTGRESQL_URL=postgres://assay@127.0.0.1:$port
}

start_redis() {
    local folder port
    folder=$(service_folder redis "$(id -un)")
    port=$(free_port)
    redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly no --dir "$folder" --daemonize yes \
        --pidfile "$folder/pid" --logfile "$folder/log" >/dev/null
    export REDIS_URL=redis://127.0.0.1:$port/0
}

start_rabbitmq() {
    local folder port
    folder=$(service_folder rabbitmq rabbitmq)
    port=$(free_port)
    as_service rabbitmq env HOME="$folder" RABBITMQ_NODENAME="assay_ci_$port@localhost" \
        RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$port" RABBITMQ_DIST_PORT="$(free_port)" \
        RABBITMQ_MNESIA_BASE="$folder/mnesia" RABBITMQ_LOG_BASE="$folder" RABBITMQ_PID_FILE="$folder/pid" \
        RABBITMQ_CONFIG_FILE="$folder/none" RABBITMQ_ENABLED_PLUGINS_FILE="$folder/plugins" \
        /usr/lib/rabbitmq/bin/rabbitmq-server >"$folder.log" 2>&1 &
    local tries
    for tries in {1..120}; do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            export RABBITMQ_URL=amqp://guest:guest@127.0.0.1:$port//
            return 0
        fi
        sleep 0.5
    done
    printf 'RabbitMQ did not answer within a minute:\n'
    tail -n 20 "$folder.log"
    return 1
}

# Ends what this run started, by the process ids it wrote down.
stop_services() {
    local programs
    programs=$(postgresql_programs)
    if [[ -f $scratch/postgresql/data/postmaster.pid ]]; then
        as_service postgres "$programs/pg_ctl" --pgdata="$scratch/postgresql/data" --mode=immediate stop >/dev/null || true
    fi
    local service
    for service in redis rabbitmq; do
        [[ ! -f $scratch/$service/pid ]] || kill "$(<"$scratch/$service/pid")" || true
    done
    wait
}
