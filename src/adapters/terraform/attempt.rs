//! One try of Terraform: from what was rendered to a plan that was judged, to its apply, to a second plan that is empty.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rehull_core::domain::ids::ContentDigest;
use rehull_core::domain::terraform::{TerraformChange, TerraformStage};
use rehull_core::tfplan::{
    Belongs, Contract, Decision, DigestKey, Mode, Setting, Sources, Templates, Terms, Tool,
    Verdict as Judged, decide, unmet_checks,
};
use rehull_core::tfrun::{LockInfo, Outcome, Said, Verdict};
use sha2::{Digest as _, Sha256};

use super::error::TerraformError;
use super::unfit::Unfit;
use super::{Job, PlanFile, Terraform, covered, files, hidden, locked, looks, modules, scan};
use crate::adapters::clock::pause;

/// How often a run is listened to: a person who watches should not see it jump.
const LISTEN_EVERY: Duration = Duration::from_millis(100);
/// Where `apply` of a try lives; whoever finds it alive waits for it.
pub(super) const APPLY: &str = "apply";
const VARIABLES: &str = "rehull.tfvars.json";

/// How a plan is judged.
pub struct Judge {
    /// As what launch templates stand in the module.
    pub templates: Templates,
    /// For fingerprints of values.
    pub key: Option<DigestKey>,
}

impl Judge {
    /// An upgrade to what was rendered, and nothing else.
    #[must_use]
    pub fn upgrade(&self, change: &TerraformChange) -> Mode {
        Mode::Upgrade(Contract {
            templates: self.templates,
            roles: change.roles.clone(),
        })
    }
}

/// What Terraform would do.
pub enum Proposal {
    /// Nothing.
    Nothing,
    /// This, if the decision allows it.
    Plan(Box<Decision>, PlanFile),
}

/// How an apply ended that broke nothing.
pub(super) enum Applied {
    /// Everything that was announced is done.
    All,
    /// Nothing was begun: somebody has the lock of the state.
    LockBusy(Unfit),
}

/// Who hears how far it is.
pub type Tell<'a> = &'a (dyn Fn(TerraformStage, &[Said], Option<&Path>) + Send + Sync);

/// One try, from `init` to a last look; everything of it lies in a folder of its own, for its owner alone.
pub struct Attempt<'a> {
    terraform: &'a Terraform,
    folder: PathBuf,
    variables: Option<&'a str>,
    tell: Tell<'a>,
}

impl<'a> Attempt<'a> {
    /// Makes the folder, with the variables in it; without any the module has to have its own.
    ///
    /// # Errors
    /// The folder is there already, or cannot be written.
    pub fn begin(
        terraform: &'a Terraform,
        folder: &Path,
        variables: Option<&'a str>,
        tell: Tell<'a>,
    ) -> Result<Self, Unfit> {
        let attempt = Self {
            terraform,
            folder: files::create(folder)?,
            variables,
            tell,
        };
        for path in attempt.variables() {
            let text = variables.unwrap_or_default().as_bytes();
            let written = files::new(&path).and_then(|mut file| file.write_all(text));
            written.map_err(TerraformError::file(path))?;
        }
        Ok(attempt)
    }

