//! Any other root module of the cluster, in the gate's second mode: everything around the machines, and never the machines.

use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rehull_core::domain::terraform::TerraformStage;
use rehull_core::ports::LeaseState;
use rehull_core::tfplan::{Belongs, Decision, DigestKey, Manifest, Mode, Place};
use rehull_core::tfrun::Said;

use super::plan::{PATIENCE_S, no_key, patiently, scratch, unwritable_scratch};
use super::{TERRAFORM, key, surroundings};
use crate::adapters::terraform::{self as adapter, Attempt, Proposal, Terraform, Unfit, interrupt};
use crate::cli::cluster_file::ClusterFile;
use crate::cli::console::Console;
use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// A root module, and what it takes to plan it.
pub struct Infrastructure {
    terraform: Terraform,
    key: Option<DigestKey>,
    place: Place,
}

impl Infrastructure {
    /// The module in this folder, with program, state place and key as the cluster file names them.
    ///
    /// # Errors
    /// The folder does not exist, or the key is named and not here.
    pub fn of(file: &ClusterFile, environment: &Environment, module: &Path) -> Result<Self, Failure> {
        let place = place(file, module)?;
        let named = file.desired.terraform.as_ref();
        let key = named.and_then(|named| key(named, environment));
        if let (Some(name), None) = (named.and_then(|named| named.digest_key.as_ref()), &key) {
            return Err(no_key(name));
        }
        let backend = named
            .and_then(|named| named.backend_config.as_ref())
            .map(PathBuf::from);
        let terraform = Terraform {
            binary: named.map_or(TERRAFORM, |named| named.program.as_str()).into(),
            module: module.to_owned(),
            backend_config: backend.filter(|backend| module.join(backend).is_file()),
            environment: surroundings(file, environment),
            lock_timeout: PATIENCE_S,
        };
        Ok(Self {
            terraform,
            key,
            place,
        })
    }
}

fn place(file: &ClusterFile, module: &Path) -> Result<Place, Failure> {
    if !module.is_dir() {
        let message = format!("there is no folder `{}`", module.display());
        let failure = Failure::new(Exit::Usage, "usage::module", message);
        return Err(failure.help("the folder of a root module, for example terraform/environments/dev/base"));
    }
    let whole = |path: &Path| {
        path.canonicalize()
            .map_err(|error| Failure::unreadable(path, &error))
    };
    // Seen from the cluster file: the same in every checkout, and wherever it was typed.
    let from = whole(&file.beside("."))?;
    Ok(Place {
        cluster: file.desired.cluster.clone(),
        account: file.desired.aws.account.clone(),
        region: file.desired.aws.region.clone(),
        module: way(&from, &whole(module)?).to_string_lossy().into_owned(),
    })
}

/// From one folder to another, both whole paths.
fn way(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components());
    let shared = shared.take_while(|(from, to)| from == to).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    let down = to.components().skip(shared);
    up.chain(down).collect()
}

/// What an apply is at, for whoever has to interrupt it.
#[derive(Default)]
pub struct AtWork {
    now: Mutex<Option<(TerraformStage, Option<PathBuf>)>>,
}

impl AtWork {
    fn tell(&self, stage: TerraformStage, job: Option<&Path>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Some((stage, job.map(Path::to_owned)));
    }

    /// Passes one interrupt on. True: something may be changed already, so its end has to be waited for.
    pub async fn interrupt(&self) -> bool {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((stage, job)) = now else { return false };
        if let Some(job) = job {
            let mut patience = Duration::ZERO;
            interrupt(&job, &mut patience).await;
        }
        match stage {
            TerraformStage::Apply | TerraformStage::Verify => true,
            TerraformStage::Init | TerraformStage::Plan | TerraformStage::Compare | TerraformStage::Lock => {
                false
            }
        }
    }
}

