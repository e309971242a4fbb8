//! `#[derive(Classify)]`.

mod attribute;
mod fields;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Expr, Fields, GenericParam, Generics, Ident, Path, Type, spanned::Spanned, visit::Visit};

use self::{
    attribute::{Kind, Spec},
    fields::Bindings,
};
use crate::{class, errors::Errors, root};

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    let whole = Spec::read(&input.attrs, &mut errors);
    let root = root::find(whole.root.as_ref())?;
    let mut derive = Derive { root, generics: &input.generics, bounds: Vec::new(), errors };

    let arms = match &input.data {
        Data::Struct(data) => {
            let arm = derive.arm(&quote!(Self), &input.ident, &data.fields, whole);
            quote!(#arm)
        }
        Data::Enum(data) => {
            if let Some((_, word)) = &whole.kind {
                derive.errors.push(syn::Error::new_spanned(word, "the class belongs to each variant of an enum"));
            }
            for (_, key) in [&whole.retry_after, &whole.code].into_iter().flatten() {
                derive.errors.push(syn::Error::new_spanned(key, format!("`{key}` belongs to a variant")));
            }
            let arms: Vec<_> = data
                .variants
                .iter()
                .map(|variant| {
                    let name = &variant.ident;
                    let spec = Spec::read(&variant.attrs, &mut derive.errors);
                    if spec.root.is_some() {
                        derive.errors.push(syn::Error::new_spanned(name, "`crate` belongs to the whole type"));
                    }
                    derive.arm(&quote!(Self::#name), name, &variant.fields, spec)
                })
                .collect();
            quote!(#(#arms)*)
        }
        Data::Union(data) => {
            return Err(syn::Error::new_spanned(data.union_token, "a union does not know what it is: no `Classify`"));
        }
    };
    let Derive { root, bounds, errors, .. } = derive;
    errors.finish()?;

    let name = &input.ident;
    let (impl_generics, type_generics, _) = input.generics.split_for_impl();
    let mut generics = input.generics.clone();
    generics.make_where_clause().predicates.extend(bounds);
    let where_clause = &generics.where_clause;
    // An enum without variants has no value to look at.
    let value = if arms.is_empty() { quote!(*self) } else { quote!(self) };
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #root::Classify for #name #type_generics #where_clause {
            // A name in an expression may be that of a field without meaning it.
            #[allow(unused_variables, clippy::match_single_binding)]
            #[inline]
            fn classify(&self) -> #root::Classification {
                match #value { #arms }
            }
        }
    })
}

struct Derive<'a> {
    root: Path,
    generics: &'a Generics,
    bounds: Vec<syn::WherePredicate>,
    errors: Errors,
}

impl Derive<'_> {
    /// The arm of the `match`. After a mistake, what it says does not matter any more.
    fn arm(&mut self, path: &TokenStream, name: &Ident, fields: &Fields, spec: Spec) -> TokenStream {
        let root = self.root.clone();
        let mut bindings = Bindings::new(fields);
        let value = match spec.kind {
            Some((Kind::Class(class), _)) => quote!(#root::Classification::new(#root::ErrorClass::#class)),
            Some((Kind::Abort, _)) => quote!(#root::Classification::abort()),
            Some((Kind::OutcomeUnknown, _)) => quote!(#root::Classification::outcome_unknown()),
            Some((Kind::Transparent(given), word)) => match given.map_or_else(|| bindings.only(&word), Ok) {
                Ok(inner) => {
                    let inner = self.value(&mut bindings, &inner, &quote!(Classify));
                    quote_spanned!(word.span()=> #root::Classify::classify(#inner))
                }
                Err(error) => {
                    self.errors.push(error);
                    quote!()
                }
            },
            None => {
                // Without a class because of a mistake that was reported: no second report.
                if spec.span.is_none() || spec.retry_after.is_some() || spec.code.is_some() || spec.root.is_some() {
                    let message = format!(
                        "`{name}` has no class; write `#[class(transient)]`, or another of {}, or \
                         `#[class(transparent)]` around an error that knows its class",
                        class::NAMES
                    );
                    self.errors.push(syn::Error::new(name.span(), message));
                }
                quote!()
            }
        };
        let value = match &spec.retry_after {
            Some((hint, _)) => {
                let hint = self.value(&mut bindings, hint, &quote!(__private::Hint));
                quote_spanned!(hint.span()=> #root::__private::with_hint(#value, #hint))
            }
            None => value,
        };
        let value = match &spec.code {
            Some((code, _)) => {
                let code = self.value(&mut bindings, &fields::unsigned(code), &quote!(__private::Code));
                quote_spanned!(code.span()=> #root::__private::with_code(#value, #code))
            }
            None => value,
        };
        let pattern = bindings.pattern();
        quote!(#path #pattern => #value,)
    }

    /// Returns a reference to the value of an expression over the fields. A field of a generic type gets a trait bound.
    fn value(&mut self, bindings: &mut Bindings<'_>, expression: &Expr, bound: &TokenStream) -> TokenStream {
        match bindings.bind(expression) {
            Ok(Some(ty)) => {
                if mentions_parameter(ty, self.generics) {
                    let root = &self.root;
                    self.bounds.push(syn::parse_quote!(#ty: #root::#bound));
                }
                quote!(#expression)
            }
            Ok(None) => quote_spanned!(expression.span()=> &(#expression)),
            Err(error) => {
                self.errors.push(error);
                quote!(#expression)
            }
        }
    }
}

fn mentions_parameter(ty: &Type, generics: &Generics) -> bool {
    struct Finder<'g>(&'g Generics, bool);

    impl<'ast> Visit<'ast> for Finder<'_> {
        fn visit_ident(&mut self, ident: &'ast Ident) {
            self.1 |= self.0.params.iter().any(|param| match param {
                GenericParam::Type(param) => param.ident == *ident,
                _ => false,
            });
        }
    }

    let mut finder = Finder(generics, false);
    finder.visit_type(ty);
    finder.1
}
