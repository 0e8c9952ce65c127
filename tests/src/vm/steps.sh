# What a probe is made of. `step NAME COMMAND…` runs a command and reports what it printed and its exit status, for vm.rs to read; a
# command that hangs ends as status 124.
step() {
    name=$1
    shift
    echo "@begin $name"
    timeout 60 "$@" </dev/null 2>&1
    echo "@end $name $?"
}

# The same for a script.
script() {
    name=$1
    shift
    step "$name" sh -c "$*"
}
