# Runs a server for a test process, and ends it when that process ends, for whatever reason. Standard input is a pipe
# that only the test process holds open; the kernel closes it even after kill -9.
# watchdog.sh FOLDER SIGNAL PREPARE SERVER [ARGUMENT...]: the first line of output is the server's pid.
folder=$1 signal=$2 prepare=$3
shift 3
exec 3<&0
sh -c "$prepare" >&2 </dev/null 3<&- && {
    "$@" </dev/null 3<&- &
    server=$!
    echo "$server"
    (
        exec >&- 2>&-
        read -r end <&3
        kill -"$signal" "$server"
        kill -CONT "$server" # a stopped process only reacts to KILL
    ) &
    reader=$!
    wait "$server"
}
status=$?
[ -z "$reader" ] || kill "$reader" 2>/dev/null
# The children of a browser may write for a moment longer.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf "$folder" 2>/dev/null && break
    sleep 0.1
done
exit "$status"
