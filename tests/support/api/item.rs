//! The text of one item in the list of the public API.

use quote::ToTokens as _;
use syn::{Attribute, Fields, File, ImplItem, Item, ItemImpl, TraitItem, Type, Visibility};

/// Returns true if `#[cfg(test)]` is among the item's attributes.
pub(crate) fn is_test(item: &Item) -> bool {
    attributes(item).iter().any(|attribute| {
        let text = attribute.meta.to_token_stream().to_string();
        text == "cfg (test)" || text.starts_with("cfg (all (test")
    })
}

pub(crate) fn is_public(item: &Item) -> bool {
    if is_hidden(attributes(item)) {
        return false;
    }
    match item {
        Item::Const(item) => is_pub(&item.vis),
        Item::Enum(item) => is_pub(&item.vis),
        Item::Fn(item) => is_pub(&item.vis),
        Item::Static(item) => is_pub(&item.vis),
        Item::Struct(item) => is_pub(&item.vis),
        Item::Trait(item) => is_pub(&item.vis),
        Item::Type(item) => is_pub(&item.vis),
        Item::Macro(item) => !names(&Item::Macro(item.clone())).is_empty(),
        _ => false,
    }
}

/// Returns true if `#[doc(hidden)]` is among the attributes.
pub(crate) fn is_hidden(attributes: &[Attribute]) -> bool {
    let is_it =
        |attribute: &Attribute| attribute.meta.to_token_stream().to_string() == "doc (hidden)";
    attributes.iter().any(is_it)
}

fn is_pub(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Returns the names that an item declares. A call of a macro can declare
/// several types.
pub(crate) fn names(item: &Item) -> Vec<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Macro(item) if item.ident.is_none() => {
            let text = item.mac.tokens.to_string();
            let words: Vec<&str> = text.split_whitespace().collect();
            return words
                .windows(3)
                .filter(|words| words[0] == "pub" && ["enum", "struct"].contains(&words[1]))
                .map(|words| words[2].trim_end_matches(['(', '<', ';', '{']).to_owned())
                .collect();
        }
        _ => return Vec::new(),
    };
    vec![name.to_string()]
}

/// Returns the text of an item: its declaration, its public methods and the
/// headers of its trait implementations. `siblings` are the items of the same
/// module, and `impls` all `impl` blocks.
pub(crate) fn show(item: &Item, siblings: &[Item], impls: &[ItemImpl]) -> String {
    let own = names(item);
    let mut text = declaration(item);
    for sibling in siblings.iter().filter(|sibling| declares_constants(sibling)) {
        text.push_str(&declaration(sibling));
    }
    let mut methods = Vec::new();
    let mut traits = Vec::new();
    for block in
        impls.iter().filter(|block| type_name(&block.self_ty).is_some_and(|n| own.contains(&n)))
    {
        match &block.trait_ {
            Some(_) => traits.push(header(block)),
            None => methods.push(inherent(block)),
        }
    }
    methods.retain(|text| !text.is_empty());
    methods.sort_unstable();
    traits.sort_unstable();
    traits.dedup();
    text.extend(methods);
    text.extend(traits);
    text
}

/// Returns the text of a macro if its calls declare public types. The list
/// contains the macro because the methods of these types are written only
/// there. Returns `None` for other items.
pub(crate) fn definition(item: &Item) -> Option<String> {
    let Item::Macro(definition) = item else { return None };
    definition.ident.as_ref()?;
    let text = definition.mac.tokens.to_string();
    let declares = ["pub enum $", "pub struct $", "pub const $"];
    declares.iter().any(|words| text.contains(words)).then(|| declaration(item))
}

/// Returns the name of a macro whose calls declare public methods. Returns
/// `None` for other items.
pub(crate) fn declares_methods(item: &Item) -> Option<&syn::Ident> {
    let Item::Macro(definition) = item else { return None };
    let name = definition.ident.as_ref()?;
    definition.mac.tokens.to_string().contains("pub fn $").then_some(name)
}

/// Returns the text of an item that is a call of the macro `name`. Returns
/// `None` for other items.
pub(crate) fn call(item: &Item, name: &syn::Ident) -> Option<String> {
    let Item::Macro(call) = item else { return None };
    (call.ident.is_none() && call.mac.path.is_ident(name)).then(|| declaration(item))
}

/// Returns true if the item calls a macro that declares a type's constants.
fn declares_constants(item: &Item) -> bool {
    let Item::Macro(call) = item else { return false };
    ["reasons", "statuses"].iter().any(|name| call.mac.path.is_ident(name))
}

