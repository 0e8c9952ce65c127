//! Which loaded object an address lies in, for the unwinder that is linked into this module (see [`super`]). It asks glibc's
//! `_dl_find_object`, which is there since glibc 2.35: with that name unresolved, pam_jit.so could not be loaded on RHEL 9 (2.34), and
//! a module that cannot be loaded denies everybody. So the name is answered here, for this object alone, by what glibc had before it.
//! Called while a panic of ours is unwound, and never otherwise. Must not panic, allocate, or be seen by anybody else.

use core::arch::global_asm;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::slice;

use libc::{PT_GNU_EH_FRAME, PT_LOAD, dl_iterate_phdr, dl_phdr_info};

// Under the name that libgcc asks for, and hidden: what else is in the process goes on asking glibc.
#[cfg(target_arch = "x86_64")]
global_asm!(
    ".pushsection .text",
    ".globl _dl_find_object",
    ".hidden _dl_find_object",
    ".type _dl_find_object, @function",
    "_dl_find_object: jmp {find}",
    ".popsection",
    find = sym find,
);
#[cfg(target_arch = "aarch64")]
global_asm!(
    ".pushsection .text",
    ".globl _dl_find_object",
    ".hidden _dl_find_object",
    ".type _dl_find_object, @function",
    "_dl_find_object: b {find}",
    ".popsection",
    find = sym find,
);

/// `struct dl_find_object` of <dlfcn.h>, on machines without DLFO_STRUCT_HAS_EH_DBASE and _EH_COUNT.
#[repr(C)]
struct Object {
    flags: u64,
    map_start: *mut c_void,
    map_end: *mut c_void,
    link_map: *mut c_void,
    eh_frame: *mut c_void,
    reserved: [u64; 7],
}

/// An address, and where the object that it lies in has its index of frames.
struct Search {
    address: usize,
    eh_frame: Option<usize>,
}

/// `_dl_find_object`: 0, with the index of frames of the object that `address` lies in; -1 if there is none. Of the rest of `result`
/// libgcc reads nothing.
unsafe extern "C" fn find(address: *mut c_void, result: *mut Object) -> c_int {
    let mut search = Search { address: address as usize, eh_frame: None };
    // SAFETY: dl_iterate_phdr(3) calls `look` with this pointer before it returns, and keeps nothing.
    unsafe { dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    let Some(eh_frame) = search.eh_frame else { return -1 };
    let object = Object {
        flags: 0,
        map_start: null_mut(),
        map_end: null_mut(),
        link_map: null_mut(),
        eh_frame: eh_frame as *mut c_void,
        reserved: [0; 7],
    };
    // SAFETY: libgcc passes a struct of its own, on its stack.
    unsafe { result.write(object) };
    0
}

/// One loaded object: 1 ends the search, for the address lies in it.
unsafe extern "C" fn look(info: *mut dl_phdr_info, _: usize, search: *mut c_void) -> c_int {
    // SAFETY: glibc's own description of the object, which stays while this runs.
    let info = unsafe { &*info };
    // SAFETY: what `find` passed; nobody else looks at it meanwhile.
    let search = unsafe { &mut *search.cast::<Search>() };
    if info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: so many headers stand there for as long as the object is loaded.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let place = |start: u64| (info.dlpi_addr as usize).wrapping_add(start as usize);
    let within = headers.iter().any(|h| {
        let from_start = search.address.wrapping_sub(place(h.p_vaddr));
        h.p_type == PT_LOAD && from_start < h.p_memsz as usize
    });
    if !within {
        return 0;
    }
    search.eh_frame = headers.iter().find(|h| h.p_type == PT_GNU_EH_FRAME).map(|h| place(h.p_vaddr));
    1
}
