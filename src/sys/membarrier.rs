//! membarrier(2): a full barrier on every thread that runs code it was registered for, asked for by one of them. Whoever
//! asks pays with some microseconds, so that the others' frequent barriers cost nothing.

fn command(command: libc::c_int) -> bool {
    // SAFETY: these commands take no memory.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Registers this process for [`in_process`]; false where the kernel has no such thing.
pub(crate) fn register_in_process() -> bool {
    command(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
}

/// A full barrier on every running thread of this process; false if not registered.
pub(crate) fn in_process() -> bool {
    command(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
}

/// Registers this process for [`everywhere`]; false where the kernel has no such thing (before Linux 4.16).
pub(crate) fn register_everywhere() -> bool {
    command(libc::MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED)
}

/// A full barrier on every running thread of every registered process of the machine, whatever its namespaces.
pub(crate) fn everywhere() -> bool {
    command(libc::MEMBARRIER_CMD_GLOBAL_EXPEDITED)
}
