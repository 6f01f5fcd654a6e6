//! Every name that an expression uses is declared, and everything that is declared is used.

use std::collections::BTreeSet;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, ForExpr, ObjectKey, Traversal, TraversalOperator};
use hcl_edit::structure::{Attribute, Block};
use hcl_edit::visit::{Visit, visit_attr, visit_block, visit_expr, visit_object_key};

use crate::files::{File, Folder, label};
use crate::modules::target;
use crate::schema::{Content, RELEASES};

/// Names that Terraform itself gives a meaning.
const BUILT_IN: [&str; 5] = ["each", "count", "self", "path", "terraform"];

/// Read by its own validation, and by nobody else.
const VALIDATED_ONLY: &str = "rehull_format";

/// References that lead nowhere, and declarations that nobody refers to.
pub(crate) fn check(folder: &Folder, all: &[Folder]) -> Vec<String> {
    let declared = Declared::of(folder, all);
    let (mut found, mut used) = (Vec::new(), BTreeSet::new());
    for file in &folder.files {
        let mut reader = Reader {
            file,
            declared: &declared,
            scope: Vec::new(),
            found: Vec::new(),
            used: BTreeSet::new(),
        };
        reader.visit_body(&file.body);
        found.extend(reader.found);
        used.extend(reader.used);
    }
    for name in declared
        .locals
        .iter()
        .filter(|name| !used.contains(&format!("local.{name}")))
    {
        found.push(format!("{}: `local.{name}` is declared for nothing", folder.path));
    }
    for (file, block) in folder.blocks("variable") {
        let name = label(block, 0);
        if !used.contains(&format!("var.{name}")) && name != VALIDATED_ONLY {
            found.push(file.problem(block.span(), &format!("`var.{name}` is declared for nothing")));
        }
    }
    for (file, block) in folder.blocks("data") {
        let name = format!("data.{}.{}", label(block, 0), label(block, 1));
        if !used.contains(&name) {
            found.push(file.problem(block.span(), &format!("`{name}` is declared for nothing")));
        }
    }
    // What is wrong for two releases is said once.
    found.sort();
    found.dedup();
    found
}

struct Declared {
    variables: BTreeSet<String>,
    locals: BTreeSet<String>,
    /// `type.name` and `data.type.name`.
    resources: BTreeSet<String>,
    /// `module.output`.
    modules: BTreeSet<String>,
    outputs: BTreeSet<String>,
}

impl Declared {
    fn of(folder: &Folder, all: &[Folder]) -> Self {
        let locals = folder
            .blocks("locals")
            .flat_map(|(_, block)| block.body.attributes());
        let made = folder
            .blocks("resource")
            .map(|(_, block)| format!("{}.{}", label(block, 0), label(block, 1)));
        let read = folder
            .blocks("data")
            .map(|(_, block)| format!("data.{}.{}", label(block, 0), label(block, 1)));
        let outputs = folder.blocks("module").flat_map(|(_, block)| {
            let name = label(block, 0);
            let outputs = target(folder, block, all)
                .map(|target| target.names("output"))
                .unwrap_or_default();
            outputs.into_iter().map(move |output| format!("{name}.{output}"))
        });
        Self {
            variables: folder.names("variable").into_iter().collect(),
            locals: locals
                .map(|attribute| attribute.key.as_str().to_owned())
                .collect(),
            resources: made.chain(read).collect(),
            modules: folder.names("module").into_iter().collect(),
            outputs: outputs.collect(),
        }
    }
}

struct Reader<'a> {
    file: &'a File,
    declared: &'a Declared,
    /// Names of `for` expressions and dynamic blocks.
    scope: Vec<String>,
    found: Vec<String>,
    used: BTreeSet<String>,
}

impl Visit for Reader<'_> {
    fn visit_block(&mut self, block: &Block) {
        // Whose names are not references.
        if block.has_ident("terraform") {
            return;
        }
        if block.has_ident("variable") {
            return self.variable(block);
        }
        if !block.has_ident("dynamic") {
            return visit_block(self, block);
        }
        let iterator = block
            .body
            .get_attribute("iterator")
            .and_then(|given| given.value.as_variable());
        let name = iterator.map_or_else(|| label(block, 0), |name| name.as_str().to_owned());
        self.scope.push(name);
        visit_block(self, block);
        self.scope.pop();
    }

    fn visit_attr(&mut self, attribute: &Attribute) {
        // Paths of the resource itself, and a name that is being given.
        if !["ignore_changes", "iterator"].contains(&attribute.key.as_str()) {
            visit_attr(self, attribute);
        }
    }

    fn visit_object_key(&mut self, key: &ObjectKey) {
        if !matches!(
            key,
            ObjectKey::Ident(_) | ObjectKey::Expression(Expression::Variable(_))
        ) {
            visit_object_key(self, key);
        }
    }

    fn visit_for_expr(&mut self, each: &ForExpr) {
        self.visit_expr(&each.intro.collection_expr);
        let names = each.intro.key_var.iter().chain([&each.intro.value_var]);
        let before = self.scope.len();
        self.scope.extend(names.map(|name| name.as_str().to_owned()));
        let inner = each
            .key_expr
            .iter()
            .chain([&each.value_expr])
            .chain(each.cond.as_ref().map(|cond| &cond.expr));
        for expression in inner {
            self.visit_expr(expression);
        }
        self.scope.truncate(before);
    }

    fn visit_expr(&mut self, expression: &Expression) {
        match expression {
            Expression::Variable(name) => self.root(expression, name.as_str()),
            Expression::Traversal(traversal) if traversal.expr.is_variable() => {
                self.reference(expression, traversal);
                for operator in &traversal.operators {
                    if let TraversalOperator::Index(index) = operator.value() {
                        self.visit_expr(index);
                    }
                }
            }
            _ => visit_expr(self, expression),
        }
    }
}

