//! `jitctl directory init`: prints what a directory needs, so that it can be read and piped into ldapmodify, or loads it.

use jit_control::Answer;
use jit_control::directory::{Part, Prepared};
use jit_directory::decode::Bases;
use jit_model::dn::Dn;

use super::connect::{self, Named};
use super::files::{self, Piece, When};
use super::{apply, script};
use crate::cli::{Cli, DirectoryKind, DirectoryPart, InitArgs};
use crate::context::Context;
use crate::person::config::{self as client, ClientConfig};
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Tone, clean};

/// `jitctl directory init`
///
/// # Errors
/// When it cannot be printed or loaded.
pub(super) fn run(context: &Context, cli: &Cli, args: &InitArgs) -> Result<Report, Failure> {
    let client = match (&cli.config, client::load(cli)) {
        (Some(_), Err(failure)) => return Err(failure),
        (_, loaded) => loaded.ok(),
    };
    let base = match (&args.base, &client) {
        (Some(base), _) => files::base(base)?,
        (None, Some(client)) => files::base(&above(client)?)?,
        (None, None) => {
            return Err(Failure::usage("say where the directory begins: --base dc=example,dc=com"));
        }
    };
    if args.apply { load(context, args, &base, client.as_ref()) } else { print(args, &base) }
}

/// What stands above the grants of the configuration, as `base` there makes it.
fn above(client: &ClientConfig) -> Result<String, Failure> {
    let grants = &client.directory.bases.grants;
    let base = grants.parent().and_then(|jit| jit.parent());
    let usual = base.filter(|base| Bases::under(base).is_ok_and(|bases| bases == client.directory.bases));
    usual.map(|base| base.to_string()).ok_or_else(|| {
        Failure::usage(
            "the configuration names places of its own: say with --base below which entry ou=jit shall stand",
        )
    })
}

/// Of these, what was asked for.
fn chosen(args: &InitArgs, pieces: Vec<Piece>, fresh: bool) -> Vec<Piece> {
    let wanted = |piece: &Piece| args.part.is_none_or(|part| part == piece.part);
    pieces.into_iter().filter(|piece| wanted(piece) && (fresh || piece.when == When::Always)).collect()
}

fn print(args: &InitArgs, base: &str) -> Result<Report, Failure> {
    let database = args.database.as_deref().unwrap_or(files::usual_database(args.kind));
    let pieces = chosen(args, files::pieces(args.kind, base, database)?, args.fresh);
    let mut text = heading(args, base);
    for piece in &pieces {
        let part = match piece.part {
            DirectoryPart::Configuration => "configuration",
            DirectoryPart::Content => "content",
        };
        text.push_str(&format!("\n# ---- {} ({part})\n{}", piece.name, piece.text));
    }
    let answer = Answer::Done { text: text.clone() };
    Ok(Report { answer, text, notes: Vec::new(), exit: Exit::Done })
}

/// What to do with it, as comments.
fn heading(args: &InitArgs, base: &str) -> String {
    let kind = files::name_of(args.kind);
    let command = |part: &str, load: &str| {
        let fresh = if args.fresh { " --fresh" } else { "" };
        format!("#   jitctl directory init --kind {kind} --base {base} --part {part}{fresh} | {load}\n")
    };
    let mut text = format!(
        "# What jit needs in {base}. To load it, in this order; what is there already is reported, and -c goes on:\n"
    );
    match args.kind {
        DirectoryKind::Openldap => {
            text.push_str(&command("configuration", "ldapmodify -a -c -Q -Y EXTERNAL -H ldapi:///"));
            text.push_str(&command(
                "content",
                &format!("ldapmodify -a -c -x -D cn=admin,{base} -W -H ldapi:///"),
            ));
            if !args.fresh {
                text.push_str(
                    "# A database without access rules of its own (olcAccess) needs --fresh too: otherwise nobody can log in any more.\n",
                );
            }
        }
        DirectoryKind::Ds389 => {
            let load = "ldapmodify -a -c -Q -Y EXTERNAL -H ldapi://%2Frun%2Fslapd-INSTANCE.socket";
            text.push_str(&command("configuration", load));
            text.push_str(&command("content", load));
            text.push_str("#   dsctl INSTANCE restart\n# With --fresh, people and hosts may read names and membership, which they need, and which is often so already.\n");
        }
    }
    text
}

