//! The source of a crate as a tree of modules, with its macros expanded, its names resolved and
//! its public surface told.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proc_macro2::TokenStream;
use syn::{Attribute, ImplItem, Item, Meta, UseTree, Visibility};

use crate::{
    expand::Rules,
    features::{Needs, conditions},
};

/// A path without `::`.
pub(crate) type Segments = Vec<String>;

pub(crate) struct Source {
    modules: BTreeMap<Segments, Module>,
    macros: BTreeMap<String, Rules>,
}

#[derive(Default)]
struct Module {
    items: Vec<(Item, Needs)>,
    imports: Vec<Import>,
}

struct Import {
    path: Segments,
    /// What it is called here; none if it is all of the module.
    name: Option<String>,
    is_public: bool,
    needs: Needs,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Module(Segments),
    Item(Segments),
    /// Something of another crate, by its path there.
    Foreign(Segments),
}

impl Source {
    /// Reads the crate whose root is this file.
    pub(crate) fn read(root: &Path) -> Self {
        let text = fs::read_to_string(root).unwrap_or_else(|e| panic!("{}: {e}", root.display()));
        Self::parse(&text, root.parent())
    }

    /// Reads a crate out of a text; its other files are below `dir`.
    pub(crate) fn parse(text: &str, dir: Option<&Path>) -> Self {
        let mut source = Self { modules: BTreeMap::new(), macros: BTreeMap::new() };
        let items = syn::parse_file(text).expect("source of Rust").items;
        source.load(Vec::new(), items, dir, &Needs::new());
        source.expand();
        source
    }

    fn load(&mut self, path: Segments, items: Vec<Item>, dir: Option<&Path>, needs: &Needs) {
        let mut module = Module::default();
        for item in items {
            let Some(asked) = conditions(attributes(&item)) else { continue };
            let needs: Needs = needs.union(&asked).cloned().collect();
            match item {
                Item::Mod(mut child) => {
                    let name = child.ident.to_string();
                    let below = dir.map(|dir| dir.join(&name));
                    let items = match child.content.take() {
                        Some((_, items)) => items,
                        None => read_module(&below.clone().expect("a file of a module")),
                    };
                    let child_path = [path.as_slice(), &[name]].concat();
                    self.load(child_path, items, below.as_deref(), &needs);
                    module.items.push((Item::Mod(child), needs));
                }
                Item::Macro(rules) if rules.mac.path.is_ident("macro_rules") => {
                    let name = rules.ident.expect("a macro has a name").to_string();
                    self.macros.insert(name, Rules::parse(rules.mac.tokens));
                }
                Item::Use(import) => module.import(&import, &needs),
                item => module.items.push((item, needs)),
            }
        }
        self.modules.insert(path, module);
    }

    fn expand(&mut self) {
        for module in self.modules.values_mut() {
            let mut waiting: Vec<_> = module.items.drain(..).rev().collect();
            while let Some((item, needs)) = waiting.pop() {
                match item {
                    Item::Macro(call) => {
                        let written = expand(&self.macros, &call.mac);
                        for item in written.into_iter().flat_map(parse_items).rev() {
                            if let Some(asked) = conditions(attributes(&item)) {
                                waiting.push((item, needs.union(&asked).cloned().collect()));
                            }
                        }
                    }
                    Item::Impl(mut block) => {
                        block.items = members(&self.macros, block.items);
                        module.items.push((Item::Impl(block), needs));
                    }
                    Item::Use(import) => module.import(&import, &needs),
                    item => module.items.push((item, needs)),
                }
            }
        }
    }

