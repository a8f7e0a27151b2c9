"""Which system calls a kernel may make, by name.

It follows Docker's default profile (github.com/moby/profiles, seccomp/default.json, as of June
2026): what that allows without a capability. Left out besides is what keeps memory where no count of
processes sees it: memfd_create and memfd_secret (on its way through a socket), System V's objects,
vmsplice (a huge page for each piece of one in a pipe) and rules of Landlock. And the older
asynchronous I/O (whose events are the machine's, for all), modify_ldt, fanotify, file handles,
listmount and statmount. What is in none of the sets fails with ENOSYS, as on a kernel
that is older than the program, which has another way then: so do clone3 (its flags are behind a
pointer), io_uring and mempolicies.
"""

from __future__ import annotations

from typing import Final

_ALLOWED = """
accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir chmod
chown clock_adjtime clock_getres clock_gettime clock_nanosleep close close_range connect
copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait
epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat
faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl
fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync
ftruncate futex futex_requeue futex_wait futex_waitv futex_wake futimesat get_robust_list
get_thread_area getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer
getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid
getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr
getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
ioprio_get ioprio_set kill lchown lgetxattr link linkat listen listxattr listxattrat llistxattr
lremovexattr lseek lsetxattr lstat madvise
map_shadow_stack membarrier mincore mkdir mkdirat mlock mlock2 mlockall mmap
mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap mseal
msync munlock munlockall munmap nanosleep newfstatat open openat
openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect
poll ppoll pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pwrite64 pwritev
pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg remap_file_pages
removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity
sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select sendfile sendmmsg
sendmsg sendto set_robust_list set_thread_area
set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid setpriority setregid
setresgid setresuid setreuid setrlimit setsid setuid setxattr setxattrat
shutdown sigaltstack signalfd signalfd4 splice stat statfs statx symlink
symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete
timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime
times tkill truncate umask uname unlink unlinkat uprobe uretprobe utime utimensat utimes
vfork wait4 waitid write writev
"""
ALLOWED: Final = frozenset(_ALLOWED.split())
"""Whatever their arguments."""

_FORBIDDEN = """
acct add_key bpf chroot clock_settime delete_module fanotify_init fanotify_mark finit_module
fsconfig fsmount fsopen fspick init_module ioperm iopl kcmp kexec_file_load kexec_load
keyctl lookup_dcookie mount mount_setattr move_mount name_to_handle_at nfsservctl
open_by_handle_at open_tree open_tree_attr perf_event_open pidfd_getfd pivot_root
process_vm_readv process_vm_writev ptrace quotactl quotactl_fd reboot request_key
setdomainname sethostname setns settimeofday swapoff swapon syslog umount2 unshare
userfaultfd vhangup
"""
FORBIDDEN: Final = frozenset(_FORBIDDEN.split())
"""They fail with EPERM: programs probe for them, and take ENOSYS for an error of another kind."""

CHECKED: Final = frozenset(
    (
        *("clone", "ioctl", "mknod", "mknodat", "personality", "prctl"),
        *("setsockopt", "socket", "socketpair"),
    )
)
"""Their arguments decide (`filters`)."""