fn load(
    context: &Context,
    args: &InitArgs,
    base: &str,
    client: Option<&ClientConfig>,
) -> Result<Report, Failure> {
    let dn = Dn::parse(base).map_err(|error| Failure::usage(error.to_string()))?;
    let bases = Bases::under(&dn).map_err(|error| Failure::usage(error.to_string()))?;
    let ca = args.ca.clone().or_else(|| client.and_then(|client| client.directory.ca.clone()));
    let mut config = connect::config(args.uri.as_deref().unwrap_or("ldapi:///"), bases, ca)?;
    let named = Named { dn: args.admin.as_deref(), password_file: args.admin_password_file.as_deref() };
    config.bind = connect::bind(&named, &config)?;
    connect::runtime()?.block_on(async {
        let mut admin = connect::connect(config).await?;
        let found = apply::database(&mut admin, args.kind, &dn).await.map_err(|t| connect::trouble(&t))?;
        let configures = args.part != Some(DirectoryPart::Content);
        let database = match (&args.database, &found) {
            (Some(said), _) => said.as_str(),
            (None, Some(found)) => found.name.as_str(),
            (None, None) if configures => {
                return Err(Failure::no(
                    "no-database",
                    format!(
                        "no database with the suffix {base} is to be seen in the server's configuration: as root over ldapi:/// it is; or load the rest alone, with --part content"
                    ),
                ));
            }
            (None, None) => files::usual_database(args.kind),
        };
        // With rules of ours alone, nobody could log in.
        let lawless = args.kind == DirectoryKind::Openldap && found.as_ref().is_some_and(|found| !found.has_rules);
        let all = files::pieces(args.kind, base, database)?;
        let fresh = chosen(args, all, true).into_iter().filter(|piece| {
            piece.when == When::Always || args.fresh || (lawless && piece.name == "acl-people.ldif")
        });
        let mut parts = Vec::new();
        for piece in fresh {
            for record in script::read(&piece.text) {
                apply::record(&mut admin, piece.name, &record, &mut parts).await.map_err(|t| connect::trouble(&t))?;
            }
        }
        Ok(report(context, args.kind, admin.server(), parts))
    })
}

fn report(context: &Context, kind: DirectoryKind, server: String, parts: Vec<Part>) -> Report {
    let mut text = String::new();
    for part in &parts {
        let tone = match part.outcome.as_str() {
            "added" => Tone::Good,
            "there" => Tone::Faint,
            "differs" => Tone::Fair,
            _ => Tone::Bad,
        };
        let outcome = context.colour.paint(tone, &format!("{:7}", part.outcome));
        let why = part.text.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
        text.push_str(&format!("{outcome}  {:15}  {}{}\n", part.file, clean(&part.what), clean(&why)));
    }
    let some = |outcome: &str| parts.iter().any(|part| part.outcome == outcome);
    let mut notes = Vec::new();
    if kind == DirectoryKind::Ds389
        && parts.iter().any(|part| part.file == "plugins.ldif" && part.outcome == "added")
    {
        notes.push("plugins count after a restart of the server: dsctl INSTANCE restart".to_owned());
    }
    if some("differs") {
        notes.push(
            "what differs was left as it is: whether the rules hold says `jitctl directory check`".to_owned(),
        );
    }
    if some("failed") {
        notes.push("not everything could be loaded: configuration takes root over ldapi:///, content its administrator (--admin DN --part content)".to_owned());
    }
    let exit = if some("failed") { Exit::No } else { Exit::Done };
    let answer = Answer::Prepared(Prepared { server, kind: files::name_of(kind).to_owned(), parts });
    Report { answer, text, notes, exit }
}
