//! As whom the daemon binds: `bind` of `[source.NAME]`. Nobody is there to type a password, so it is always in a file; and it is always
//! said, so that nobody is anonymous by oversight.

use jit_directory::ldap::config::Bind;
use jit_directory::ldap::gssapi::Credentials;
use jit_model::host::HostNames;
use jit_settings::Section;
use jit_settings::directory;

use super::values;

/// Reads it; its absence is a fault. `host` has the name of the principal, unless another is named.
pub(super) fn bind(section: &Section<'_, '_>, host: Option<&HostNames>) -> Option<Bind> {
    let Some(table) = section.table("bind") else {
        if !section.has("bind") {
            section.fault(
                "lacks `bind`: write bind = { method = \"simple\", dn = \"…\", password_file = \"…\" }, or method = \"anonymous\"",
            );
        }
        return None;
    };
    let methods = "the methods are \"simple\", \"external\", \"gssapi\" and \"anonymous\"";
    let method = table.required("method", methods, |text| match text {
        "simple" | "external" | "gssapi" | "anonymous" => Ok(text.to_owned()),
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
        "gssapi" => {
            let way_out = "write the file that holds this host's key, such as /etc/jitd/jitd.keytab";
            let keytab = table.required("keytab", way_out, values::path);
            let principal = table.parsed("principal", principal).map(|at| at.value);
            let usual =
                host.filter(|_| !table.has("principal")).map(|host| format!("host/{}", host.fqdn().as_str()));
            keytab.zip(principal.or(usual)).map(|(keytab, principal)| Bind::Gssapi {
                credentials: Credentials::Keytab { keytab: keytab.value, principal },
            })
        }
        _ => Some(Bind::Anonymous),
    };
    table.finish();
    bind
}

/// `primary/instance@REALM`, of which the last two may be absent. The Kerberos library takes it apart; a blank in it is a slip.
fn principal(text: &str) -> Result<String, String> {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if text.is_empty() || text.contains(odd) || text.len() > 512 {
        let shown = text.escape_debug();
        return Err(format!("`{shown}` is no principal: write one such as host/web1.example.com"));
    }
    Ok(text.to_owned())
}
