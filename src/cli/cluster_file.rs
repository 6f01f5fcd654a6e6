//! A cluster file with everything that lies beside it and belongs to it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rehull_core::config::{self, Mistake, Spans, Wrong, suggest};
use rehull_core::domain::control_plane::ControlPlaneRole;
use rehull_core::domain::desired::{Desired, TemplateRef};
use rehull_core::domain::ids::{GroupName, SlotName};
use rehull_core::domain::terraform::TerraformChange;
use rehull_core::domain::worker::WorkerGroupRole;
use rehull_core::render::{self, RenderedGroups, RenderedSlot};

use super::exit::Exit;
use super::failure::Failure;

/// A cluster file that has been read and understood.
#[derive(Clone, Debug)]
pub struct ClusterFile {
    /// As it was typed; used in messages and commands to type.
    pub path: PathBuf,
    /// As it was read; carets point into it.
    pub text: String,
    /// What it says.
    pub desired: Desired,
}

impl ClusterFile {
    /// Reads and checks one.
    ///
    /// # Errors
    /// The file cannot be read, or every mistake in it.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
        let parsed = config::parse(&path.to_string_lossy(), &text);
        let desired = parsed.map_err(|mistakes| Failure::in_file(mistakes, &text))?;
        Ok(Self {
            path: path.to_owned(),
            text,
            desired,
        })
    }

    /// A path of the file, which is relative to the file's own folder.
    #[must_use]
    pub fn beside(&self, relative: &str) -> PathBuf {
        self.path.parent().unwrap_or_else(|| Path::new("")).join(relative)
    }

    /// A file that the cluster file names, by this key, cannot be read.
    #[must_use]
    pub fn unreadable(&self, key: &str, path: &Path, error: &io::Error) -> Failure {
        let failure = Failure::unreadable(path, error);
        if error.kind() != io::ErrorKind::NotFound {
            return failure;
        }
        let file = self.path.display();
        failure.help(format!(
            "`{key}` of {file} names it; paths in there begin at its own folder"
        ))
    }

    /// The text of the user-data template.
    ///
    /// # Errors
    /// The user's own file cannot be read, or the built-in set does not exist in this version.
    pub fn template(&self) -> Result<String, Failure> {
        match &self.desired.etcd.template {
            TemplateRef::File(relative) => {
                let path = self.beside(relative);
                fs::read_to_string(&path)
                    .map_err(|error| self.unreadable("etcd.template.file", &path, &error))
            }
            TemplateRef::BuiltIn(set) => {
                let text = render::builtin_template(*set).map(str::to_owned);
                text.ok_or_else(|| unknown_set(*set, &render::BUILTIN_SETS))
            }
        }
    }

    /// The text of the control plane's template, where the file has a control plane.
    fn server_template(&self, role: &ControlPlaneRole) -> Result<String, Failure> {
        match &role.template {
            TemplateRef::File(relative) => {
                let path = self.beside(relative);
                fs::read_to_string(&path)
                    .map_err(|error| self.unreadable("controlPlane.template.file", &path, &error))
            }
            TemplateRef::BuiltIn(set) => {
                let text = render::builtin_control_plane(*set).map(str::to_owned);
                text.ok_or_else(|| unknown_set(*set, &render::CONTROL_PLANE_SETS))
            }
        }
    }

    /// Renders the control plane, where the file has one.
    ///
    /// # Errors
    /// It does not render.
    pub fn render_servers(&self) -> Result<Option<RenderedSlot>, Failure> {
        let Some(role) = &self.desired.control_plane else {
            return Ok(None);
        };
        let template = self.server_template(role)?;
        let rendered = render::render_control_plane(&self.desired, role, &template);
        rendered.map(Some).map_err(|error| Failure::render(&error))
    }

    /// The text of a worker group's template.
    fn worker_template(&self, (n, group): (usize, &WorkerGroupRole)) -> Result<String, Failure> {
        match &group.template {
            TemplateRef::File(relative) => {
                let path = self.beside(relative);
                let key = format!("workers.groups[{n}].template.file");
                fs::read_to_string(&path).map_err(|error| self.unreadable(&key, &path, &error))
            }
            TemplateRef::BuiltIn(set) => Err(unknown_set(*set, &[])),
        }
    }

    /// Renders every group of workers of the file.
    ///
    /// # Errors
    /// The first group that does not render.
    pub fn render_workers(&self) -> Result<BTreeMap<GroupName, RenderedSlot>, Failure> {
        let Some(workers) = &self.desired.workers else {
            return Ok(BTreeMap::new());
        };
        let groups = workers.groups.iter().enumerate();
        let rendered = groups.map(|(n, group)| {
            let template = self.worker_template((n, group))?;
            let rendered = render::render_worker(&self.desired, (workers, group), &template);
            Ok((
                group.group.clone(),
                rendered.map_err(|error| Failure::render(&error))?,
            ))
        });
        rendered.collect()
    }

    /// Renders control plane and workers, as far as the file has them.
    ///
    /// # Errors
    /// Something does not render.
    pub fn render_groups(&self) -> Result<RenderedGroups, Failure> {
        Ok(RenderedGroups {
            servers: self.render_servers()?,
            workers: self.render_workers()?,
        })
    }

    /// What Terraform is given, and what has to come of it.
    ///
    /// # Errors
    /// Something does not render.
    pub fn terraform_change(&self) -> Result<TerraformChange, Failure> {
        let (slots, groups) = (self.render()?, self.render_groups()?);
        Ok(render::terraform_change(&self.desired, &slots, &groups))
    }

    /// What the control plane's template makes, also where no machine could boot with it.
    ///
    /// # Errors
    /// The template does not render.
    pub fn server_text(&self) -> Result<Option<String>, Failure> {
        let Some(role) = &self.desired.control_plane else {
            return Ok(None);
        };
        let template = self.server_template(role)?;
        let text = render::control_plane_text(&self.desired, role, &template);
        text.map(Some).map_err(|error| Failure::render(&error))
    }

    /// What the template of a worker group makes, also where no machine could boot with it; `None`: there is no such group.
    ///
    /// # Errors
    /// The template does not render.
    pub fn worker_text(&self, name: &str) -> Result<Option<String>, Failure> {
        let Some(workers) = &self.desired.workers else {
            return Ok(None);
        };
        let mut groups = workers.groups.iter().enumerate();
        let Some((n, group)) = groups.find(|(_, group)| group.group.as_str() == name) else {
            return Ok(None);
        };
        let template = self.worker_template((n, group))?;
        let text = render::worker_text(&self.desired, (workers, group), &template);
        text.map(Some).map_err(|error| Failure::render(&error))
    }

    /// A member of this name exists.
    ///
    /// # Errors
    /// It does not; the nearest name is offered.
    pub fn has_member(&self, member: &SlotName) -> Result<(), Failure> {
        let names = self.desired.etcd.slots.iter().map(|slot| slot.name.as_str());
        if names.clone().any(|name| name == member.as_str()) {
            return Ok(());
        }
        let (message, help) = suggest::member(member.as_str(), names);
        Err(Failure::new(Exit::Usage, "usage::member", message).help(help))
    }

    /// Something that this key of the file is to blame for.
    #[must_use]
    pub fn wrong(&self, pointer: &str, wrong: Wrong) -> Failure {
        let spans = Spans::of(&self.text);
        let mistake = Mistake::at(&self.path.to_string_lossy(), &spans, pointer, wrong);
        Failure::in_file(vec![mistake], &self.text)
    }

    /// Renders every slot.
    ///
    /// # Errors
    /// The first slot that does not render.
    pub fn render(&self) -> Result<BTreeMap<SlotName, RenderedSlot>, Failure> {
        let template = self.template()?;
        let slots = self.desired.etcd.rendered();
        slots
            .map(|slot| {
                let rendered = render::render_slot(&self.desired, slot, &template);
                Ok((
                    slot.name.clone(),
                    rendered.map_err(|error| Failure::render(&error))?,
                ))
            })
            .collect()
    }

    /// What the template makes of one slot, also where no machine could boot with it; `None`: there is no such slot.
    ///
    /// # Errors
    /// The template does not render.
    pub fn rendered_text(&self, name: &SlotName) -> Result<Option<String>, Failure> {
        let template = self.template()?;
        let mut slots = self.desired.etcd.rendered();
        let slot = slots.find(|slot| slot.name == *name);
        let text = slot.map(|slot| render::render_text(&self.desired, slot, &template));
        text.transpose().map_err(|error| Failure::render(&error))
    }
}

fn unknown_set(set: u32, sets: &[u32]) -> Failure {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    let message = format!("there is no built-in template set {set}");
    Failure::new(Exit::Usage, "render::unknown_set", message)
        .help(format!("this version has: {}", sets.join(", ")))
}