    /// One that an earlier process has begun, with what it has left in the folder.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn again(terraform: &'a Terraform, folder: &Path, tell: Tell<'a>) -> Result<Self, Unfit> {
        Ok(Self {
            terraform,
            folder: folder.canonicalize().map_err(TerraformError::file(folder))?,
            variables: Some(""),
            tell,
        })
    }

    fn variables(&self) -> Vec<PathBuf> {
        self.variables
            .iter()
            .map(|_| self.folder.join(VARIABLES))
            .collect()
    }

    /// Plans and judges the plan. Nothing is changed by it.
    ///
    /// # Errors
    /// A run of Terraform did not come to its end. A plan that is refused is none: its decision says why.
    pub async fn propose(&self, mode: Mode, of: Belongs, key: Option<&DigestKey>) -> Result<Proposal, Unfit> {
        if let Some(file) = scan::unsaved_state(&self.terraform.module)? {
            let why = format!(
                "{} is there: the state of an earlier apply was not stored",
                file.display()
            );
            let help = "when its store works: terraform state push errored.tfstate, then remove the file; to apply before that makes everything a second time";
            return Err(Unfit::new(why, help));
        }
        self.init().await?;
        let (file, tool, works) = self.plan().await?;
        // Of an upgrade a plan that changes nothing is judged as well: whoever has applied it by hand has made templates that
        // nobody has approved, and machines would boot them.
        if !works && matches!(mode, Mode::Infrastructure) {
            self.checked(&self.folder.join(files::PLAN)).await?;
            return Ok(Proposal::Nothing);
        }
        (self.tell)(TerraformStage::Compare, &[], None);
        let shown = self.terraform.show(&self.folder.join(files::SHOW), &file).await?;
        let tree = modules::tree(&self.terraform.module)?;
        // Of an upgrade the gate knows what each argument says.
        let sources = match &mode {
            Mode::Upgrade(_) => Sources::default(),
            Mode::Infrastructure => covered::sources(&tree)?,
        };
        let setting = Setting {
            providers: self.terraform.providers(&self.folder.join("version")).await?,
            lock_file: lock_file(&self.terraform.module)?,
            sources,
            of,
            key: key.cloned(),
        };
        let mut terms = Terms::new(mode, tool);
        terms.dynamic = hidden::blocks(&looks::folders(&tree))?;
        terms.plain = hidden::plain(&tree)?;
        let open = File::open(&shown).map_err(TerraformError::file(&shown))?;
        let decision = decide(BufReader::new(open), &terms, &setting);
        // It has every value in clear, and nobody reads it again.
        fs::remove_file(&shown).map_err(TerraformError::file(&shown))?;
        let decision = decision.map_err(|error| Unfit::new(error.to_string(), ""))?;
        if !works && decision.verdict != Judged::Refused {
            self.checked(&self.folder.join(files::PLAN)).await?;
            return Ok(Proposal::Nothing);
        }
        Ok(Proposal::Plan(Box::new(decision), file))
    }

    /// Plans and applies without a gate: for launch templates that nothing runs yet.
    ///
    /// # Errors
    /// A run of Terraform did not come to its end.
    pub async fn make(&self) -> Result<(), Unfit> {
        self.init().await?;
        match self.plan().await? {
            (_, _, false) => self.checked(&self.folder.join(files::PLAN)).await,
            (file, _, true) => match self.apply(&file).await? {
                Applied::All => Ok(()),
                Applied::LockBusy(busy) => Err(busy),
            },
        }
    }

    /// For how long it waits for the lock of the state.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.terraform.lock_timeout.into())
    }

    /// Somebody has the lock, and nothing of this one runs.
    pub(super) fn waits_for_lock(&self) {
        (self.tell)(TerraformStage::Lock, &[Said::WaitsForLock], None);
    }

    /// Who has the lock of the state; `None`: it is free.
    ///
    /// # Errors
    /// Terraform came to another end, so nothing is known.
    pub async fn holder(&self) -> Result<Option<LockInfo>, Unfit> {
        self.init().await?;
        let job = self
            .terraform
            .plan(&self.folder.join(files::PLAN), &self.variables())?;
        let outcome = self.to_its_end(job, TerraformStage::Plan).await?;
        if let Verdict::LockBusy(Some(lock)) = outcome.verdict {
            return Ok(Some(lock));
        }
        has_changes(&outcome).map(|_| None)
    }

    async fn init(&self) -> Result<(), Unfit> {
        let module = &self.terraform.module;
        looks::before_init(module, self.terraform.backend_config.as_deref())?;
        let job = self.terraform.init(&self.folder.join("init"))?;
        let outcome = self.to_its_end(job, TerraformStage::Init).await?;
        if outcome.verdict != Verdict::Initialised {
            return Err(Unfit::of(&outcome));
        }
        looks::before_plan(module)
    }

    /// What would be done, by which program it was planned, and whether it is anything.
    async fn plan(&self) -> Result<(PlanFile, Tool, bool), Unfit> {
        let run = self.folder.join(files::PLAN);
        let job = self.terraform.plan(&run, &self.variables())?;
        let outcome = self.to_its_end(job, TerraformStage::Plan).await?;
        let works = has_changes(&outcome)?;
        Ok((PlanFile::of_run(&run)?, tool(&outcome)?, works))
    }

    /// Applies exactly this plan, at once or not at all. May be tried again when somebody had the lock.
    ///
    /// # Errors
    /// Not every announced change is known to be done.
    pub(super) async fn apply(&self, file: &PlanFile) -> Result<Applied, Unfit> {
        let run = self.folder.join(APPLY);
        if run.exists() {
            // An earlier try that found the lock taken: it has nothing to say any more.
            fs::remove_dir_all(&run).map_err(TerraformError::file(&run))?;
        }
        let job = self.terraform.apply(&run, file)?;
        let outcome = self.to_its_end(job, TerraformStage::Apply).await?;
        if outcome.verdict == Verdict::Applied {
            return Ok(Applied::All);
        }
        let unfit = Unfit::of(&outcome);
        // Whoever has interrupted it wants no other.
        if matches!(outcome.verdict, Verdict::LockBusy(_)) && !files::interrupted_in(&run).exists() {
            Ok(Applied::LockBusy(unfit))
        } else {
            Err(unfit)
        }
    }

    /// Waits for an apply that an earlier process has begun.
    ///
    /// # Errors
    /// Not every announced change is known to be done.
    pub async fn follow(&self) -> Result<(), Unfit> {
        let job = Job::attach(&self.folder.join(APPLY))?;
        let outcome = self.to_its_end(job, TerraformStage::Apply).await?;
        if outcome.verdict == Verdict::Applied {
            Ok(())
        } else {
            Err(Unfit::of(&outcome))
        }
    }

    /// Plans once more: true if nothing is left to change.
    ///
    /// # Errors
    /// A run of Terraform did not come to its end, or a check of the module does not hold.
    pub async fn verify(&self) -> Result<bool, Unfit> {
        let run = self.folder.join("verify");
        let job = self.terraform.plan(&run, &self.variables())?;
        let outcome = self.to_its_end(job, TerraformStage::Verify).await?;
        let is_done = !has_changes(&outcome)?;
        if is_done {
            self.checked(&run).await?;
        }
        Ok(is_done)
    }

    /// Of a plan that changes nothing Terraform only warns when a check fails. The plan is not wanted any more.
    async fn checked(&self, run: &Path) -> Result<(), Unfit> {
        let plan = PlanFile::of_run(run)?;
        let shown = self.terraform.show(&self.folder.join("checks"), &plan).await?;
        let open = File::open(&shown).map_err(TerraformError::file(&shown))?;
        let unmet = unmet_checks(BufReader::new(open));
        for file in [shown.as_path(), plan.path()] {
            fs::remove_file(file).map_err(TerraformError::file(file))?;
        }
        let unmet = unmet.map_err(|error| Unfit::new(error.to_string(), ""))?;
        unmet.first().map_or(Ok(()), |finding| {
            let why = format!("a check of the module does not hold: {finding}");
            Err(Unfit::new(why, ""))
        })
    }

    /// Listens to a run until it has ended.
    async fn to_its_end(&self, mut job: Job, stage: TerraformStage) -> Result<Outcome, Unfit> {
        loop {
            let heard = job.hear()?;
            (self.tell)(stage, &heard.said, Some(job.folder()));
            if let Some(outcome) = heard.outcome {
                return Ok(outcome);
            }
            pause(LISTEN_EVERY).await;
        }
    }
}

