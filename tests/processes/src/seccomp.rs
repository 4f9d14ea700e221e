//! System calls that fail in one thread, and the threads it starts, by a filter in the kernel (seccomp(2)). A filter cannot be
//! taken back: it goes with the thread.

/// One instruction of a filter.
const fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

/// The number of a system call on this machine.
pub(crate) fn number(name: &str) -> i64 {
    match name {
        "openat" => libc::SYS_openat,
        "fallocate" => libc::SYS_fallocate,
        "ftruncate" => libc::SYS_ftruncate,
        "mremap" => libc::SYS_mremap,
        "mmap" => libc::SYS_mmap,
        "clone3" => libc::SYS_clone3,
        "linkat" => libc::SYS_linkat,
        "fcntl" => libc::SYS_fcntl,
        "pread64" => libc::SYS_pread64,
        "unlink" => {
            #[cfg(target_arch = "x86_64")]
            return libc::SYS_unlink;
            #[cfg(not(target_arch = "x86_64"))]
            return libc::SYS_unlinkat;
        }
        "membarrier" => libc::SYS_membarrier,
        _ => panic!("no system call {name:?}"),
    }
}

/// Where a filter finds the lower half of a call's third argument.
const THIRD: u32 = 16 + 2 * 8 + if cfg!(target_endian = "big") { 4 } else { 0 };

/// From now on `call` fails with `error` in this thread; with `third`, where its third argument is that.
pub(crate) fn fail(call: i64, error: i32, third: Option<u32>) {
    let mut filter = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0), // the number of the call
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 3, call as u32),
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, THIRD),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, u8::from(third.is_some()), third.unwrap_or(0)),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | error as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: a filter that lives over the calls; it concerns this thread.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program), 0, "no seccomp here");
    }
}
