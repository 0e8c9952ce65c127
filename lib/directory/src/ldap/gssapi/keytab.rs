//! Credentials by a key in a file, through the system's Kerberos library: a ticket is fetched into memory and is gone when this is
//! dropped. Nothing is read from the environment for it, nothing is written to disk. The only file of this crate with `unsafe`.

use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use libgssapi::credential::Cred;
use libgssapi::error::{Error, MajorFlags};
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_KRB5_PRINCIPAL, Oid};
use libgssapi_sys as sys;

/// A ticket-granting ticket. The credentials are released before the cache that they point into is destroyed.
pub(super) struct Keyed {
    cred: Cred,
    _cache: Cache,
}

impl Keyed {
    /// Asks the KDC for a ticket of `principal`, by its key in `keytab`. Blocks for as long as the library tries.
    ///
    /// # Errors
    /// In the library's words.
    pub(super) fn acquire(keytab: &Path, principal: &str) -> Result<Keyed, String> {
        let text =
            |what: &str, text: &str| CString::new(text).map_err(|_| format!("{what} holds a zero byte"));
        let shown = keytab.to_str().ok_or_else(|| format!("{}: the path is not UTF-8", keytab.display()))?;
        let file = text("keytab", &format!("FILE:{shown}"))?;
        let cache = Cache::new()?;
        let name = Name::import(principal)?;
        let mut elements = [
            sys::gss_key_value_element_desc { key: c"client_keytab".as_ptr(), value: file.as_ptr() },
            sys::gss_key_value_element_desc { key: c"ccache".as_ptr(), value: cache.0.as_ptr() },
        ];
        let store = sys::gss_key_value_set_desc { count: 2, elements: elements.as_mut_ptr() };
        // By Kerberos alone: without a choice the library would try each mechanism that it has, and tell the last one's error.
        let mut mechanism = description(&GSS_MECH_KRB5);
        let mut mechanisms = sys::gss_OID_set_desc { count: 1, elements: &raw mut mechanism };
        let (mut minor, mut cred) = (0, ptr::null_mut());
        // SAFETY: name, mechanisms, store, and what they point to outlive the call, which only reads them; minor and cred may be
        // written; the two outputs that are not wanted may be null (RFC 2744 §5.2).
        let major = unsafe {
            sys::gss_acquire_cred_from(
                &raw mut minor,
                name.0,
                sys::_GSS_C_INDEFINITE,
                &raw mut mechanisms,
                sys::GSS_C_INITIATE as sys::gss_cred_usage_t,
                &raw const store,
                &raw mut cred,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        done(major, minor)?;
        Ok(Keyed { cred: Cred::from(cred), _cache: cache })
    }

    /// To be used while this lives; afterwards nothing new can be fetched with it.
    pub(super) fn cred(&self) -> Cred {
        self.cred.clone()
    }
}

/// The error of a call, in the library's words, which it keeps for the thread that made the call.
fn done(major: u32, minor: u32) -> Result<(), String> {
    if major == sys::GSS_S_COMPLETE {
        return Ok(());
    }
    Err(Error { major: MajorFlags::from_bits_retain(major), minor }.to_string())
}

/// An object identifier as the library takes it: it points to the bytes of a constant, and is only read.
fn description(oid: &'static Oid) -> sys::gss_OID_desc {
    let length = sys::OM_uint32::try_from(oid.len()).unwrap_or(0);
    sys::gss_OID_desc { length, elements: oid.as_ptr().cast_mut().cast::<c_void>() }
}

/// A principal as the library knows it.
struct Name(sys::gss_name_t);

impl Name {
    fn import(principal: &str) -> Result<Name, String> {
        let mut oid = description(&GSS_NT_KRB5_PRINCIPAL);
        let mut text = sys::gss_buffer_desc {
            length: principal.len(),
            value: principal.as_ptr().cast_mut().cast::<c_void>(),
        };
        let (mut minor, mut name) = (0, ptr::null_mut());
        // SAFETY: text and oid hold lengths of what they point to, are only read, and outlive the call, which copies both; minor and
        // name may be written (RFC 2744 §5.16).
        let major =
            unsafe { sys::gss_import_name(&raw mut minor, &raw mut text, &raw mut oid, &raw mut name) };
        done(major, minor)?;
        Ok(Name(name))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the name came from gss_import_name, is released here only, and is not used afterwards.
        unsafe { sys::gss_release_name(&raw mut minor, &raw mut self.0) };
    }
}

/// A ticket cache in memory, of a name that nobody else has. GSSAPI can make one but not destroy it, and each would be kept until the
/// process ends: a daemon that connects again every half a minute would grow.
struct Cache(CString);

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Cache {
    fn new() -> Result<Cache, String> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        CString::new(format!("MEMORY:jit-{number}")).map(Cache).map_err(|error| error.to_string())
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let (mut context, mut cache) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: context may be written; what is made is freed below.
        if unsafe { krb5_init_context(&raw mut context) } != 0 {
            return;
        }
        // SAFETY: context was made above; the name is a text that outlives the call; cache may be written.
        if unsafe { krb5_cc_resolve(context, self.0.as_ptr(), &raw mut cache) } == 0 {
            // SAFETY: both were made above and cache is not used afterwards. Other handles to it (of a credential that the LDAP
            // connection still holds) are counted by the library: they find it empty, and are closed by their owners.
            unsafe { krb5_cc_destroy(context, cache) };
        }
        // SAFETY: context was made above, and is not used afterwards.
        unsafe { krb5_free_context(context) };
    }
}

// SAFETY: as krb5.h has them: krb5_error_code is an int, krb5_context and krb5_ccache are pointers to what the library alone knows, the
// text is a `const char *`, and the library is the one that libgssapi_krb5, too, is linked with.
#[link(name = "krb5")]
unsafe extern "C" {
    fn krb5_init_context(context: *mut *mut c_void) -> c_int;
    fn krb5_free_context(context: *mut c_void);
    fn krb5_cc_resolve(context: *mut c_void, name: *const c_char, cache: *mut *mut c_void) -> c_int;
    fn krb5_cc_destroy(context: *mut c_void, cache: *mut c_void) -> c_int;
}
