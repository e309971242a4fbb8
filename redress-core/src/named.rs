//! Enums whose variants have a name, the same in every sink.

/// Defines an enum with a name for each variant. Its display and `defmt` write the name, which `defmt` interns; serde takes it
/// for the variant. With `@`, the display is the type's own.
macro_rules! named {
    ($(#[$attribute:meta])* $name:ident $variants:tt) => {
        named! { @ $(#[$attribute])* $name $variants }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
    (@ $(#[$attribute:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        /// By its name, which is interned.
        #[cfg(feature = "defmt")]
        impl defmt::Format for $name {
            fn format(&self, f: defmt::Formatter<'_>) {
                let name = match self {
                    $(Self::$variant => defmt::intern!($text),)*
                };
                defmt::write!(f, "{=istr}", name);
            }
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$variant),*];

            /// Returns the name that every sink uses, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

    };
}

pub(crate) use named;
