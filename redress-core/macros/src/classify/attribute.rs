//! The contents of `#[class(…)]`.

use proc_macro2::{Ident, Span};
use syn::{Attribute, Expr, Meta, Path, Token, ext::IdentExt, parse::ParseStream, spanned::Spanned};

use crate::{class, errors::Errors};

/// The classification that is written on a variant or struct.
pub(super) enum Kind {
    /// The variant of `ErrorClass`.
    Class(Ident),
    /// The classification of its field, or of this value.
    Transparent(Option<Expr>),
    /// A request to stop, not a failure.
    Abort,
    /// A failure that leaves open whether the operation took effect.
    OutcomeUnknown,
}

/// The `#[class(…)]`s of one variant or type, taken together.
#[derive(Default)]
pub(super) struct Spec {
    pub(super) kind: Option<(Kind, Ident)>,
    pub(super) retry_after: Option<(Expr, Ident)>,
    pub(super) code: Option<(Expr, Ident)>,
    pub(super) root: Option<Path>,
    /// The position of the first attribute; `None` without one.
    pub(super) span: Option<Span>,
}

enum Item {
    Kind(Kind, Ident),
    RetryAfter(Expr, Ident),
    Code(Expr, Ident),
    Root(Path, Ident),
}

impl Spec {
    /// Reads the attributes.
    pub(super) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut spec = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("class")) {
            let Meta::List(list) = &attribute.meta else {
                let message = format!("write `#[class(transient)]`, or another of {}", class::NAMES);
                errors.push(syn::Error::new_spanned(&attribute.meta, message));
                spec.span.get_or_insert(Span::call_site());
                continue;
            };
            spec.span.get_or_insert_with(|| list.path.span());
            let items = list.parse_args_with(|input: ParseStream<'_>| input.parse_terminated(Item::parse, Token![,]));
            for item in errors.take(items).into_iter().flatten() {
                spec.add(item, errors);
            }
        }
        if let Some((Kind::Abort, _)) = spec.kind {
            for (_, key) in [&spec.retry_after, &spec.code].into_iter().flatten() {
                errors.push(syn::Error::new_spanned(key, "an abort is no failure: it has neither hint nor code"));
            }
        }
        spec
    }

    fn add(&mut self, item: Item, errors: &mut Errors) {
        let twice = match item {
            Item::Kind(kind, word) => {
                if let Some((_, first)) = &self.kind {
                    let message = format!("one class only: it is `{first}` already");
                    errors.push(syn::Error::new_spanned(word, message));
                } else {
                    self.kind = Some((kind, word));
                }
                return;
            }
            Item::RetryAfter(value, key) => self.retry_after.replace((value, key.clone())).map(|_| key),
            Item::Code(value, key) => self.code.replace((value, key.clone())).map(|_| key),
            Item::Root(path, key) => self.root.replace(path).map(|_| key),
        };
        if let Some(key) = twice {
            let message = format!("`{key}` is given twice");
            errors.push(syn::Error::new_spanned(key, message));
        }
    }
}

impl Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let word = input.call(Ident::parse_any)?;
        if let Some(variant) = class::variant(&word) {
            return Ok(Self::Kind(Kind::Class(variant), word));
        }
        match word.to_string().as_str() {
            "transparent" if input.peek(Token![=]) => {
                Ok(Self::Kind(Kind::Transparent(Some(value(input, &word)?)), word))
            }
            "transparent" => Ok(Self::Kind(Kind::Transparent(None), word)),
            "abort" => Ok(Self::Kind(Kind::Abort, word)),
            "outcome_unknown" => Ok(Self::Kind(Kind::OutcomeUnknown, word)),
            "retry_after" => Ok(Self::RetryAfter(value(input, &word)?, word)),
            "code" => Ok(Self::Code(value(input, &word)?, word)),
            "crate" => {
                input.parse::<Token![=]>()?;
                Ok(Self::Root(input.call(Path::parse_mod_style)?, word))
            }
            _ => {
                let message = format!(
                    "unknown class `{word}`; there are {}, `transparent`, `outcome_unknown` and `abort`, and besides them \
                     `retry_after = field` and `code = field`",
                    class::NAMES
                );
                Err(syn::Error::new(word.span(), message))
            }
        }
    }
}

fn value(input: ParseStream<'_>, key: &Ident) -> syn::Result<Expr> {
    if !input.peek(Token![=]) {
        return Err(syn::Error::new(key.span(), format!("`{key}` takes a field: `{key} = field`")));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}
