//! The contents of `#[retry(…)]`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{
    Expr, Path, Token, Type,
    ext::IdentExt,
    parenthesized,
    parse::{Parse, ParseStream},
};

use crate::{class, errors::Errors};

/// The form of a key's value.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// `key = value`
    Value,
    /// `key`
    Nothing,
    /// `key(class = value, …)`
    Classes,
    /// `key(length, hook)`
    Slice,
}

/// Setters of `Retry`.
const SETTERS: &[(&str, Takes)] = &[
    ("backoff_for", Takes::Classes),
    ("limit_for", Takes::Classes),
    ("max_attempts", Takes::Value),
    ("unlimited_attempts", Takes::Nothing),
    ("deadline", Takes::Value),
    ("no_deadline", Takes::Nothing),
    ("attempt_timeout", Takes::Value),
    ("max_unknown", Takes::Value),
    ("no_unknown_cap", Takes::Nothing),
];

/// Setters of `Policy`.
const SHARED: &[(&str, Takes)] =
    &[("circuit_breaker", Takes::Value), ("budget", Takes::Value), ("no_budget", Takes::Nothing)];

/// Setters of `Context`.
const HOOKS: &[(&str, Takes)] = &[
    ("classifier", Takes::Value),
    ("classify", Takes::Value),
    ("retry_result", Takes::Value),
    ("abort_if", Takes::Value),
    (CANCEL_ON, Takes::Value),
    ("sleep_handler", Takes::Value),
    ("observe", Takes::Value),
    ("observe_errors", Takes::Value),
    ("on_retry", Takes::Value),
    ("watched", Takes::Nothing),
    ("on_attempt_start", Takes::Value),
    ("on_attempt_end", Takes::Value),
    ("slice", Takes::Slice),
];

/// The hook that only async calls have.
const CANCEL_ON: &str = "cancel_on";

/// Hooks of which there may be several.
const REPEATABLE: &[&str] =
    &["abort_if", CANCEL_ON, "observe", "observe_errors", "on_retry", "on_attempt_start", "on_attempt_end"];

/// Settings that contradict each other.
const OPPOSITES: &[(&str, &str)] = &[
    ("max_attempts", "unlimited_attempts"),
    ("deadline", "no_deadline"),
    ("max_unknown", "no_unknown_cap"),
    ("budget", "no_budget"),
    ("classifier", "classify"),
];

/// The arguments, each setter as the method call it becomes.
#[derive(Default)]
pub(super) struct Args {
    pub(super) root: Option<Path>,
    pub(super) policy: Option<Expr>,
    pub(super) context: Option<Expr>,
    pub(super) operation: Option<Expr>,
    /// The error of the body.
    pub(super) error: Option<Type>,
    /// The name under which the body sees the attempt.
    pub(super) attempt: Option<Ident>,
    pub(super) backoff: Option<Expr>,
    /// Whether classes have backoffs of their own.
    pub(super) per_class: bool,
    /// Whether something is said about the budget.
    pub(super) has_budget: bool,
    pub(super) setters: Vec<Setter>,
    pub(super) shared: Vec<Setter>,
    pub(super) hooks: Vec<Setter>,
}

/// `.name(arguments)`, perhaps once for each class.
pub(super) struct Setter {
    name: Ident,
    calls: Vec<Call>,
}

enum Call {
    Of(Vec<Expr>),
    For(Ident, Expr),
}

impl Args {
    /// Returns the mistake of a blocking function that has hooks of async ones.
    pub(super) fn check_blocking(&self) -> syn::Result<()> {
        let message = "`cancel_on` ends async calls; a blocking function is stopped by `abort_if = || ..`";
        match self.hooks.iter().find(|hook| hook.name == CANCEL_ON) {
            Some(hook) => Err(syn::Error::new(hook.name.span(), message)),
            None => Ok(()),
        }
    }
}