    /// The items of all modules, each with the module it is in.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&Segments, &Item, &Needs)> {
        self.modules.iter().flat_map(|(path, module)| {
            module.items.iter().map(move |(item, needs)| (path, item, needs))
        })
    }

    /// The item of this name in this module.
    pub(crate) fn item(&self, path: &[String]) -> Option<&Item> {
        let (name, module) = path.split_last()?;
        let items = &self.modules.get(module)?.items;
        items.iter().map(|(item, _)| item).find(|item| name_of(item).is_some_and(|n| n == *name))
    }

    /// Is the item of this path declared public?
    pub(crate) fn is_public(&self, path: &[String]) -> bool {
        self.item(path).is_some_and(is_public_item)
    }

    /// What a path stands for that is written in this module.
    pub(crate) fn resolve(&self, module: &[String], path: &[String]) -> Target {
        self.resolve_past(module, path, &mut BTreeSet::new())
    }

    fn resolve_past(
        &self,
        module: &[String],
        path: &[String],
        seen: &mut BTreeSet<(Segments, String)>,
    ) -> Target {
        let (first, rest) = path.split_first().expect("a path has a segment");
        let mut target = match first.as_str() {
            "crate" => Target::Module(Vec::new()),
            "self" => Target::Module(module.to_vec()),
            "super" => Target::Module(module[..module.len().saturating_sub(1)].to_vec()),
            name => match self.look_up(module, name, seen) {
                Some(target) => target,
                None => return Target::Foreign(path.to_vec()),
            },
        };
        for segment in rest {
            target = match target {
                Target::Module(module) if segment == "super" => {
                    Target::Module(module[..module.len().saturating_sub(1)].to_vec())
                }
                Target::Module(module) => match self.look_up(&module, segment, seen) {
                    Some(target) => target,
                    None => return Target::Foreign(path.to_vec()),
                },
                Target::Item(item) => return Target::Item(item),
                Target::Foreign(mut path) => {
                    path.push(segment.clone());
                    Target::Foreign(path)
                }
            };
        }
        target
    }

    fn look_up(
        &self,
        module: &[String],
        name: &str,
        seen: &mut BTreeSet<(Segments, String)>,
    ) -> Option<Target> {
        if !seen.insert((module.to_vec(), name.to_owned())) {
            return None;
        }
        let found = self.look_up_unseen(module, name, seen);
        seen.remove(&(module.to_vec(), name.to_owned()));
        found
    }

    fn look_up_unseen(
        &self,
        path: &[String],
        name: &str,
        seen: &mut BTreeSet<(Segments, String)>,
    ) -> Option<Target> {
        let module = self.modules.get(path)?;
        let full = [path, &[name.to_owned()]].concat();
        if self.modules.contains_key(&full) {
            return Some(Target::Module(full));
        }
        if module.items.iter().any(|(item, _)| name_of(item).is_some_and(|n| n == name)) {
            return Some(Target::Item(full));
        }
        let named = module.imports.iter().find(|import| import.name.as_deref() == Some(name));
        if let Some(import) = named {
            return Some(self.resolve_past(path, &import.path, seen));
        }
        module.imports.iter().filter(|import| import.name.is_none()).find_map(|import| {
            match self.resolve_past(path, &import.path, seen) {
                Target::Module(module) => self.look_up(&module, name, seen),
                _ => None,
            }
        })
    }

    /// The public names of a module.
    fn public_names(&self, path: &[String]) -> BTreeMap<String, (Target, Needs)> {
        let mut names = BTreeMap::new();
        let Some(module) = self.modules.get(path) else { return names };
        for (item, needs) in &module.items {
            if let Some(name) = name_of(item).filter(|_| is_public_item(item)) {
                let full = [path, std::slice::from_ref(&name)].concat();
                let target = match item {
                    Item::Mod(_) => Target::Module(full),
                    _ => Target::Item(full),
                };
                names.insert(name, (target, needs.clone()));
            }
        }
        for import in module.imports.iter().filter(|import| import.is_public) {
            let target = self.resolve(path, &import.path);
            let and = |needs: &Needs| import.needs.union(needs).cloned().collect::<Needs>();
            match (&import.name, target) {
                (Some(name), target) if name != "_" && !self.is_hidden(&target) => {
                    // Of two forms of one name, that which asks for less.
                    let (_, needs) =
                        names.entry(name.clone()).or_insert((target, import.needs.clone()));
                    needs.retain(|feature| import.needs.contains(feature));
                }
                (None, Target::Module(module)) => {
                    for (name, (target, needs)) in self.public_names(&module) {
                        names.entry(name).or_insert((target, and(&needs)));
                    }
                }
                _ => {}
            }
        }
        names
    }

    fn is_hidden(&self, target: &Target) -> bool {
        let Target::Item(path) = target else { return false };
        self.item(path).is_some_and(|item| is_doc_hidden(attributes(item)))
    }

    /// Everything that is public, under each of its public paths.
    pub(crate) fn surface(&self) -> BTreeMap<Segments, (Target, Needs)> {
        let mut surface = BTreeMap::new();
        let mut waiting = vec![(Vec::new(), Vec::new(), Needs::new())];
        while let Some((public, module, needs)) = waiting.pop() {
            for (name, (target, asked)) in self.public_names(&module) {
                let path = [public.as_slice(), &[name]].concat();
                let needs: Needs = needs.union(&asked).cloned().collect();
                if let Target::Module(module) = &target {
                    waiting.push((path.clone(), module.clone(), needs.clone()));
                }
                surface.insert(path, (target, needs));
            }
        }
        surface
    }

    /// What this public path stands for.
    pub(crate) fn public(&self, path: &[String]) -> Option<(Target, Needs)> {
        let mut target = Target::Module(Vec::new());
        let mut needs = Needs::new();
        for (n, segment) in path.iter().enumerate() {
            match target {
                Target::Module(module) => {
                    let (found, asked) = self.public_names(&module).remove(segment)?;
                    target = found;
                    needs.extend(asked);
                }
                Target::Foreign(foreign) => {
                    return Some((Target::Foreign([&foreign, &path[n..]].concat()), needs));
                }
                Target::Item(_) => return None,
            }
        }
        Some((target, needs))
    }
}