impl Reader<'_> {
    /// A type is made of names that are no references, and a variable's own validation is no use of it.
    fn variable(&mut self, block: &Block) {
        let own = format!("var.{}", label(block, 0));
        let was_used = self.used.contains(&own);
        for attribute in block.body.attributes().filter(|given| !given.has_key("type")) {
            self.visit_attr(attribute);
        }
        for nested in block.body.blocks() {
            self.visit_block(nested);
        }
        if !was_used {
            self.used.remove(&own);
        }
    }

    fn refuse(&mut self, at: &Expression, what: &str) {
        self.found.push(self.file.problem(at.span(), what));
    }

    /// A name that stands alone.
    fn root(&mut self, at: &Expression, name: &str) {
        if !self.scope.iter().any(|known| known == name) {
            self.refuse(at, &format!("`{name}` means nothing here"));
        }
    }

    fn reference(&mut self, at: &Expression, traversal: &Traversal) {
        let root = traversal
            .expr
            .as_variable()
            .map(hcl_edit::Ident::as_str)
            .unwrap_or_default();
        if BUILT_IN.contains(&root) || self.scope.iter().any(|known| known == root) {
            return;
        }
        let steps: Vec<&str> = names_of(traversal);
        let first = steps.first().copied().unwrap_or_default();
        match root {
            "var" => self.is_declared(at, "var", first, &self.declared.variables),
            "local" => self.is_declared(at, "local", first, &self.declared.locals),
            "module" => self.module(at, &steps),
            "data" => self.resource(at, &format!("data.{}", steps.join(".")), 3),
            _ => self.resource(at, &format!("{root}.{}", steps.join(".")), 2),
        }
    }

    fn is_declared(&mut self, at: &Expression, kind: &str, name: &str, known: &BTreeSet<String>) {
        if known.contains(name) {
            self.used.insert(format!("{kind}.{name}"));
        } else {
            let near = crate::arguments::nearest(name, known.iter());
            self.refuse(at, &format!("`{kind}.{name}` is not declared{near}"));
        }
    }

    fn module(&mut self, at: &Expression, steps: &[&str]) {
        let (module, output) = (steps.first().copied().unwrap_or_default(), steps.get(1));
        if !self.declared.modules.contains(module) {
            self.refuse(at, &format!("`module.{module}` is not declared"));
        } else if let Some(output) = output {
            let name = format!("{module}.{output}");
            if !self.declared.outputs.contains(&name) {
                self.refuse(at, &format!("`module.{module}` has no output `{output}`"));
            }
        }
    }

    /// `path` is an address and perhaps an attribute, `parts` the number of names in an address.
    fn resource(&mut self, at: &Expression, path: &str, parts: usize) {
        let steps: Vec<&str> = path.split('.').collect();
        let address = steps.iter().take(parts).copied().collect::<Vec<_>>().join(".");
        if !self.declared.resources.contains(&address) {
            return self.refuse(at, &format!("`{address}` is not declared"));
        }
        self.used.insert(address.clone());
        for release in RELEASES.iter() {
            let (kinds, kind) = match steps.as_slice() {
                ["data", kind, ..] => (&release.data_sources, kind),
                [kind, ..] => (&release.resources, kind),
                [] => return,
            };
            let (Some(content), Some(attribute)) = (kinds.get(*kind), steps.get(parts)) else {
                return;
            };
            self.attribute(at, &address, content, attribute);
        }
    }

    fn attribute(&mut self, at: &Expression, address: &str, content: &Content, attribute: &str) {
        if !content.attributes.contains_key(attribute) && !content.block_types.contains_key(attribute) {
            let near = crate::arguments::nearest(attribute, content.attributes.keys());
            self.refuse(at, &format!("`{address}` has no attribute `{attribute}`{near}"));
        } else if content
            .attributes
            .get(attribute)
            .is_some_and(|known| known.deprecated)
        {
            self.refuse(at, &format!("`{address}.{attribute}` is deprecated"));
        }
    }
}

/// `.name` after `.name`, without what stands in brackets.
fn names_of(traversal: &Traversal) -> Vec<&str> {
    let operators = traversal.operators.iter();
    operators
        .filter_map(|operator| match operator.value() {
            TraversalOperator::GetAttr(name) => Some(name.as_str()),
            _ => None,
        })
        .collect()
}
