//! Mappings of segment files.

use std::{
    io,
    ops::Range,
    os::fd::{AsRawFd, BorrowedFd},
    ptr::{self, NonNull},
    sync::OnceLock,
};

const READ_WRITE: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;

/// `length` bytes of a file, or of nothing, mapped readable and writable; unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    length: usize,
    /// Parts given back before the rest: others may have these addresses now.
    holes: OnceLock<[Range<usize>; 2]>,
}

// SAFETY: a mapping is only an address range; all access to its bytes goes through atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above; a shared reference gives out nothing but the address.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn map(
        at: *mut u8,
        length: usize,
        access: libc::c_int,
        flags: libc::c_int,
        file: libc::c_int,
    ) -> io::Result<NonNull<u8>> {
        // SAFETY: `at` is null, or comes with MAP_FIXED_NOREPLACE, or with MAP_FIXED and is a part of a mapping of ours.
        let base = unsafe { libc::mmap(at.cast(), length, access, flags, file, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(NonNull::new(base.cast()).expect("the kernel maps nothing at address 0 unasked"))
    }

    /// Maps the first `length` bytes of `file`, shared. `unfilled` says that under mlockall(2) the kernel is not to fill it in at once,
    /// which takes the longer the larger it is: its pages come, and are locked, as they are used.
    pub(crate) fn of_file(file: BorrowedFd<'_>, length: usize, unfilled: bool) -> io::Result<Mapping> {
        let access = if unfilled { libc::PROT_NONE } else { READ_WRITE };
        let base = Self::map(ptr::null_mut(), length, access, libc::MAP_SHARED, file.as_raw_fd())?;
        let mapping = Mapping { base, length, holes: OnceLock::new() };
        if unfilled {
            mapping.open_up()?;
        }
        Ok(mapping)
    }

    /// Lets a mapping be read and written that was made without access.
    fn open_up(&self) -> io::Result<()> {
        // SAFETY: a mapping of ours, of which no byte changes.
        let failed = unsafe { libc::mprotect(self.base.as_ptr().cast(), self.length, READ_WRITE) } != 0;
        if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// The same for looking: a store there is a SIGSEGV.
    pub(crate) fn to_look(file: BorrowedFd<'_>, length: usize) -> io::Result<Mapping> {
        let base = Self::map(ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd())?;
        Ok(Mapping { base, length, holes: OnceLock::new() })
    }

    /// Maps `length` bytes of nothing.
    #[cfg(all(test, loom))]
    pub(crate) fn of_nothing(length: usize) -> io::Result<Mapping> {
        let base = Self::map(ptr::null_mut(), length, READ_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)?;
        Ok(Mapping { base, length, holes: OnceLock::new() })
    }

    /// Bytes mapped.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The first byte; page-aligned.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Puts this mapping in place of `target`'s, which must have the same length: for every other thread the bytes at
    /// `target`'s address change from one file to the other with nothing between, and no access ever faults
    /// (mremap(2), `MREMAP_FIXED`, done under the kernel's lock on the address space). On failure both are as before.
    #[cfg(not(loom))]
    pub(crate) fn move_over(self, target: &Mapping) -> Result<(), Mapping> {
        assert_eq!(self.length, target.length);
        self.move_to(target.base.as_ptr())
    }

    /// Asks for huge pages, where the kernel gives any to shared memory; that it does not is no failure.
    pub(crate) fn advise_huge(&self) {
        // SAFETY: a mapping of ours, of which no byte changes.
        unsafe { libc::madvise(self.base.as_ptr().cast(), self.length, libc::MADV_HUGEPAGE) };
    }

    /// Lets go of the file but keeps the address range readable and writable, as zeroed private memory.
    pub(crate) fn detach_from_file(&self) -> io::Result<()> {
        self.map_nothing(0..self.length)
    }

    /// The same, but of `holes`, in order, not even the addresses stay: nobody may reach into them any more. Once only.
    pub(crate) fn bury(&self, holes: [Range<usize>; 2]) -> io::Result<()> {
        if self.holes.get().is_none() {
            // First, so that there is room for what follows. What the kernel does not unmap, for its count of mappings, is no hole.
            let _ = self.holes.set(holes.map(|hole| if self.unmap(&hole) { hole } else { 0..0 }));
        }
        self.kept().into_iter().try_for_each(|part| self.map_nothing(part))
    }

    /// What is mapped, around the holes.
    fn kept(&self) -> [Range<usize>; 3] {
        let [first, second] = self.holes.get().cloned().unwrap_or([0..0, 0..0]);
        let second = if second.is_empty() { first.end..first.end } else { second };
        [0..first.start, first.end..second.start, second.end..self.length]
    }

    /// Puts memory that is neither reserved nor locked in place of a part. It is mapped elsewhere first, and then moved: a kernel that
    /// refuses to map it (for its count of mappings, or the memory that others were promised) may have unmapped what was there.
    fn map_nothing(&self, part: Range<usize>) -> io::Result<()> {
        if part.is_empty() {
            return Ok(());
        }
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // Without access at first: under mlockall(2) the kernel locks it, and would fill it in.
        let base = Self::map(ptr::null_mut(), part.len(), libc::PROT_NONE, flags, -1)?;
        let nothing = Mapping { base, length: part.len(), holes: OnceLock::new() };
        // SAFETY: a mapping that nobody knows of yet.
        unsafe { libc::munlock(base.as_ptr().cast(), part.len()) };
        nothing.open_up()?;
        let target = self.base.as_ptr().wrapping_add(part.start);
        let Err(nothing) = nothing.move_to(target) else { return Ok(()) };
        // Where nothing may be moved (seccomp): what could be had elsewhere can be had there.
        drop(nothing);
        let mapped = Self::map(target, part.len(), READ_WRITE, flags | libc::MAP_FIXED, -1);
        // SAFETY: a part of ours, of which no byte changes.
        unsafe { libc::munlock(target.cast(), part.len()) };
        mapped.map(drop).inspect_err(|_| keep_addresses(target, part.len()))
    }

    /// Puts this mapping in place of what is mapped at `target`, of the same length. On failure both are as before.
    fn move_to(self, target: *mut u8) -> Result<(), Mapping> {
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        // SAFETY: the source is ours alone; the target is a mapping of ours of the same length or a part of one, whose bytes are only
        // reached through atomics and stay mapped throughout.
        let moved = unsafe { libc::mremap(self.base.as_ptr().cast(), self.length, self.length, flags, target) };
        if moved != libc::MAP_FAILED {
            std::mem::forget(self); // its old range is gone
            return Ok(());
        }
        keep_addresses(target, self.length);
        Err(self)
    }

    /// Has the pages of a part leave our page table, as far as they are not locked: who reaches for them gets them back from the file.
    pub(crate) fn forget_pages(&self, part: Range<usize>) {
        let part = part.start.min(self.length)..part.end.min(self.length);
        if !part.is_empty() {
            // SAFETY: a part of a shared mapping of ours, of which no byte changes.
            unsafe { libc::madvise(self.base.as_ptr().wrapping_add(part.start).cast(), part.len(), libc::MADV_DONTNEED) };
        }
    }

    fn unmap(&self, part: &Range<usize>) -> bool {
        // SAFETY: a part of a mapping that this value owns; whoever calls this has no reference into it left.
        !part.is_empty() && unsafe { libc::munmap(self.base.as_ptr().wrapping_add(part.start).cast(), part.len()) } == 0
    }
}

/// After the kernel has refused to put something else at a mapping of ours. It asks all that it may refuse before it unmaps what is
/// there, but for memory of its own and, before Linux 6.12, the memory that it promised. If that was it, the addresses are kept from
/// others, who would lose them to our unmapping; else something is there.
#[cold]
fn keep_addresses(start: *mut u8, length: usize) {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    // A kernel older than the flag may map it elsewhere, and then it is dropped.
    if let Ok(base) = Mapping::map(start, length, libc::PROT_NONE, flags, -1) {
        let filler = Mapping { base, length, holes: OnceLock::new() };
        if base.as_ptr() == start {
            std::mem::forget(filler); // the owner of what was there unmaps it
        }
    }
}

impl Drop for Mapping {
    #[inline(never)]
    fn drop(&mut self) {
        self.kept().iter().for_each(|part| _ = self.unmap(part));
    }
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use super::*;
    use crate::segment::name::FOLDER;
    use crate::sys::{file, fork::succeeds_in_child};
    use std::{fs, os::fd::AsFd};

    /// Larger than any page.
    const PART: usize = 1 << 16;

    /// What smaps says of the mapping that begins at `start`; `None` if none does.
    fn flags(start: *mut u8) -> Option<String> {
        let smaps = fs::read_to_string("/proc/self/smaps").expect("our own");
        let (_, from) = smaps.split_once(&format!("{:x}-", start as usize))?;
        let (_, flags) = from.split_once("VmFlags: ")?;
        flags.lines().next().map(str::to_owned)
    }

    #[test]
    fn what_is_buried_keeps_neither_file_nor_reserve_and_what_comes_into_its_holes_is_let_be() {
        assert!(succeeds_in_child(|| {
            let file = file::unnamed(FOLDER).expect("a file");
            file::set_size(file.as_fd(), 5 * PART as u64).expect("room");
            let mapping = Mapping::of_file(file.as_fd(), 5 * PART, false).expect("addresses");
            let at = |part: usize| mapping.base().as_ptr().wrapping_add(part * PART);
            // SAFETY: within the mapping, which this thread alone uses.
            let (read, write) = (|part| unsafe { at(part).read_volatile() }, |part| unsafe { at(part).write_volatile(7) });
            [0, 2, 4].into_iter().for_each(write);
            mapping.bury([PART..2 * PART, 3 * PART..4 * PART]).expect("room for less");
            assert_eq!([0, 2, 4].map(read), [0; 3], "nothing of the file");
            [0, 2, 4].into_iter().for_each(write); // but a late writer is welcome
            for part in [0, 2, 4] {
                let flags = flags(at(part)).expect("a mapping of its own");
                assert!(flags.contains(" nr") && !flags.contains(" lo"), "{flags}");
            }
            let others = [1, 3].map(|hole| {
                let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
                // SAFETY: takes the place of no mapping.
                let other = unsafe { libc::mmap(at(hole).cast(), PART, READ_WRITE, anonymous, -1, 0) };
                assert_eq!(other.cast(), at(hole), "nothing is there");
                other.cast::<u8>()
            });
            drop(mapping);
            // SAFETY: mapped just above.
            others.into_iter().for_each(|other| unsafe { other.write_volatile(1) });
            true
        }));
    }

    /// What smaps says of the memory of the mapping that begins at `start`.
    fn memory(start: *mut u8) -> String {
        let smaps = fs::read_to_string("/proc/self/smaps").expect("our own");
        let (_, from) = smaps.split_once(&format!("{:x}-", start as usize)).expect("a mapping");
        let (_, memory) = from.split_once("Rss:").expect("its memory");
        memory.lines().next().map(|line| line.trim().to_owned()).expect("a line")
    }

    fn of_file(parts: usize) -> Mapping {
        let file = file::unnamed(FOLDER).expect("a file");
        file::set_size(file.as_fd(), (parts * PART) as u64).expect("room");
        let mapping = Mapping::of_file(file.as_fd(), parts * PART, false).expect("addresses");
        // SAFETY: within the mapping, which this thread alone uses.
        (0..parts).for_each(|part| unsafe { mapping.base().as_ptr().add(part * PART).write_volatile(1) });
        mapping
    }

    /// Whether it is still the file's, whole.
    fn is_intact(mapping: &Mapping, parts: usize) -> bool {
        // SAFETY: within the mapping.
        (0..parts).all(|part| unsafe { mapping.base().as_ptr().add(part * PART).read_volatile() } == 1)
    }

    fn limit(resource: libc::__rlimit_resource_t, bytes: u64) {
        let range = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
        // SAFETY: one struct to read.
        assert_eq!(unsafe { libc::setrlimit(resource, &range) }, 0);
    }

    #[test]
    fn pages_that_are_forgotten_come_back_from_the_file() {
        let mapping = of_file(4);
        let kilobytes = || memory(mapping.base().as_ptr()).trim_end_matches(" kB").parse::<usize>().expect("a number");
        let before = kilobytes();
        mapping.forget_pages(0..2 * PART);
        mapping.forget_pages(3 * PART..100 * PART); // as far as it goes
        assert_eq!(kilobytes() * 4, before);
        assert!(is_intact(&mapping, 4));
    }

    #[test]
    fn where_nothing_can_be_mapped_in_its_place_the_file_stays() {
        // Of addresses, and of memory that is writable and no file's: as the kernel refuses that where memory is not overcommitted.
        for resource in [libc::RLIMIT_AS, libc::RLIMIT_DATA] {
            assert!(succeeds_in_child(|| {
                let mapping = of_file(400);
                limit(resource, 0);
                assert!(mapping.detach_from_file().is_err());
                is_intact(&mapping, 400)
            }));
        }
    }

    #[test]
    fn addresses_that_a_failed_move_has_unmapped_are_kept_from_others() {
        assert!(succeeds_in_child(|| {
            let (target, source) = (of_file(2), of_file(2));
            let (at, from) = (target.base().as_ptr(), source.base().as_ptr());
            // SAFETY: nobody has a reference into them.
            unsafe {
                libc::munmap(at.cast(), 2 * PART); // as if by the kernel
                libc::munmap(from.cast(), 2 * PART); // which therefore moves nothing
            }
            let source = source.move_over(&target).expect_err("there is nothing to move");
            std::mem::forget(source);
            assert!(flags(at).is_some(), "it can be mapped by others");
            drop(target);
            flags(at).is_none()
        }));
    }

    #[test]
    fn at_the_limit_of_mappings_nothing_is_lost_and_nothing_left() {
        assert!(succeeds_in_child(|| {
            let (whole, buried) = (of_file(5), of_file(5));
            let (at, other) = (buried.base().as_ptr(), of_file(5));
            let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            // SAFETY: new mappings, each unlike the last, so that none becomes one with it.
            let fill = |round: usize| unsafe {
                let access = if round.is_multiple_of(2) { libc::PROT_NONE } else { libc::PROT_READ };
                libc::mmap(ptr::null_mut(), 4096, access, anonymous, -1, 0) != libc::MAP_FAILED
            };
            let most = (0..1 << 22).find(|&round| !fill(round));
            if most.is_none() {
                crate::sys::process::write_stderr(b"SKIPPED: this kernel has no limit of mappings in reach\n");
                return true;
            }
            assert!(whole.detach_from_file().is_err() && is_intact(&whole, 5));
            let other = other.move_over(&whole).expect_err("no room for one more");
            assert!(is_intact(&whole, 5) && is_intact(&other, 5));
            assert!(buried.bury([PART..2 * PART, 3 * PART..4 * PART]).is_err());
            drop(buried);
            // SAFETY: a hint to the kernel, and an error where nothing is mapped.
            (0..5).all(|part| unsafe { libc::madvise(at.add(part * PART).cast(), PART, libc::MADV_NORMAL) } != 0)
        }));
    }

    #[test]
    fn what_is_mapped_unfilled_is_locked_as_it_is_used() {
        assert!(succeeds_in_child(|| {
            // SAFETY: no memory is passed.
            if unsafe { libc::mlockall(libc::MCL_FUTURE) } != 0 {
                crate::sys::process::write_stderr(b"SKIPPED: this user may not lock memory\n");
                return true;
            }
            let file = file::unnamed(FOLDER).expect("a file");
            file::set_size(file.as_fd(), PART as u64).expect("room");
            let mapping = Mapping::of_file(file.as_fd(), PART, true).expect("addresses");
            let at = mapping.base().as_ptr();
            assert_eq!(memory(at), "0 kB");
            // SAFETY: within the mapping.
            unsafe { at.write_volatile(1) };
            memory(at) != "0 kB" && flags(at).expect("a mapping of its own").contains(" lo")
        }));
    }

    #[test]
    fn what_is_detached_is_locked_no_more() {
        assert!(succeeds_in_child(|| {
            // SAFETY: no memory is passed.
            if unsafe { libc::mlockall(libc::MCL_FUTURE) } != 0 {
                crate::sys::process::write_stderr(b"SKIPPED: this user may not lock memory\n");
                return true;
            }
            let file = file::unnamed(FOLDER).expect("a file");
            file::set_size(file.as_fd(), PART as u64).expect("room");
            let mapping = Mapping::of_file(file.as_fd(), PART, false).expect("addresses");
            let is_locked = || flags(mapping.base().as_ptr()).expect("a mapping of its own").contains(" lo");
            assert!(is_locked());
            mapping.detach_from_file().expect("room");
            assert_eq!(memory(mapping.base().as_ptr()), "0 kB", "nor filled in");
            !is_locked()
        }));
    }
}
