# What a leader in a pid namespace does for the rest of its life; scripts/make_leader assembles it.
#
# The kernel is process 2. Descriptor 3 is the socket to the server, 4 is closed to tell the kernel
# that nobody can look into this process.

        .intel_syntax noprefix
        .text
_start:
        mov     eax, 157                # prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        mov     edi, 4
        xor     esi, esi
        xor     edx, edx
        xor     r10d, r10d
        xor     r8d, r8d
        syscall
        mov     eax, 3                  # close(4)
        mov     edi, 4
        syscall
again:
        mov     eax, 61                 # wait4(-1, status, 0, NULL)
        mov     rdi, -1
        lea     rsi, [rsp - 16]
        xor     edx, edx
        xor     r10d, r10d
        syscall
        cmp     rax, -4                 # -EINTR
        je      again
        test    rax, rax                # -ECHILD
        js      leave
        cmp     eax, 2
        jne     again
        mov     eax, 1                  # write(3, status, 4)
        mov     edi, 3
        lea     rsi, [rsp - 16]
        mov     edx, 4
        syscall
leave:
        mov     eax, 231                # exit_group(0)
        xor     edi, edi
        syscall
