//! The public methods of the types of a crate, and the traits that they implement, out of its
//! source; also those that the driver's procedural macros write.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::{
    Attribute, Fields, GenericArgument, Ident, ImplItem, Item, ItemImpl, PathArguments, Token,
    Type,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use crate::{
    features::{Needs, conditions},
    source::{Segments, Source, Target, is_doc_hidden, is_public},
};

/// The members of each type, by the type's path in the source.
pub(crate) type Members = BTreeMap<Segments, BTreeSet<Member>>;

/// A public method, or a trait that is implemented.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    /// `find`, or `impl Stream`.
    pub(crate) name: String,
    /// `async(&self, 1)`: how it is called, with so many arguments. Empty for a trait.
    pub(crate) call: String,
    pub(crate) needs: Needs,
}

/// The traits that an application can tell the absence of. All others of the driver are its own.
const TRAITS: &[&str] = &[
    "Action",
    "AsyncRead",
    "AsyncWrite",
    "Clone",
    "Debug",
    "Default",
    "Display",
    "Eq",
    "From",
    "FromStr",
    "Future",
    "Hash",
    "IntoFuture",
    "Iterator",
    "PartialEq",
    "Read",
    "Stream",
    "TryFrom",
    "Write",
];

/// The arguments of the driver's `option_setters`: the options' type, and what not to write.
struct OptionSetters {
    options: syn::Path,
    skip: Vec<Ident>,
}

impl Parse for OptionSetters {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let options = input.parse()?;
        let mut skip = Vec::new();
        if input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            input.parse::<Ident>()?;
            input.parse::<Token![=]>()?;
            let list;
            syn::bracketed!(list in input);
            skip.extend(Punctuated::<Ident, Token![,]>::parse_terminated(&list)?);
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(Self { options, skip })
    }
}

/// Reads all members of all types.
pub(crate) fn members(source: &Source) -> Members {
    let mut reader = Reader { source, members: Members::new() };
    // `impl<A: Mirrored> Action for A`: who is the one is the other.
    let mut blankets: Vec<(String, String)> = Vec::new();
    for (module, item, needs) in source.items() {
        match item {
            Item::Impl(block) => {
                blankets.extend(blanket(block));
                reader.read_impl(module, block, needs);
            }
            Item::Trait(item) if is_public(&item.vis) => {
                let path = [module.as_slice(), &[item.ident.to_string()]].concat();
                for item in &item.items {
                    if let syn::TraitItem::Fn(method) = item {
                        reader.add(
                            &path,
                            method.sig.ident.to_string(),
                            &call(&method.sig),
                            needs.clone(),
                        );
                    }
                }
            }
            Item::Struct(item) => reader.read_derives(module, &item.ident, &item.attrs, needs),
            Item::Enum(item) => reader.read_derives(module, &item.ident, &item.attrs, needs),
            _ => {}
        }
    }
    let mut members = reader.members;
    for members in members.values_mut() {
        for (bound, implied) in &blankets {
            let marked = members.iter().find(|member| member.name == format!("impl {bound}"));
            if let Some(needs) = marked.map(|member| member.needs.clone()) {
                members.insert(Member {
                    name: format!("impl {implied}"),
                    call: String::new(),
                    needs,
                });
            }
        }
        members.retain(|member| {
            let implied = member.name.strip_prefix("impl ");
            implied.is_none_or(|name| TRAITS.contains(&name.split('<').next().unwrap_or(name)))
        });
    }
    members
}

/// The bound and the trait of a blanket implementation.
fn blanket(block: &ItemImpl) -> Option<(String, String)> {
    let (_, implied, _) = block.trait_.as_ref()?;
    let of = type_path(&block.self_ty)?.get_ident()?;
    let parameter = block.generics.type_params().find(|parameter| parameter.ident == *of)?;
    let bound = parameter.bounds.iter().find_map(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    })?;
    Some((bound.ident.to_string(), implied.segments.last()?.ident.to_string()))
}

struct Reader<'a> {
    source: &'a Source,
    members: Members,
}