impl Setter {
    /// The method calls. `root`: where classes are found.
    pub(super) fn calls(&self, root: &Path, by_reference: bool) -> TokenStream {
        let name = &self.name;
        let and = by_reference.then(|| quote!(&));
        let calls = self.calls.iter().map(|call| match call {
            Call::Of(arguments) => quote!(.#name(#(#and #arguments),*)),
            Call::For(class, value) => quote!(.#name(#root::ErrorClass::#class, #value)),
        });
        quote!(#(#calls)*)
    }
}

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut args = Self::default();
        let mut seen = Vec::<Ident>::new();
        let mut errors = Errors::default();
        while !input.is_empty() {
            let key = input.call(Ident::parse_any)?;
            if seen.contains(&key) && !REPEATABLE.iter().any(|repeatable| key == repeatable) {
                errors.push(syn::Error::new(key.span(), format!("`{key}` is given twice")));
            }
            args.read(&key, input)?;
            seen.push(key);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        for (one, other) in OPPOSITES {
            let find = |name: &str| seen.iter().find(|key| *key == name);
            if let (Some(one), Some(other)) = (find(one), find(other)) {
                errors.push(syn::Error::new(other.span(), format!("`{other}` contradicts `{one}`")));
            }
        }
        if args.policy.is_some() {
            let of_policy = |key: &&Ident| *key == "backoff" || find(&[SETTERS, SHARED], key).is_some();
            for key in seen.iter().filter(of_policy) {
                let message = format!("`{key}` is part of a policy, and there is one: set it there");
                errors.push(syn::Error::new(key.span(), message));
            }
        }
        errors.finish().map(|()| args)
    }
}

impl Args {
    fn read(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "crate" => {
                equals(key, input)?;
                self.root = Some(input.call(Path::parse_mod_style)?);
            }
            "policy" => self.policy = Some(value(key, input)?),
            "context" => self.context = Some(value(key, input)?),
            "operation" => self.operation = Some(value(key, input)?),
            "backoff" => self.backoff = Some(value(key, input)?),
            "error" => {
                equals(key, input)?;
                self.error = Some(input.parse()?);
            }
            "attempt" => {
                equals(key, input)?;
                self.attempt = Some(input.parse()?);
            }
            _ => {
                self.per_class |= key == "backoff_for";
                self.has_budget |= key == "budget" || key == "no_budget";
                if let Some(takes) = find(&[SETTERS], key) {
                    self.setters.push(setter(key, takes, input)?);
                } else if let Some(takes) = find(&[SHARED], key) {
                    self.shared.push(setter(key, takes, input)?);
                } else if let Some(takes) = find(&[HOOKS], key) {
                    self.hooks.push(setter(key, takes, input)?);
                } else {
                    return Err(syn::Error::new(key.span(), unknown(key)));
                }
            }
        }
        Ok(())
    }
}

fn find(tables: &[&[(&str, Takes)]], key: &Ident) -> Option<Takes> {
    tables.iter().copied().flatten().find(|(name, _)| key == name).map(|(_, takes)| *takes)
}

fn unknown(key: &Ident) -> String {
    let names = |table: &[(&str, Takes)]| {
        let names: Vec<_> = table.iter().map(|(name, _)| format!("`{name}`")).collect();
        names.join(", ")
    };
    format!(
        "unknown option `{key}`; there are `policy`, or a policy in place with `backoff`, {}, {}; `context`; `operation`, \
         {}; `error`, `attempt`, `crate`",
        names(SETTERS),
        names(SHARED),
        names(HOOKS)
    )
}

fn equals(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        return Ok(());
    }
    Err(syn::Error::new(key.span(), format!("`{key}` takes a value: `{key} = …`")))
}

fn value(key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    equals(key, input)?;
    input.parse()
}

fn setter(key: &Ident, takes: Takes, input: ParseStream<'_>) -> syn::Result<Setter> {
    let calls = match takes {
        Takes::Value => vec![Call::Of(vec![value(key, input)?])],
        Takes::Nothing => vec![Call::Of(Vec::new())],
        Takes::Classes => {
            let classes = list(key, "rate_limit = …", input)?;
            let calls = if key == "backoff_for" {
                classes.parse_terminated(retryable_class_value, Token![,])?
            } else {
                classes.parse_terminated(class_value, Token![,])?
            };
            calls.into_iter().collect()
        }
        Takes::Slice => {
            let arguments = list(key, "length, hook", input)?;
            let span = arguments.span();
            let arguments: Vec<_> = arguments.parse_terminated(Expr::parse, Token![,])?.into_iter().collect();
            if arguments.len() != 2 {
                return Err(syn::Error::new(span, format!("`{key}` takes two values: `{key}(length, hook)`")));
            }
            vec![Call::Of(arguments)]
        }
    };
    Ok(Setter { name: key.clone(), calls })
}

fn list<'i>(key: &Ident, example: &str, input: ParseStream<'i>) -> syn::Result<syn::parse::ParseBuffer<'i>> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new(key.span(), format!("`{key}` takes a list: `{key}({example})`")));
    }
    let content;
    parenthesized!(content in input);
    Ok(content)
}

fn retryable_class_value(input: ParseStream<'_>) -> syn::Result<Call> {
    let name = input.fork().call(Ident::parse_any)?;
    match class::variant(&name) {
        Some(class) if !class::is_retryable(&class) => Err(syn::Error::new(
            name.span(),
            format!("`{name}` failures have no backoff of their own: they wait as `unknown` does"),
        )),
        _ => class_value(input),
    }
}

fn class_value(input: ParseStream<'_>) -> syn::Result<Call> {
    let name = input.call(Ident::parse_any)?;
    let Some(class) = class::variant(&name) else {
        return Err(syn::Error::new(name.span(), format!("unknown class `{name}`; there are {}", class::NAMES)));
    };
    Ok(Call::For(class, value(&name, input)?))
}
