//! Losses on purpose (`rehull sandbox terminate`, `power-cut`, `freeze`, `thaw`), to see what becomes of them.

use serde_json::json;

use super::up::readable;
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::wire;
use crate::cli::wish::{Format, Harmed};
use crate::report::json::OUTPUT_FORMAT;
use crate::sandbox::{self, Harm};

/// Does it.
///
/// # Errors
/// There is no such sandbox or member, or its daemon does not answer.
pub fn run(console: &Console, harmed: &Harmed) -> Result<Exit, Failure> {
    let Harmed { place, member, harm } = harmed;
    let done = wire::runtime()?.block_on(async {
        let seen = sandbox::status(&place.name, &place.dir).await?;
        let machines = sandbox::harm(&seen, member, *harm).await?;
        Ok((seen.info, machines))
    });
    let (info, machines) = done.map_err(|error| Failure::sandbox(&error))?;
    let done = word(*harm);
    if console.format == Format::Json {
        let document = json!({
            "format": OUTPUT_FORMAT, "kind": "sandbox-harm", "sandbox": info.name,
            "member": member, "machines": machines, "was": done,
        });
        console.answer_json(&document)?;
        return Ok(Exit::Ok);
    }
    let (file, machines) = (readable(info.cluster_file()), machines.join(", "));
    console.answer(&format!(
        "{member} ({machines}): {done}\n  next   rehull etcd status {}\n",
        file.display()
    ))?;
    Ok(Exit::Ok)
}

const fn word(harm: Harm) -> &'static str {
    match harm {
        Harm::Terminate => "terminated",
        Harm::PowerCut => "without power",
        Harm::Freeze => "frozen",
        Harm::Thaw => "thawed",
    }
}