/// What it would do, judged; `None`: nothing.
///
/// # Errors
/// Terraform did not come to the end of a plan.
pub async fn judge(console: &Console, module: &Infrastructure) -> Result<Option<Decision>, Failure> {
    let scratch = scratch().map_err(|error| unwritable_scratch(&error))?;
    let folder = scratch.path().join("run");
    let tell = patiently(console, &module.terraform);
    let proposed = match Attempt::begin(&module.terraform, &folder, None, &tell) {
        Ok(attempt) => propose(module, &attempt).await,
        Err(unfit) => Err(unfit),
    };
    match proposed.map_err(|unfit| unfinished(module, &unfit))? {
        Proposal::Nothing => Ok(None),
        Proposal::Plan(decision, _) => Ok(Some(*decision)),
    }
}

/// How an apply went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// What was approved was applied, and a second plan is empty.
    Applied,
    /// Nothing was left of it when it was planned again: somebody else has done it, or taken it back.
    NothingLeft,
}

/// Plans again, applies exactly that if it is what was approved, and sees that nothing is left.
///
/// # Errors
/// It is another plan by now, or its apply did not come to its end.
pub async fn apply(
    module: &Infrastructure,
    approved: &Manifest,
    lease: &dyn LeaseState,
    at_work: &AtWork,
) -> Result<Done, Failure> {
    let scratch = scratch().map_err(|error| unwritable_scratch(&error))?;
    let failed = |unfit: Unfit| unfinished(module, &unfit);
    let tell = |stage: TerraformStage, _: &[Said], job: Option<&Path>| at_work.tell(stage, job);
    let folder = scratch.path().join("run");
    let attempt = Attempt::begin(&module.terraform, &folder, None, &tell).map_err(failed)?;
    let Proposal::Plan(decision, plan) = propose(module, &attempt).await.map_err(failed)? else {
        return Ok(Done::NothingLeft);
    };
    let now = decision.manifest.as_ref();
    let differs = now.map_or_else(Vec::new, |now| approved.differences(now));
    if now.is_none() || !differs.is_empty() {
        let message = "what Terraform would do is not what was shown any more: nothing was applied";
        let failure = Failure::new(Exit::Refused, "plan::changed", message);
        let failure = differs
            .iter()
            .fold(failure, |failure, one| failure.note(one.to_string()));
        return Err(failure.help("look at the plan of now and agree to it"));
    }
    adapter::apply(&attempt, &plan, lease).await.map_err(failed)?;
    if attempt.verify().await.map_err(failed)? {
        return Ok(Done::Applied);
    }
    let message = "it was applied, and a second plan is not empty: something does not stay as it was written";
    Err(Failure::new(Exit::NeedsPerson, "terraform::not_empty", message)
        .help("what keeps changing wants `ignore_changes`, or the value that the provider reads back"))
}

async fn propose(module: &Infrastructure, attempt: &Attempt<'_>) -> Result<Proposal, Unfit> {
    attempt
        .propose(
            Mode::Infrastructure,
            Belongs::Module(module.place.clone()),
            module.key.as_ref(),
        )
        .await
}

fn unfinished(module: &Infrastructure, unfit: &Unfit) -> Failure {
    let place = module.terraform.module.display();
    let failure = Failure::new(
        Exit::Refused,
        "terraform::not_done",
        format!("terraform in {place}: {}", unfit.why),
    );
    let program = module.terraform.binary.display();
    failure.help(if unfit.help.is_empty() {
        format!("look at it: {program} -chdir={place} plan")
    } else {
        // The lock of this state is none that rehull frees.
        let by_hand = format!("{program} -chdir={place} force-unlock ID");
        unfit.help.replace("rehull unlock FILE ID", &by_hand)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_named_as_it_is_seen_from_the_cluster_file() {
        for (from, to, expected) in [
            ("/a/clusters", "/a/terraform/dev/base", "../terraform/dev/base"),
            ("/a", "/a/base", "base"),
            ("/a/b/c", "/x", "../../../x"),
            ("/a/b", "/a", ".."),
            ("/a", "/a", ""),
        ] {
            let found = way(Path::new(from), Path::new(to));
            assert_eq!(found, Path::new(expected), "{from} {to}");
        }
    }
}
