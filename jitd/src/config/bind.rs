//! As whom the daemon binds: `bind` of `[source.NAME]`. Nobody is there to type a password, so it is always in a file; and it is always
//! said, so that nobody is anonymous by oversight.

use jit_directory::ldap::config::Bind;
use jit_settings::Section;
use jit_settings::directory;

use super::values;

/// Reads it; its absence is a fault.
pub(super) fn bind(section: &Section<'_, '_>) -> Option<Bind> {
    let Some(table) = section.table("bind") else {
        if !section.has("bind") {
            section.fault(
                "lacks `bind`: write bind = { method = \"simple\", dn = \"…\", password_file = \"…\" }, or method = \"anonymous\"",
            );
        }
        return None;
    };
    let methods = "the methods are \"simple\", \"external\" and \"anonymous\"";
    let method = table.required("method", methods, |text| match text {
        "simple" | "external" | "anonymous" => Ok(text.to_owned()),
        "gssapi" => Err("\"gssapi\" comes with a later version: use \"simple\" or \"external\"".to_owned()),
        other => Err(format!("`{}` is unknown: {methods}", other.escape_debug())),
    });
    let bind = match method?.value.as_str() {
        "simple" => {
            let dn = table.required(
                "dn",
                "write who binds, such as cn=web1,ou=hosts,dc=example,dc=com",
                values::dn,
            );
            let way_out = "write the file that holds the password, such as /etc/jitd/ldap.secret";
            let password_file = table.required("password_file", way_out, values::path);
            dn.zip(password_file).map(|(dn, file)| Bind::Simple { dn: dn.value, password_file: file.value })
        }
        "external" => {
            directory::certificate(&table, &values::path).map(|certificate| Bind::External { certificate })
        }
        _ => Some(Bind::Anonymous),
    };
    table.finish();
    bind
}
