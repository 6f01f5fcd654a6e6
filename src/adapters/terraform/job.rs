//! One run: started here or by a process that is gone, listened to from its file, interrupted at most once.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rehull_core::tfrun::{ALWAYS, Command, Ended, Outcome, Run, Said, is_passed_on, is_passed_on_to_init};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

use super::error::TerraformError;
use super::{Terraform, files};

/// Starts the program of `$5 …` with its streams in `$1` and `$2`, and leaves its exit code in `$4`, written under the name
/// `$3` first, so that half a number is never read. The shell outlives an interrupt of the group, which is for the program.
const SHELL: &str = r#"umask 077
trap : INT TERM HUP
out=$1 err=$2 new=$3 result=$4
shift 4
"$@" >"$out" 2>"$err"
echo $? >"$new" && mv "$new" "$result""#;

/// The shell's own: not executable, not found. Terraform ends with 0, 1 or 2.
const NOT_THERE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// Above this, the shell tells of a signal and not of an exit code.
const SIGNALS: i32 = 128;

/// What a later process has to know.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    format: u32,
    command: Command,
    /// Process group.
    group: i32,
    program: PathBuf,
}

const FORMAT: u32 = 1;

/// A run of Terraform.
#[derive(Debug)]
pub struct Job {
    folder: PathBuf,
    group: i32,
    program: PathBuf,
    run: Run,
    read: u64,
    /// Waited for, if it is ours, so that no zombie stays.
    child: Option<tokio::process::Child>,
}

/// What came in since the last time.
#[derive(Debug)]
pub struct Heard {
    /// Line by line.
    pub said: Vec<Said>,
    /// Its end, once it has ended.
    pub outcome: Option<Outcome>,
}

impl Job {
    pub(super) fn start(
        terraform: &Terraform,
        command: Command,
        folder: &Path,
        words: &[OsString],
    ) -> Result<Self, TerraformError> {
        let passed = if command == Command::Init {
            is_passed_on_to_init
        } else {
            is_passed_on
        };
        let child = spawn(terraform, folder, words, passed)?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
        let asked = Asked {
            format: FORMAT,
            command,
            group,
            program: terraform.binary.clone(),
        };
        let path = files::asked_in(folder);
        let written = files::new(&path).and_then(|file| Ok(serde_json::to_writer(file, &asked)?));
        written.map_err(TerraformError::file(path))?;
        Ok(Self {
            folder: folder.to_owned(),
            group,
            program: asked.program,
            run: Run::of(command),
            read: 0,
            child: Some(child),
        })
    }

    /// Takes up a run that another process has begun.
    pub fn attach(folder: &Path) -> Result<Self, TerraformError> {
        let path = files::asked_in(folder);
        let no_run = || TerraformError::NoRun(folder.to_owned());
        let text = files::small(&path)?.ok_or_else(no_run)?;
        let asked: Asked =
            serde_json::from_str(&text).map_err(|error| TerraformError::file(&path)(error.into()))?;
        if asked.format != FORMAT {
            let why = format!("format {} is of another version of this program", asked.format);
            return Err(TerraformError::file(path)(io::Error::other(why)));
        }
        Ok(Self {
            folder: folder.to_owned(),
            group: asked.group,
            program: asked.program,
            run: Run::of(asked.command),
            read: 0,
            child: None,
        })
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it has said since the last time, and its end. Never waits.
    pub fn hear(&mut self) -> Result<Heard, TerraformError> {
        // Asked before its stream is read: what an ended run has written is all there.
        let ended = self.ended()?;
        let path = files::stream_in(&self.folder);
        let text = self.new_text(&path).map_err(TerraformError::file(path))?;
        let whole = match ended {
            Some(_) => text.len(),
            // Half a line is read again, whole, the next time.
            None => text.rfind('\n').map_or(0, |at| at.saturating_add(1)),
        };
        let text = text.get(..whole).unwrap_or_default();
        self.read = self.read.saturating_add(u64::try_from(whole).unwrap_or(0));
        let said = text.lines().map(|line| self.run.hear(line)).collect();
        let outcome = ended.map(|ended| self.run.clone().end(ended));
        Ok(Heard { said, outcome })
    }

    fn new_text(&self, path: &Path) -> io::Result<String> {
        let mut file = match File::open(path) {
            // The shell has not come that far.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            other => other?,
        };
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // A line that is cut in the middle of a character is not whole, and is left for the next time.
        let valid = match std::str::from_utf8(&bytes) {
            Ok(_) => bytes.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => bytes.len(),
        };
        bytes.truncate(valid);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// `None`: it goes on.
    fn ended(&mut self) -> Result<Option<Ended>, TerraformError> {
        if let Some(child) = &mut self.child {
            // Only so that no zombie stays; its own word is in the file.
            let _ = child.try_wait();
        }
        // The lock first: a run that ends between the two looks has left its result.
        let lives = self.lives()?;
        let path = files::result_in(&self.folder);
        match files::small(&path)? {
            Some(code) => {
                let code: i32 = code
                    .trim()
                    .parse()
                    .map_err(|_| TerraformError::file(&path)(io::Error::other("is no exit code")))?;
                self.ended_with(code).map(Some)
            }
            None if lives => Ok(None),
            None => Ok(Some(Ended::Unseen)),
        }
    }

    fn ended_with(&self, code: i32) -> Result<Ended, TerraformError> {
        match code {
            NOT_THERE..=NOT_FOUND => Err(TerraformError::NotStarted {
                binary: self.program.clone(),
                source: io::Error::other(files::small(&files::errors_in(&self.folder))?.unwrap_or_default()),
            }),
            _ if code > SIGNALS => Ok(Ended::Signal(code.saturating_sub(SIGNALS))),
            _ => Ok(Ended::Exit(code)),
        }
    }

    fn lives(&self) -> Result<bool, TerraformError> {
        let path = files::life_in(&self.folder);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other.map_err(TerraformError::file(&path))?,
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(TerraformError::file(path)(error.into())),
        }
    }

    /// Asks it to wind up: it finishes or breaks off what is in flight, saves its state and frees the lock. Once only,
    /// whoever asks: with a second one Terraform drops everything where it stands. True: this call was the one. That it was
    /// asked is noted of a run that has just ended, too: whoever listens to it shall not begin another.
    pub fn interrupt(&self) -> Result<bool, TerraformError> {
        let path = files::interrupted_in(&self.folder);
        match files::new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            other => other.map_err(TerraformError::file(&path))?,
        };
        if !self.lives()? {
            return Ok(false);
        }
        self.signal(Signal::INT)?;
        Ok(true)
    }

