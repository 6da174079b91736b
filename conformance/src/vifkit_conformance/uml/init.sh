#!/bin/sh
# The first process of the full kernel. $job is a folder of the host's that says what to run, and takes what came of it;
# $modules holds the kernel's modules. The root is the host's, read only: what is written there stays in memory, and
# only the windows are the host's own folders.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

over() {
    [ $# -eq 0 ] || printf '%s\n' "$*" >"$at/failed"
    echo o >/proc/sysrq-trigger
    while :; do sleep 1; done
}

new_root() {
    root=/tmp/memory/root
    mount -t tmpfs -o mode=0755,size=90% memory /tmp/memory && mkdir /tmp/memory/upper /tmp/memory/work $root || return
    if ! grep -q overlay /proc/filesystems && ! insmod "$modules/kernel/fs/overlayfs/overlay.ko" 2>/dev/null; then
        echo "Linux $(uname -r) has no overlay file system (Debian's user-mode-linux has it from 6.1)"
        return 1
    fi
    mount -t overlay -o lowerdir=/,upperdir=/tmp/memory/upper,workdir=/tmp/memory/work overlay $root || return
    cd $root || return
    mount -t proc proc proc && mount -t sysfs sysfs sys && mount -t devtmpfs devtmpfs dev || return
    mount -t tmpfs -o mode=0755 memory run && mkdir -p run/host run/vifkit run/lock dev/pts dev/shm lib/modules || return
    mount -t devpts -o gid=5,mode=0620,ptmxmode=0666 devpts dev/pts && ln -sfn pts/ptmx dev/ptmx || return
    mount -t tmpfs -o mode=1777 memory dev/shm || return
    ln -sfn /proc/self/fd dev/fd
    ln -sfn fd/0 dev/stdin
    ln -sfn fd/1 dev/stdout
    ln -sfn fd/2 dev/stderr
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    ln -sfn "$modules" "lib/modules/$(uname -r)" || return
    while IFS= read -r window; do
        mount -t hostfs window ".$window" -o "$window" || return
    done </tmp/windows
    pivot_root . run/host && cd / && mount --move /run/host/tmp /run/vifkit && umount -l /run/host
}

at=/tmp
mount -t hostfs job $at -o "$job" && mount -t proc proc /proc || over
new_root >$at/said 2>&1 || over "$(cat $at/said)"
at=/run/vifkit

# Others are loaded when they are asked for; these make a device, which has to be there before.
modprobe -aq tun fuse
ip link set lo up
hostname vifkit

if [ -e $at/terminal ]; then
    read -r rows columns <$at/terminal
    stty sane rows "$rows" cols "$columns" </dev/ttyS0
    setsid -w -c sh $at/command <>/dev/ttyS0 >&0 2>&0
    status=$?
else
    stty raw -echo </dev/ttyS0
    stty raw -echo </dev/ttyS1
    mkfifo /run/out /run/err
    cat </run/out >/dev/ttyS0 &
    out=$!
    cat </run/err >/dev/ttyS1 &
    err=$!
    sh $at/command </dev/null >/run/out 2>/run/err
    status=$?
    # What the command has left in the background may hold them open.
    for tenth in 1 2 3 4 5 6 7 8 9 10; do
        kill -0 $out 2>/dev/null || kill -0 $err 2>/dev/null || break
        sleep 0.1
    done
fi
echo $status >$at/status
over