impl Reader<'_> {
    fn add(&mut self, of: &[String], name: String, call: &str, needs: Needs) {
        let member = Member { name, call: call.to_owned(), needs };
        self.members.entry(of.to_vec()).or_default().insert(member);
    }

    fn read_impl(&mut self, module: &[String], block: &ItemImpl, needs: &Needs) {
        let Some(path) = type_path(&block.self_ty) else { return };
        let Target::Item(of) = self.source.resolve(module, &idents(path)) else { return };
        if let Some((not, implied, _)) = &block.trait_ {
            if not.is_some() {
                return;
            }
            let action = find_attribute(&block.attrs, "action_impl");
            // The conversion from a type that nobody else has is no API.
            let Some(name) = self.trait_name(module, implied) else { return };
            self.add(&of, format!("impl {name}"), "", needs.clone());
            if action.is_some() {
                self.add(&of, "impl IntoFuture".to_owned(), "", needs.clone());
                let sync = needs.iter().cloned().chain(["sync".to_owned()]).collect();
                self.add(&of, "run".to_owned(), "(self, 0)", sync);
            }
            return;
        }
        for item in &block.items {
            let ImplItem::Fn(method) = item else { continue };
            let Some(asked) = conditions(&method.attrs) else { continue };
            if is_public(&method.vis) && !is_doc_hidden(&method.attrs) {
                let needs = needs.union(&asked).cloned().collect();
                self.add(&of, method.sig.ident.to_string(), &call(&method.sig), needs);
            }
        }
        if let Some(attribute) = find_attribute(&block.attrs, "option_setters") {
            let setters: OptionSetters = attribute.parse_args().expect("arguments of setters");
            self.read_setters(module, &of, &setters, needs);
        }
    }

    fn read_setters(
        &mut self,
        module: &[String],
        of: &[String],
        setters: &OptionSetters,
        needs: &Needs,
    ) {
        let target = self.source.resolve(module, &idents(&setters.options));
        let options = match &target {
            Target::Item(options) => self.source.item(options),
            _ => None,
        };
        let Some(Item::Struct(options)) = options else {
            panic!("the options {} of {of:?} are nowhere", setters.options.to_token_stream());
        };
        let Fields::Named(fields) = &options.fields else { panic!("options without names") };
        self.add(of, "with_options".to_owned(), "(self, 1)", needs.clone());
        for field in &fields.named {
            let Some(asked) = conditions(&field.attrs) else { continue };
            let name = field.ident.as_ref().expect("a named field");
            if is_public(&field.vis) && !setters.skip.contains(name) {
                let needs = needs.union(&asked).cloned().collect();
                self.add(of, name.to_string(), "(self, 1)", needs);
            }
        }
    }

    fn read_derives(
        &mut self,
        module: &[String],
        name: &Ident,
        attributes: &[Attribute],
        needs: &Needs,
    ) {
        let of = [module, &[name.to_string()]].concat();
        let deriving = ["derive", "derivative", "educe"];
        for attribute in attributes {
            if deriving.iter().any(|name| attribute.path().is_ident(name)) {
                for token in attribute.meta.to_token_stream().to_string().split(['(', ')', ',']) {
                    self.add(&of, format!("impl {}", token.trim()), "", needs.clone());
                }
            }
        }
    }

    /// `From<Client>` and the like: with the names that the types have where they are made. None
    /// if one of them is not public.
    fn trait_name(&self, module: &[String], implied: &syn::Path) -> Option<String> {
        let last = implied.segments.last()?;
        // `futures_core::Stream` may be called `AsyncStream` here.
        let name = match self.source.resolve(module, &idents(implied)) {
            Target::Item(path) | Target::Module(path) | Target::Foreign(path) => {
                path.last()?.clone()
            }
        };
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return Some(name);
        };
        let mut names = Vec::new();
        for argument in &arguments.args {
            let GenericArgument::Type(of) = argument else { continue };
            let Some(path) = type_path(of) else { continue };
            names.push(match self.source.resolve(module, &idents(path)) {
                Target::Item(path) if !self.source.is_public(&path) => return None,
                Target::Item(path) | Target::Module(path) | Target::Foreign(path) => {
                    path.last()?.clone()
                }
            });
        }
        Some(format!("{name}<{}>", names.join(", ")))
    }
}

fn call(signature: &syn::Signature) -> String {
    let of_what = match signature.receiver() {
        Some(this) if this.reference.is_none() => "self, ",
        Some(this) if this.mutability.is_some() => "&mut self, ",
        Some(_) => "&self, ",
        None => "",
    };
    let n_arguments = signature.inputs.len() - usize::from(!of_what.is_empty());
    let waits = if signature.asyncness.is_some() { "async" } else { "" };
    format!("{waits}({of_what}{n_arguments})")
}

fn find_attribute<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| {
        attribute.path().segments.last().is_some_and(|segment| segment.ident == name)
    })
}

fn idents(path: &syn::Path) -> Segments {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

fn type_path(of: &Type) -> Option<&syn::Path> {
    match of {
        Type::Path(of) => Some(&of.path),
        Type::Reference(of) => type_path(&of.elem),
        Type::Group(of) => type_path(&of.elem),
        Type::Paren(of) => type_path(&of.elem),
        _ => None,
    }
}