    fn signal(&self, signal: Signal) -> Result<(), TerraformError> {
        let Some(group) = Pid::from_raw(self.group.max(0)) else {
            return Err(TerraformError::NoRun(self.folder.clone()));
        };
        match kill_process_group(group, signal) {
            // It has just ended.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(TerraformError::file(&self.folder)(error.into())),
        }
    }
}

/// In a process group of its own: an interrupt at the terminal reaches this process, which passes on exactly one.
#[expect(clippy::disallowed_methods, reason = "this adapter owns Terraform")]
fn spawn(
    terraform: &Terraform,
    folder: &Path,
    words: &[OsString],
    passed: fn(&str) -> bool,
) -> Result<tokio::process::Child, TerraformError> {
    let result = files::result_in(folder);
    // It is also the standard input of the run, which reads nothing from it, and whose processes so keep it locked.
    let path = files::life_in(folder);
    let life = files::new(&path).map_err(TerraformError::file(&path))?;
    flock(&life, FlockOperation::NonBlockingLockExclusive)
        .map_err(|error| TerraformError::file(&path)(error.into()))?;
    let mut command = tokio::process::Command::new("sh");
    command
        .args(["-c", SHELL, "sh"])
        .args([
            files::stream_in(folder),
            files::errors_in(folder),
            result.with_extension("new"),
            result,
        ])
        .arg(&terraform.binary)
        .args(words)
        .current_dir(&terraform.module)
        .env_clear()
        .envs(passed_on(&terraform.environment, passed))
        .envs(ALWAYS)
        .stdin(life)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(false);
    command.spawn().map_err(|source| TerraformError::NotStarted {
        binary: terraform.binary.clone(),
        source,
    })
}

fn passed_on(
    environment: &[(OsString, OsString)],
    passed: fn(&str) -> bool,
) -> impl Iterator<Item = (&OsString, &OsString)> {
    let is_fine = move |name: &OsString| name.to_str().is_some_and(passed);
    let all = environment.iter().map(|(name, value)| (name, value));
    all.filter(move |(name, _)| is_fine(name))
}

/// Runs something that is short and has no stream, and returns the file with what it said.
#[expect(clippy::disallowed_methods, reason = "this adapter owns Terraform")]
pub(super) async fn to_its_end(
    terraform: &Terraform,
    folder: &Path,
    words: &[OsString],
) -> Result<PathBuf, TerraformError> {
    let (out, err) = (files::stream_in(folder), files::errors_in(folder));
    let open = |path: &Path| files::new(path).map_err(TerraformError::file(path));
    let status = tokio::process::Command::new(&terraform.binary)
        .args(words)
        .current_dir(&terraform.module)
        .env_clear()
        .envs(passed_on(&terraform.environment, is_passed_on))
        .envs(ALWAYS)
        .stdin(Stdio::null())
        .stdout(open(&out)?)
        .stderr(open(&err)?)
        .process_group(0)
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|source| TerraformError::NotStarted {
            binary: terraform.binary.clone(),
            source,
        })?;
    if status.success() {
        return Ok(out);
    }
    let verb = words.first().map(|word| word.to_string_lossy().into_owned());
    Err(TerraformError::Failed(
        verb.unwrap_or_default(),
        status.to_string(),
        files::last_words(&err),
    ))
}