pub(crate) fn declaration(item: &Item) -> String {
    let mut item = item.clone();
    match &mut item {
        Item::Const(item) => tidy(&mut item.attrs),
        Item::Static(item) => tidy(&mut item.attrs),
        Item::Type(item) => tidy(&mut item.attrs),
        Item::Fn(item) => {
            tidy(&mut item.attrs);
            item.block.stmts.clear();
        }
        Item::Struct(item) => {
            tidy(&mut item.attrs);
            tidy_fields(&mut item.fields);
        }
        Item::Enum(item) => {
            tidy(&mut item.attrs);
            for variant in &mut item.variants {
                tidy(&mut variant.attrs);
                variant.fields.iter_mut().for_each(|field| tidy(&mut field.attrs));
            }
        }
        Item::Trait(item) => {
            tidy(&mut item.attrs);
            for part in &mut item.items {
                if let TraitItem::Fn(method) = part {
                    tidy(&mut method.attrs);
                    if let Some(block) = &mut method.default {
                        block.stmts.clear();
                    }
                }
            }
        }
        Item::Macro(item) => {
            let tokens = without_docs(item.mac.tokens.clone());
            item.mac.tokens = tokens;
            tidy(&mut item.attrs);
        }
        _ => {}
    }
    print(item)
}

/// Returns the public methods and constants of an `impl` block, or an empty
/// text if it has none.
fn inherent(block: &ItemImpl) -> String {
    let mut block = block.clone();
    block.items.retain(|part| match part {
        ImplItem::Fn(method) => is_pub(&method.vis) && !is_hidden(&method.attrs),
        ImplItem::Const(constant) => is_pub(&constant.vis) && !is_hidden(&constant.attrs),
        _ => false,
    });
    if block.items.is_empty() {
        return String::new();
    }
    tidy(&mut block.attrs);
    for part in &mut block.items {
        match part {
            ImplItem::Fn(method) => {
                tidy(&mut method.attrs);
                method.block.stmts.clear();
            }
            ImplItem::Const(constant) => tidy(&mut constant.attrs),
            _ => {}
        }
    }
    print(Item::Impl(block))
}

/// Returns the text of an `impl Trait for Type` block. Of its items, only the
/// associated types are kept.
fn header(block: &ItemImpl) -> String {
    let mut block = block.clone();
    block.items.retain(|part| matches!(part, ImplItem::Type(_)));
    for part in &mut block.items {
        if let ImplItem::Type(ty) = part {
            tidy(&mut ty.attrs);
        }
    }
    tidy(&mut block.attrs);
    print(Item::Impl(block))
}

fn tidy_fields(fields: &mut Fields) {
    match fields {
        Fields::Named(named) => {
            let public: Vec<_> =
                named.named.iter().filter(|field| is_pub(&field.vis)).cloned().collect();
            named.named = public.into_iter().collect();
        }
        Fields::Unnamed(unnamed) => {
            let public: Vec<_> =
                unnamed.unnamed.iter().filter(|field| is_pub(&field.vis)).cloned().collect();
            unnamed.unnamed = public.into_iter().collect();
        }
        Fields::Unit => {}
    }
    fields.iter_mut().for_each(|field| tidy(&mut field.attrs));
}

/// Removes the attributes that don't matter to users.
fn tidy(attributes: &mut Vec<Attribute>) {
    const KEPT: [&str; 5] = ["cfg", "derive", "non_exhaustive", "must_use", "deprecated"];
    attributes.retain(|attribute| KEPT.iter().any(|kept| attribute.path().is_ident(kept)));
    for attribute in attributes.iter_mut().filter(|attribute| attribute.path().is_ident("must_use"))
    {
        *attribute = syn::parse_quote!(#[must_use]);
    }
}

/// Returns the tokens without `#[doc = …]`, which is the form of doc comments
/// in tokens.
fn without_docs(tokens: proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    use proc_macro2::{Group, TokenTree};
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let is_doc = matches!(token, TokenTree::Punct(sign) if sign.as_char() == '#')
            && matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.stream().to_string().starts_with("doc"));
        if is_doc {
            at += 2;
            continue;
        }
        kept.push(match token {
            TokenTree::Group(group) => {
                TokenTree::Group(Group::new(group.delimiter(), without_docs(group.stream())))
            }
            token => token.clone(),
        });
        at += 1;
    }
    kept.into_iter().collect()
}

fn type_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        Type::Reference(reference) => type_name(&reference.elem),
        _ => None,
    }
}

/// Returns the `#[cfg(…)]` among these attributes, or an empty text if the
/// attributes contain no such condition.
pub(crate) fn condition(attributes: &[Attribute]) -> String {
    let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.map(|condition| condition.to_token_stream().to_string()).collect()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn print(item: Item) -> String {
    prettyplease::unparse(&File { shebang: None, attrs: Vec::new(), items: vec![item] })
}
