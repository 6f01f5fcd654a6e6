//! The rules that do not depend on the type of a resource, as a table.

use crate::tfplan::finding::Finding;

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct General {
    /// Stable word.
    pub id: &'static str,
    /// What is refused; for the reference.
    pub refuses: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

macro_rules! rules {
    ($($name:ident = $id:literal, $refuses:literal, $remedy:literal;)+) => {
        $(pub(in crate::tfplan) const $name: General = General { id: $id, refuses: $refuses, remedy: $remedy };)+
        /// All of them.
        pub const GENERAL: &[General] = &[$($name),+];
    };
}

rules! {
    FORMAT = "plan::format", "a plan whose format is not 1.x", "use a Terraform or OpenTofu that this version of rehull knows, or a newer rehull";
    FLAGS = "plan::flags", "a plan that does not say whether it failed, is complete and can be applied, though its program writes that", "make the plan with Terraform 1.11 or later, and hand it over as `show -json` wrote it";
    ERRORED = "plan::errored", "a plan that failed: the file exists all the same", "read the diagnostics of `terraform plan`, mend the cause and plan again";
    INCOMPLETE = "plan::incomplete", "a plan of a part (`-target`, or deferred changes)", "plan without `-target`, `-exclude` and `-allow-deferral`";
    DEFERRED = "plan::deferred", "changes or actions that are put off, actions that run beside the changes, and objects whose number is not known", "take `action` blocks and unknown `count`/`for_each` out of this root module";
    NOT_APPLYABLE = "plan::not_applyable", "changes in a plan that says that it cannot be applied", "plan again; if it stays so, run `terraform plan` by hand and read its warnings";
    UNKNOWN_FIELD = "plan::unknown_field", "a part of the plan that this version does not know", "use a newer rehull, or the Terraform release that this one was made for";
    UNKNOWN_ACTION = "plan::unknown_action", "an action that this version does not know", "use a newer rehull, or the Terraform release that this one was made for";
    UNREADABLE = "plan::unreadable_change", "a part of the plan of another shape than the format has", "make the plan again; if it stays so, this Terraform release writes another format";
    DUPLICATE = "plan::duplicate", "an object or a launch template that stands twice in one plan", "make the plan again; two resources must not manage one launch template";
    CHECK = "plan::check", "a check that fails, or that failed to be asked", "look at the check's message in `terraform plan`; Terraform itself only warns and would go on";
    PROVIDER = "gate::provider", "a provider that is not on the list: it is a program that the plan has already run", "keep what it makes in a root module of its own, which rehull neither plans nor applies";
    PROVIDER_SETTING = "gate::provider_setting", "a setting of the AWS provider other than `region`, `allowed_account_ids`, `default_tags`, `endpoints` and `assume_role`, and any setting of another one: a profile and a shared file can name a program that gives the credentials, a file with a token would be sent to any address that stands beside it, and what is ignored no plan shows", "take it out: credentials and whatever belongs to this computer come from the environment that rehull runs in";
    CODE = "gate::code", "a provisioner: commands that the apply runs", "take it out; what a machine has to do stands in its user data";
    DATA_SOURCE = "gate::data_source", "a data source that runs a program or asks the network during the plan", "pass the value in as a variable";
    NO_CONFIGURATION = "gate::no_configuration", "a plan without its configuration: nobody can tell what code it runs", "hand the plan over as `show -json` wrote it";
    MOVE = "gate::move", "a move of an object to another address, in an upgrade", "apply `moved` blocks on their own: `rehull apply --infrastructure`";
    IMPORT = "gate::import", "an import, in an upgrade", "apply `import` blocks on their own: `rehull apply --infrastructure`";
    FORGET = "gate::forget", "an object that Terraform would forget, in an upgrade", "apply `removed` blocks on their own: `rehull apply --infrastructure`";
    DEPOSED = "gate::deposed", "what an interrupted replacement left behind", "look at the object in the console, and finish or undo that replacement by hand first";
    READ = "gate::read", "a data source that is read during the apply: what it says cannot be approved before, in an upgrade", "let it not depend on anything that this root module makes";
    OUTPUT = "gate::output", "an output whose change does not follow from the render or a launch template of its slot or group, in an upgrade", "apply changes of outputs on their own: `rehull apply --infrastructure`";
    ROLE = "gate::role", "a launch template of no slot or role of the cluster file", "add it to the cluster file, or keep it in another root module";
    MISSING = "gate::missing", "a slot or role whose launch template is not in the plan", "plan the root module that holds all launch templates of this cluster";
    CONTENT = "gate::content", "a launch template that would say something else than what was approved", "run `rehull render`, plan again from what it wrote, and approve that";
    ATTRIBUTE = "gate::attribute", "a change of an attribute that the render does not say", "take this change out; what the cluster file cannot say, rehull cannot roll";
    KEPT = "gate::kept", "a launch template that says, beside the render, what rehull cannot roll or would give a machine's role away", "correct it where it is configured and let a person apply that once, outside of an upgrade; then render and plan again";
    UNDECLARED = "gate::undeclared_replace", "a replacement that no argument in the configuration asks for: the provider reads back another value than was written", "write the value that the provider reads back, or `lifecycle.ignore_changes`; look at the provider's issues before upgrading it";
    NO_KEY = "digest::no_key", "a sensitive value, or a file of variables or a state among the sources that an approval covers, without a key: a plain digest of it could be guessed", "name a key for digests in the cluster file";
    SOURCES = "digest::sources", "a value that is not known yet beside a file that may lie in none of the folders whose sources are covered: a file function computes its path, and something spells `..`", "write the whole path into the call, from `${path.module}` on, or pass what the file says on as a variable";
}

impl General {
    pub(in crate::tfplan) fn of_plan(&self, reason: impl Into<String>) -> Finding {
        Finding::of_plan(self.id, reason, self.remedy)
    }

    pub(in crate::tfplan) fn at(&self, address: &str, reason: impl Into<String>) -> Finding {
        Finding::at(address, self.id, reason, self.remedy)
    }
}