impl Module {
    fn import(&mut self, import: &syn::ItemUse, needs: &Needs) {
        let is_public = is_public(&import.vis);
        flatten(&import.tree, &mut Vec::new(), &mut |path, name| {
            self.imports.push(Import { path, name, is_public, needs: needs.clone() });
        });
    }
}

fn read_module(below: &Path) -> Vec<Item> {
    let files = [below.with_extension("rs"), below.join("mod.rs")];
    let text = files.iter().find_map(|file| fs::read_to_string(file).ok());
    let text = text.unwrap_or_else(|| panic!("no file for the module {}", below.display()));
    syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", below.display())).items
}

/// What a macro writes: by its rules, or, for one of another crate, its own input, if that is
/// items, as with `pin_project!`.
fn expand(macros: &BTreeMap<String, Rules>, call: &syn::Macro) -> Option<TokenStream> {
    let name = call.path.segments.last()?.ident.to_string();
    match macros.get(&name) {
        Some(rules) => {
            let written = rules.expand(call.tokens.clone());
            Some(written.unwrap_or_else(|| panic!("no arm of `{name}!` fits {}", call.tokens)))
        }
        None => syn::parse2::<syn::File>(call.tokens.clone()).is_ok().then(|| call.tokens.clone()),
    }
}

fn parse_items(tokens: TokenStream) -> Vec<Item> {
    syn::parse2::<syn::File>(tokens).expect("a macro writes items").items
}

fn members(macros: &BTreeMap<String, Rules>, items: Vec<ImplItem>) -> Vec<ImplItem> {
    let each = items.into_iter().flat_map(|item| match item {
        ImplItem::Macro(call) => {
            // What a macro of another crate writes into a block of ours is no API.
            let Some(written) = expand(macros, &call.mac) else { return Vec::new() };
            let block: syn::ItemImpl =
                syn::parse2(quote::quote!(impl X { #written })).expect("a macro writes members");
            members(macros, block.items)
        }
        item => vec![item],
    });
    each.collect()
}

fn flatten(tree: &UseTree, path: &mut Segments, found: &mut impl FnMut(Segments, Option<String>)) {
    match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            flatten(&inner.tree, path, found);
            path.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, path, found)),
        UseTree::Glob(_) => found(path.clone(), None),
        UseTree::Name(name) if name.ident == "self" => {
            found(path.clone(), path.last().cloned());
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            found([path.as_slice(), std::slice::from_ref(&name)].concat(), Some(name));
        }
        UseTree::Rename(rename) => {
            let name = rename.ident.to_string();
            let path =
                if name == "self" { path.clone() } else { [path.as_slice(), &[name]].concat() };
            found(path, Some(rename.rename.to_string()));
        }
    }
}

pub(crate) fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

pub(crate) fn is_doc_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("doc") && list.tokens.to_string() == "hidden",
        _ => false,
    })
}

/// One question to each kind of item.
macro_rules! ask {
    ($item:expr, $of:ident => $answer:expr, $other:expr) => {
        match $item {
            Item::Const($of) => $answer,
            Item::Enum($of) => $answer,
            Item::Mod($of) => $answer,
            Item::Static($of) => $answer,
            Item::Struct($of) => $answer,
            Item::Trait($of) => $answer,
            Item::Type($of) => $answer,
            Item::Union($of) => $answer,
            _ => $other,
        }
    };
}

fn name_of(item: &Item) -> Option<String> {
    match item {
        Item::Fn(function) => Some(function.sig.ident.to_string()),
        item => ask!(item, of => Some(of.ident.to_string()), None),
    }
}

fn is_public_item(item: &Item) -> bool {
    let is_public = match item {
        Item::Fn(function) => is_public(&function.vis),
        item => ask!(item, of => is_public(&of.vis), false),
    };
    is_public && !is_doc_hidden(attributes(item))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(of) => &of.attrs,
        Item::Impl(of) => &of.attrs,
        Item::Macro(of) => &of.attrs,
        Item::Use(of) => &of.attrs,
        item => ask!(item, of => &of.attrs, &[]),
    }
}
