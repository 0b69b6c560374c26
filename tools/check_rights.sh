#!/bin/bash
# tools/check_rights.sh: may BPF programs be loaded and other processes be read on this machine? It is fast and only
# needs bash, so it is run before minutes of building. A user who is not root is asked for sudo's password. Exit status
# 0, or 3 with a line on stderr for each thing that is missing and one for what to do.
set -u
btf=/sys/kernel/btf/vmlinux

if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "rights: tracing needs root, and there is no sudo on this machine: run this as root" >&2
    exit 3
  fi
  sudo -v || { echo "rights: tracing needs root, and sudo was refused: run this as root" >&2; exit 3; }
  exec sudo "$BASH" "$0"
fi

refused=0
refuse() { # WHAT REMEDY
  printf 'rights: %s\n        %s\n' "$1" "$2" >&2
  refused=1
}

[ "$(uname -m)" = x86_64 ] || refuse "this is a $(uname -m) machine" "aiotrace runs on x86-64"

# The capabilities of user/probe/permissions.cpp, by their numbers in linux/capability.h.
effective=0
while read -r key value _; do [ "$key" != CapEff: ] || effective=$((16#$value)); done < /proc/self/status
has() { (((effective >> $1) & 1)); }
missing=()
has 19 || missing+=(CAP_SYS_PTRACE)
if ! has 21; then # CAP_SYS_ADMIN includes both
  has 39 || missing+=(CAP_BPF)
  has 38 || missing+=(CAP_PERFMON)
fi
on_host="run this on the host, or start the container with: --privileged --pid=host -v /sys/kernel:/sys/kernel"
[ ${#missing[@]} = 0 ] || refuse "root lacks ${missing[*]} here, as in a container" "$on_host"

# The initial namespaces have fixed inodes: PROC_USER_INIT_INO and PROC_PID_INIT_INO of include/linux/proc_ns.h.
[ "$(readlink /proc/self/ns/user)" = "user:[$((0xEFFFFFFD))]" ] ||
  refuse "this is a user namespace of its own: its capabilities do not count for BPF" "run this on the host, or in a container without one"
[ "$(readlink /proc/self/ns/pid)" = "pid:[$((0xEFFFFFFC))]" ] ||
  refuse "this is a pid namespace of its own: process ids here are not those that the kernel reports" "$on_host"

[ -r "$btf" ] ||
  refuse "the kernel ($(uname -r)) has no BTF: $btf is missing" \
    "boot a kernel of 5.10 or newer with CONFIG_DEBUG_INFO_BTF, as Debian's and Ubuntu's are; in a container: -v /sys/kernel:/sys/kernel"

lockdown=
[ ! -r /sys/kernel/security/lockdown ] || read -r lockdown < /sys/kernel/security/lockdown
[[ $lockdown != *"[confidentiality]"* ]] ||
  refuse "the kernel is locked down (confidentiality): BPF may not read memory" "boot with lockdown=integrity or none"

# bpf(BPF_MAP_CREATE, {array, key 4, value 8, 1 entry}): seccomp filters and security modules refuse it. Only tried if
# nothing else is missing; perl is on every Debian and Ubuntu.
if [ $refused = 0 ] && command -v perl >/dev/null; then
  why=$(perl -e 'my $attr = pack("L18", 2, 4, 8, 1); if (syscall(321, 0, $attr, length $attr) < 0) { print $!; exit 1 }') ||
    refuse "the bpf system call is refused: $why" "a container's seccomp filter or a security module forbids it: $on_host"
fi
[ $refused = 0 ] || exit 3
