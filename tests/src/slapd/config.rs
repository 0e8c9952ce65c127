//! What a server to be is configured with, as LDIF for slapadd(8).

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{getgid, getuid};

use super::{Plan, Push, Rules, Schema};
use crate::root::workspace;
use crate::trouble::{Result, Trouble};

const CONFIG: &str = include_str!("config.ldif");

/// The whole of it.
pub(super) fn text(plan: &Plan<'_>, dir: &Path, tls: &Path) -> Result<String> {
    let schema = schema(plan, dir)?;
    let mut config = CONFIG
        .replace("@DIR@", &dir.display().to_string())
        .replace("@TLS@", &tls.display().to_string())
        .replace("@SCHEMA@", &schema.display().to_string())
        .replace("@UID@", &getuid().as_raw().to_string())
        .replace("@GID@", &getgid().as_raw().to_string())
        .replace("@SERVER_IDS@", &plan.server_ids)
        .replace("@LIMITS@\n", &plan.limits);
    if plan.rules == Rules::None {
        for ours in [
            format!("include: file://{}\n", schema.display()).as_str(),
            "olcModuleLoad: syncprov\n",
            "jitHost,",
        ] {
            config = config.replace(ours, "");
        }
    }
    if plan.push != Push::None {
        config.push_str(
            "\ndn: olcOverlay=syncprov,olcDatabase={1}mdb,cn=config\nobjectClass: olcOverlayConfig\n\
             objectClass: olcSyncProvConfig\nolcOverlay: syncprov\n",
        );
        config.push_str(plan.checkpoint);
    }
    if plan.push == Push::Log {
        config.push_str("olcSpSessionlog: 1000\n");
    }
    Ok(config)
}

/// The file with our schema.
fn schema(plan: &Plan<'_>, dir: &Path) -> Result<PathBuf> {
    let shipped = workspace().join("packaging/ldap/openldap/jit.ldif");
    if plan.schema == Schema::Shipped {
        return Ok(shipped);
    }
    let text = fs::read_to_string(&shipped).map_err(|e| Trouble::io(&shipped, e))?;
    let rules =
        text.find("olcDitContentRules:").ok_or_else(|| Trouble::new("the schema has no content rules"))?;
    let older = dir.join("jit.ldif");
    fs::write(&older, text.get(..rules).unwrap_or_default()).map_err(|e| Trouble::io(&older, e))?;
    Ok(older)
}