impl Terraform {
    /// Versions of the providers that `init` has chosen, by source.
    async fn providers(&self, run: &Path) -> Result<BTreeMap<String, String>, TerraformError> {
        #[derive(serde::Deserialize)]
        struct Version {
            #[serde(default)]
            provider_selections: BTreeMap<String, String>,
        }
        let said = self.version(run).await?;
        let text = fs::read(&said).map_err(TerraformError::file(&said))?;
        let version: Version = serde_json::from_slice(&text)
            .map_err(|error| TerraformError::file(&said)(io::Error::from(error)))?;
        Ok(version.provider_selections)
    }
}

/// A plan that came to its end; every other end is none.
fn has_changes(outcome: &Outcome) -> Result<bool, Unfit> {
    if outcome.verdict == Verdict::NoChange {
        Ok(false)
    } else if outcome.verdict == Verdict::Changes {
        Ok(true)
    } else {
        Err(Unfit::of(outcome))
    }
}

/// The stream says which program wrote it; its plan does not.
fn tool(outcome: &Outcome) -> Result<Tool, Unfit> {
    let program = outcome.program.as_deref().unwrap_or_default();
    match program.split_whitespace().next() {
        Some("Terraform") => Ok(Tool::Terraform),
        Some("OpenTofu") => Ok(Tool::OpenTofu),
        Some(_) | None => Err(Unfit::new(
            "the program that made the plan calls itself neither Terraform nor OpenTofu",
            "name one of them in `terraform.program`",
        )),
    }
}

/// A module without providers of its own has none, which is a statement as well: the digest of nothing.
fn lock_file(module: &Path) -> Result<ContentDigest, TerraformError> {
    let path = module.join(locked::FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(TerraformError::file(path)(error)),
    };
    Ok(ContentDigest::new(format!(
        "sha256:{}",
        hex::encode(Sha256::digest(&bytes))
    )))
}

/// Why a judged plan may not be applied: the reasons, and what to do about the first.
#[must_use]
pub fn refused(decision: &Decision) -> Option<Unfit> {
    if decision.verdict != Judged::Refused {
        return None;
    }
    let reasons: Vec<String> = decision
        .findings
        .iter()
        .map(|finding| match &finding.address {
            Some(address) => format!("`{address}`: {} ({})", finding.reason, finding.rule),
            None => format!("{} ({})", finding.reason, finding.rule),
        })
        .collect();
    let help = decision.findings.first().map(|finding| finding.remedy.clone());
    Some(Unfit::new(
        format!("the plan is refused: {}", reasons.join("; ")),
        help.unwrap_or_default(),
    ))
}
